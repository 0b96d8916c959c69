"""What can be asked of a gallery without changing it."""

from typing import TYPE_CHECKING

from facegate.closing import Closing
from facegate.errors import DamagedGalleryError, UnknownIdentityError
from facegate.gallery import history, people, vectors
from facegate.gallery.check import findings
from facegate.gallery.index import Follower
from facegate.gallery.store import Store, setting
from facegate.gallery.values import Candidate, Finding, Identity, Operation, StoredSample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facegate.models.values import Floats


class View(Closing):
    """The questions that a gallery answers. Each sees one state of the file."""

    def __init__(self, connection: Store, model_id: str) -> None:
        self._store = connection
        self._follower = Follower(connection, model_id)
        self.model_id, self.path = model_id, connection.path

    def close(self) -> None:
        """Close the file. A closed gallery answers no more."""
        self._store.close()

    @property
    def uid(self) -> str | None:
        """Return 128 random bits in hex that name this gallery; a restore gives it new ones."""
        return self.setting("uid")

    @property
    def dim(self) -> int | None:
        """Return the number of dimensions of the templates; None before the first enrolment."""
        with self._store.reading() as db:
            return people.dim(db)

    def count(self) -> tuple[int, int]:
        """Return how many identities and how many templates there are."""
        with self._store.reading() as db:
            return people.count(db)

    def identities(
        self, offset: int = 0, limit: int | None = None, search: str = ""
    ) -> list[Identity]:
        """Return a page of the identities in the order of their names.

        Args:
            search: only those whose name holds this; case and width do not count.
        """
        with self._store.reading() as db:
            return people.page(db, offset, limit, search)

    def identity(self, name: str) -> Identity:
        """Return who has a name."""
        with self._store.reading() as db:
            return people.get(db, name)

    def find(self, name: str) -> Identity | None:
        """Return who has a name, or None."""
        with self._store.reading() as db:
            return people.find(db, name)

    def identity_by_id(self, number: int) -> Identity:
        """Return who has a number.

        Raises:
            UnknownIdentityError: nobody who is enrolled now has it.
        """
        with self._store.reading() as db:
            person = people.enrolled_by_id(db, number)
        if person is None:
            raise UnknownIdentityError(
                f"there is no identity {number}", hint="see the list of identities"
            )
        return person

    def samples(self, name: str) -> list[StoredSample]:
        """Return the samples of a person, oldest first."""
        with self._store.reading() as db:
            return people.samples(db, people.get(db, name).id)

    def crops(self, name: str) -> list[tuple[int, bytes]]:
        """Return sample id and PNG of every kept crop of a person."""
        with self._store.reading() as db:
            return people.crops(db, people.get(db, name).id)

    def templates(self, name: str) -> "tuple[NDArray[np.int64], Floats]":
        """Return the template ids (N,) of a person, and their embeddings, float32 (N, D).

        A damaged template is left out with a warning.

        Raises:
            DamagedGalleryError: all of them are damaged.
        """
        with self._store.reading(model_id=self.model_id) as db:
            identity = people.get(db, name)
            ids, _, matrix = people.templates(db, identity.id)
        if identity.n_samples and not len(ids):
            raise DamagedGalleryError(
                f"all templates of {identity.name!r} in gallery {self.path} are damaged",
                hint="restore a backup with 'facegate gallery restore BACKUP'",
            )
        return ids, matrix

    def all_templates(self) -> "tuple[NDArray[np.int64], NDArray[np.int64], Floats]":
        """Return everybody's template ids (N,), identity ids (N,) and float32 (N, D)."""
        with self._store.reading(model_id=self.model_id) as db:
            return people.templates(db)

    def known_sources(self) -> set[tuple[str, int]]:
        """Return source hash and face number of everything that is enrolled."""
        with self._store.reading() as db:
            return people.sources(db)

    def has_source(self, source_hash: str, name: str | None = None) -> bool:
        """Say whether a photograph is enrolled, for anybody or for the one of this name."""
        with self._store.reading() as db:
            identity = people.find(db, name) if name is not None else None
            if name is not None and identity is None:
                return False
            return people.has_source(db, source_hash, identity.id if identity else None)

    def search(self, embeddings: "Floats", *, k: int = 2) -> list[list[Candidate]]:
        """Return who is most like each probe, best first. The search is exact.

        It knows everything that any process has committed when it starts.

        Args:
            embeddings: float32 (N, D), unit rows.
            k: identities to return; fewer where fewer are enrolled.
        """
        import numpy as np

        rows = np.ascontiguousarray(embeddings, np.float32)
        if problem := vectors.fault(rows, None):
            raise ValueError(problem)
        return self._follower.search(rows, k)

    def history(self, limit: int = 50, identity: str | None = None) -> list[Operation]:
        """Return the latest operations, newest first, of everybody or of one person."""
        with self._store.reading() as db:
            person = people.get(db, identity) if identity is not None else None
            return history.latest(db, limit, person.id if person else None)

    def find_operation(self, op_uid: str) -> Operation | None:
        """Return the operation that was saved under a caller's id, or None."""
        with self._store.reading() as db:
            return history.by_uid(db, op_uid)

    def check(self) -> list[Finding]:
        """Look for damage in the whole file; an empty list where there is none."""
        with self._store.reading() as db:
            return findings(db)

    @property
    def last_operation(self) -> Operation | None:
        """Return the last operation that this object saved; right also after Ctrl-C."""
        if self._store.last_seq is None:
            return None
        with self._store.reading() as db:
            return history.by_seq(db, self._store.last_seq)

    def setting(self, key: str) -> str | None:
        """Return what the gallery remembers under a key, or None."""
        with self._store.reading() as db:
            return setting(db, key)
