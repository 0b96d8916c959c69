"""Exact search: a FAISS index in memory, made from the rows and following every commit.

It is never written or read: the file format of FAISS has no checksum, and a changed file loads
and searches without a word. Template ids are the ids inside the index.
"""

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from facegate.gallery import people
from facegate.gallery.store import Store, setting
from facegate.gallery.values import Candidate, Identity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facegate.models.values import Floats

_FIRST_LOOK = 16
"""Templates to fetch for one probe at first; a person may have several among the best."""

_FEW_PRODUCTS = 20_000_000
"""Products of numbers below which one thread searches faster than several: they wait for each other
at the end, on a busy machine for longer than the search takes."""

_REBUILD_SHARE = 0.01
"""Removing ids costs a pass over all of them, so beyond this share a rebuild is no dearer."""


class Snapshot:
    """The searchable state of a gallery after one operation.

    Args:
        ids: template ids (N,). owners: identity ids (N,). matrix: float32 (N, D), unit rows.
        identities: everybody who is enrolled, by id.
    """

    def __init__(
        self,
        ids: "NDArray[np.int64]",
        owners: "NDArray[np.int64]",
        matrix: "Floats",
        identities: dict[int, Identity],
    ) -> None:
        import faiss

        self.owner: dict[int, int] = dict(zip(ids.tolist(), owners.tolist(), strict=True))
        self.templates: dict[int, set[int]] = {}
        for template, identity in self.owner.items():
            self.templates.setdefault(identity, set()).add(template)
        self.identities = identities
        self.readers = 0
        self.index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(matrix.shape[1]))
        if len(ids):
            self.index.add_with_ids(matrix, ids)

    def copy(self) -> "Snapshot":
        """Return a snapshot that can be changed while others search this one."""
        import faiss

        other = object.__new__(Snapshot)
        other.owner = dict(self.owner)
        other.templates = {identity: set(held) for identity, held in self.templates.items()}
        other.identities = dict(self.identities)
        other.readers = 0
        other.index = faiss.clone_index(self.index)
        return other

    def renew(self, db: sqlite3.Connection, touched: Iterable[int]) -> None:
        """Bring the templates and names of some identities up to date."""
        import numpy as np

        gone: set[int] = set()
        fresh: list[tuple[NDArray[np.int64], Floats]] = []
        now: dict[int, int] = {}
        for identity_id in touched:
            identity = people.enrolled_by_id(db, identity_id)
            gone |= self.templates.pop(identity_id, set())
            if identity is None:
                self.identities.pop(identity_id, None)
                continue
            self.identities[identity_id] = identity
            ids, owners, matrix = people.templates(db, identity_id)
            if len(ids):
                now.update(zip(ids.tolist(), owners.tolist(), strict=True))
                self.templates[identity_id] = set(ids.tolist())
                is_new = np.array([template not in self.owner for template in ids.tolist()])
                fresh.append((ids[is_new], matrix[is_new]))
        lost = gone - set(now)
        for template in lost:
            del self.owner[template]
        self.owner.update(now)
        if lost:
            self.index.remove_ids(np.array(sorted(lost), np.int64))
        for ids, matrix in fresh:
            if len(ids):
                self.index.add_with_ids(matrix, ids)

    def search(self, embeddings: "Floats", k: int) -> list[list[Candidate]]:
        """Return the k best identities of each row, by the score of their best template."""
        total = self.index.ntotal
        answers: list[list[Candidate]] = [[] for _ in range(len(embeddings))]
        if not total or k < 1:
            return answers
        if embeddings.shape[1] != self.index.d:
            shape = tuple(embeddings.shape)
            raise ValueError(f"embeddings must have shape (N, {self.index.d}), got {shape}")
        wanted = min(k, len(self.templates))
        rows, depth = list(range(len(embeddings))), min(total, max(_FIRST_LOOK, 4 * k))
        few = len(rows) == 1 or len(rows) * total * self.index.d < _FEW_PRODUCTS
        while rows:
            scores, ids = _search(self.index, embeddings[rows], depth, one_thread=few)
            for row, row_scores, row_ids in zip(rows, scores, ids, strict=True):
                answers[row] = self._best(row_scores, row_ids, k)
            if depth == total:
                break
            # All the best templates may be of fewer people than asked for: look deeper.
            rows = [row for row in rows if len(answers[row]) < wanted]
            depth = min(total, depth * 8)
        return answers

    def _best(
        self, scores: "NDArray[np.float32]", ids: "NDArray[np.int64]", k: int
    ) -> list[Candidate]:
        found: dict[int, Candidate] = {}
        # Equal scores come in the order of ids, so that the answer is always the same.
        for score, template in sorted(
            zip(scores.tolist(), ids.tolist(), strict=True), key=lambda pair: (-pair[0], pair[1])
        ):
            owner = self.owner[template]
            if owner not in found:
                found[owner] = Candidate(self.identities[owner], score, template)
                if len(found) == k:
                    break
        return list(found.values())


