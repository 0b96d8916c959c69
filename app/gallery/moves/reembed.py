"""Move a gallery to another model: every kept crop is embedded anew, all or nothing."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from facegate.errors import ConflictError, FacegateError
from facegate.gallery import history, people, vectors
from facegate.gallery.history import Change
from facegate.gallery.store import Store, set_setting
from facegate.gallery.values import Operation
from facegate.gallery.writes import changes

if TYPE_CHECKING:
    from facegate.models.card import Card, Point
    from facegate.models.values import Floats, Pixels

_BATCH = 64


class Embeds(Protocol):
    """What an embedder must offer here; ``facegate.models.zoo.Embedder`` does."""

    model_id: str
    card: "Card"

    def __call__(self, crops: "Pixels") -> "Floats":
        """Turn uint8 (N, S, S, 3) RGB into float32 (N, D), unit rows."""
        ...


def reembed(
    store: Store,
    writing: Callable[[], AbstractContextManager[sqlite3.Connection]],
    model_id: str,
    embedder: Embeds,
    done: Callable[[int], None],
    by: Change,
) -> Operation:
    """Move a gallery from one model to another; see ``Gallery.reembed``."""
    with store.reading() as db:
        repeated = history.repeated(db, by.uid, "reembed")
    if repeated is not None:
        return repeated
    work = Reembedding(store, model_id, embedder, done)
    while True:
        with writing() as db:
            if work.is_complete(db):
                return history.by_seq(db, work.write(db, by))
        work.embed_missing()


class Reembedding:
    """The slow part, done before the transaction: new embeddings of all samples.

    Raises:
        ConflictError: the gallery is of that model already, a sample has no crop, or the crops
            are cut in a way that the model does not take.
    """

    def __init__(
        self, store: Store, model_id: str, embedder: Embeds, done: Callable[[int], None]
    ) -> None:
        self._store, self._embedder, self._old = store, embedder, model_id
        self._tell = done
        if embedder.model_id == model_id:
            raise ConflictError(
                f"gallery {store.path} holds templates of {model_id} already",
                hint="nothing was changed",
            )
        _same_cut(model_id, embedder.card)
        self._done: dict[int, Floats] = {}
        self.embed_missing()

    def embed_missing(self) -> None:
        """Embed the samples that have come since."""
        with self._store.reading(model_id=self._old) as db:
            wanted = [number for number in _live(db) if number not in self._done]
            _refuse_cropless(db)
        for start in range(0, len(wanted), _BATCH):
            numbers = wanted[start : start + _BATCH]
            with self._store.reading() as db:
                images = [
                    db.execute("SELECT image FROM photo WHERE sample_id = ?", (n,)).fetchone()
                    for n in numbers
                ]
            # A sample that was removed meanwhile is not missed.
            there = [(n, row[0]) for n, row in zip(numbers, images, strict=True) if row]
            if there:
                rows = self._embedder(self._decoded(there))
                self._done.update(zip([n for n, _ in there], rows, strict=True))
            self._tell(len(numbers))

    def is_complete(self, db: sqlite3.Connection) -> bool:
        """Say whether every sample that the transaction sees is embedded."""
        return all(number in self._done for number in _live(db))

    def write(self, db: sqlite3.Connection, by: Change) -> int:
        """Replace all templates and the gallery's model; return the operation's number."""
        new = self._embedder.model_id
        numbers = _live(db)
        seq = by.record(db, "reembed", None, note={"from": self._old, "to": new})
        db.execute(
            "INSERT INTO model (model_id, dim, added) VALUES (?, ?, ?) "
            "ON CONFLICT (model_id) DO NOTHING",
            (new, self._embedder.card.dim, by.at),
        )
        db.execute(
            "UPDATE model SET dim = coalesce(dim, ?) WHERE model_id = ?",
            (self._embedder.card.dim, new),
        )
        db.executemany(
            "UPDATE template SET retired_op = ? WHERE sample_id = ? AND retired_op IS NULL",
            [(seq, number) for number in numbers],
        )
        for number in numbers:
            changes.add_template(db, seq, number, new, vectors.encode(self._done[number]))
        set_setting(db, "model", new)
        return seq

    def _decoded(self, images: Sequence[tuple[int, bytes]]) -> "Pixels":
        import numpy as np

        from facegate.data.images import read_photo

        size = self._embedder.card.input_size
        crops = []
        for number, image in images:
            pixels = read_photo(
                image, full_size=True, min_side=1, name=f"the crop of sample {number}"
            ).pixels
            height, width, _ = pixels.shape
            if (height, width) != (size, size):
                raise ConflictError(
                    f"the crop of sample {number} has {width} x {height} pixels, "
                    f"model {self._embedder.card.name} takes {size} x {size}",
                    hint="enrol the photographs again into a new gallery",
                )
            crops.append(pixels)
        return np.stack(crops)


def _live(db: sqlite3.Connection) -> list[int]:
    rows = db.execute("SELECT id FROM sample WHERE retired_op IS NULL ORDER BY id")
    return [number for (number,) in rows]


def _refuse_cropless(db: sqlite3.Connection) -> None:
    rows = db.execute(
        "SELECT identity.name FROM sample JOIN identity ON identity.id = sample.identity_id "
        "WHERE sample.retired_op IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM photo WHERE photo.sample_id = sample.id)"
    ).fetchall()
    if rows:
        samples = people.count(db)[1]
        raise ConflictError(
            f"{len(rows)} of {samples} samples have no kept crop, one of them of {rows[0][0]!r}",
            hint="a template cannot be turned into another model's: enrol again with --keep-crops",
        )


def _same_cut(old_model: str, card: "Card") -> None:
    """Refuse a model that wants its crops cut in another way than the gallery's."""
    from facegate.models import zoo

    try:
        old = zoo.card(old_model)
    except FacegateError:
        return  # not known here any more: the size of the crops is all there is to compare
    differs = [
        what
        for what in ("input_size", "alignment", "margin")
        if getattr(old, what) != getattr(card, what)
    ]
    if not differs and not _close(old.template, card.template):
        differs = ["template"]
    if differs:
        raise ConflictError(
            f"crops cut for model {old.name} do not suit {card.name}, their "
            f"{' and '.join(differs)} differ",
            hint="enrol the photographs again into a new gallery",
        )


def _close(a: "Sequence[Point] | None", b: "Sequence[Point] | None") -> bool:
    """Say whether two templates put the landmarks within a tenth of a pixel."""
    if a is None or b is None:
        return a is b
    flat = zip((v for p in a for v in p), (v for p in b for v in p), strict=True)
    return all(abs(x - y) <= 0.1 for x, y in flat)