def _search(
    index: Any, rows: "Floats", depth: int, *, one_thread: bool
) -> "tuple[NDArray[np.float32], NDArray[np.int64]]":
    import faiss

    before = faiss.omp_get_max_threads()
    if one_thread:
        faiss.omp_set_num_threads(1)
    try:
        scores, ids = index.search(rows, depth)
    finally:
        faiss.omp_set_num_threads(before)
    return scores, ids


class Follower:
    """Keeps a snapshot up to date with everything that any process commits."""

    def __init__(self, store: Store, model_id: str) -> None:
        self._store, self._model_id = store, model_id
        self._snapshot: Snapshot | None = None
        self._version: tuple[int, int, int] | None = None
        self._uid, self._seq = "", 0

    def search(self, embeddings: "Floats", k: int) -> list[list[Candidate]]:
        """Search the newest state; no lock is held during the search itself."""
        with self._store.lock:
            snapshot = self._newest()
            snapshot.readers += 1
        try:
            return snapshot.search(embeddings, k)
        finally:
            with self._store.lock:
                snapshot.readers -= 1

    def _newest(self) -> Snapshot:
        with self._store.reading(model_id=self._model_id) as db:
            version = self._store.version(db)
            if self._snapshot is None or version != self._version:
                self._follow(db)
                self._version = version
            assert self._snapshot is not None
            return self._snapshot

    def _follow(self, db: sqlite3.Connection) -> None:
        uid = str(setting(db, "uid"))
        news = db.execute(
            "SELECT seq, identity_id, other_id FROM op WHERE seq > ? ORDER BY seq", (self._seq,)
        ).fetchall()
        touched = {number for _, *both in news for number in both if number is not None}
        if (
            self._snapshot is None
            or not self._snapshot.owner
            or uid != self._uid
            or any(identity_id is None for _, identity_id, _ in news)
            or len(news) != (news[-1][0] - self._seq if news else 0)
            or self._is_much(touched)
        ):
            self._snapshot = _load(db)
        elif touched:
            if self._snapshot.readers:
                self._snapshot = self._snapshot.copy()
            self._snapshot.renew(db, touched)
        self._uid = uid
        self._seq = db.execute("SELECT coalesce(max(seq), 0) FROM op").fetchone()[0]

    def _is_much(self, touched: set[int]) -> bool:
        assert self._snapshot is not None
        held = sum(len(self._snapshot.templates.get(number, ())) for number in touched)
        return held > max(100, _REBUILD_SHARE * len(self._snapshot.owner))


def _load(db: sqlite3.Connection) -> Snapshot:
    ids, owners, matrix = people.templates(db)
    identities = {identity.id: identity for identity in people.page(db, 0, None, "")}
    return Snapshot(ids, owners, matrix, identities)
