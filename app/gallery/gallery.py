"""The gallery as its users see it: one object, one file, every change one operation."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from facegate import __version__
from facegate.errors import DamagedGalleryError
from facegate.gallery import history, opening, store
from facegate.gallery.index import Follower
from facegate.gallery.store import TIMEOUT_S, Store, mismatch
from facegate.gallery.values import Enrolled, Imported, Operation, Restored, Sample
from facegate.gallery.view import View
from facegate.gallery.writes import changes, erasing, undoing
from facegate.gallery.writes.sweeping import sweep

if TYPE_CHECKING:
    from facegate.gallery.moves.parcel import Parcel
    from facegate.gallery.moves.reembed import Embeds

_OWN_SETTINGS = {"uid", "model", "made_by", erasing.UNSWEPT}


class Gallery(View):
    """Identities and their templates, all of one model, in one file.

    Open it with ``Gallery.open``. Several processes may use one file at once, and several threads
    one gallery. Every change is one transaction and one line of the history: all of it is saved
    when the method returns, or nothing is. Methods raise ``GalleryError``; those that take a name
    raise UnknownIdentityError where nobody has it and InvalidNameError where nobody can.

    Methods that change the gallery take ``op_uid``, the caller's own id of the operation (an
    operation that is asked for again under its id answers again and changes nothing), and
    ``actor``, who asks for it.
    """

    _is_purged = False

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        model_id: str | None = None,
        create: bool = False,
        read_only: bool = False,
        timeout: float = TIMEOUT_S,
    ) -> Self:
        """Open a gallery file.

        Args:
            path: the file.
            model_id: the model whose embeddings will be offered; by default the gallery's own.
                A new gallery must be given one.
            create: make the gallery where there is no file. An empty file is not taken for one.
            read_only: refuse every change.
            timeout: seconds to wait for another process.

        Raises:
            NotAGalleryError: no such file, or something else. DamagedGalleryError: it was one.
            NewerGalleryError: a newer facegate made it.
            ModelMismatchError: it holds templates of another model.
        """
        file = Path(os.path.abspath(path))  # so that it stays the file after a chdir()
        if create and not os.path.lexists(file):
            if model_id is None:
                raise ValueError("a new gallery needs a model_id")
            opening.create(file, model_id=model_id, made_by=__version__, now=store.now())
        connection = Store(file, read_only=read_only, timeout=timeout)
        try:
            with connection.reading() as db:
                current = store.setting(db, "model")
            if current is None:
                raise DamagedGalleryError(
                    f"gallery {file} is damaged, it does not say which model it is of",
                    hint="restore a backup with 'facegate gallery restore BACKUP'",
                )
            if model_id not in (None, current):
                raise mismatch(file, current, str(model_id))
        except BaseException:
            connection.close()
            raise
        return cls(connection, current)

    def enroll(
        self,
        name: str,
        samples: Sequence[Sample],
        *,
        op_uid: str | None = None,
        actor: str = "local",
    ) -> Enrolled:
        """Enrol somebody new, or add samples to who has the name: all of them or none.

        Samples whose source hash and face number the person has already are passed over. Where
        that leaves none, nothing is written.

        Raises:
            ValueError: an embedding is not finite, not of unit length or not of the gallery's
                dimensions, or another fact of a sample is impossible.
        """
        by = history.change(op_uid, actor)
        with self._write() as db:
            done = history.repeated(db, by.uid, "enroll")
            if done is not None:
                return changes.enrolled(db, done.seq)
            return changes.enroll(db, by, name, samples)

    def rename(
        self, old: str, new: str, *, op_uid: str | None = None, actor: str = "local"
    ) -> Operation:
        """Give a person another name.

        Raises:
            NameTakenError: somebody else has it.
        """
        return self._change("rename", changes.rename, op_uid, actor, old, new)

    def merge(
        self, source: str, target: str, *, op_uid: str | None = None, actor: str = "local"
    ) -> Operation:
        """Give all samples of one person to another, for two that are one."""
        return self._change("merge", changes.merge, op_uid, actor, source, target)

    def remove(self, name: str, *, op_uid: str | None = None, actor: str = "local") -> Operation:
        """Take a person out. It can be undone for 30 days, then the rows are deleted."""
        return self._change("remove", changes.remove, op_uid, actor, name)

    def remove_sample(
        self, sample_id: int, *, op_uid: str | None = None, actor: str = "local"
    ) -> Operation:
        """Take one sample out of a person who has others. It can be undone for 30 days."""
        return self._change("remove_sample", changes.remove_sample, op_uid, actor, sample_id)

    def erase(self, name: str, *, op_uid: str | None = None, actor: str = "local") -> Operation:
        """Delete a person for good: rows, crops and names, in the history too.

        Nothing of them is left in the file. It cannot be undone, and a later restore erases them
        from the backup again. Identities merged into this one, and earlier ones of the same name
        that were removed, go with it.

        Raises:
            GalleryBusyError, DiskFullError: the person may be erased already and only the rewrite
                of the file be due; the message says so.
        """
        return self._change("erase", erasing.erase, op_uid, actor, name, strict=True)

    def undo(
        self, number: int | None = None, *, op_uid: str | None = None, actor: str = "local"
    ) -> Operation:
        """Take an operation back, by default the newest, so that the state before it is back.

        Args:
            number: an operation's ``seq``; nothing later may have happened to its people.

        Raises:
            ConflictError: an erase, a restore, an operation 30 days old, or one that later ones
                stand on.
        """
        done = self._change("undo", undoing.undo, op_uid, actor, number)
        self._adopt_model()
        return done

    def set_setting(self, key: str, value: str | None) -> None:
        """Remember a text under a key, or forget it with None. It is not part of the history."""
        if key in _OWN_SETTINGS:
            raise ValueError(f"{key!r} is the gallery's own setting")
        with self._write() as db:
            store.set_setting(db, key, value)

    # Moves

    def backup(self, target: str | os.PathLike[str]) -> None:
        """Write a verified copy to a new file, while the gallery is in use.

        Raises:
            ConflictError: the target exists. DamagedGalleryError: the gallery has damage.
        """
        from facegate.gallery.moves.backup import back_up

        back_up(self._store, Path(target))

    @staticmethod
    def restore(
        source: str | os.PathLike[str],
        path: str | os.PathLike[str],
        *,
        op_uid: str | None = None,
        actor: str = "local",
        timeout: float = TIMEOUT_S,
    ) -> Restored:
        """Make the gallery at ``path`` what a backup holds, whatever is there now.

        What was there is kept as ``NAME.replaced-TIME``. People who were erased since the backup
        are erased from it again.
        """
        from facegate.gallery.moves.restore import restore

        return restore(Path(source), Path(path), history.change(op_uid, actor), timeout)

    def export(self, target: str | os.PathLike[str]) -> tuple[int, int]:
        """Write everybody to one new portable file; return counts of people and samples."""
        from facegate.gallery.moves.portable import export

        return export(self._store, Path(target), self.model_id)

    def import_(
        self,
        source: "str | os.PathLike[str] | Parcel",
        *,
        op_uid: str | None = None,
        actor: str = "local",
    ) -> Imported:
        """Add everybody in an exported file; one operation.

        Args:
            source: the file, or the parcel that it was opened as; a parcel is closed.

        Raises:
            InputError: the file is not an export, or not whole.
            ModelMismatchError: its templates are of another model.
        """
        from facegate.gallery.moves import intake
        from facegate.gallery.moves.parcel import Parcel

        by = history.change(op_uid, actor)
        with source if isinstance(source, Parcel) else Parcel(Path(source)) as parcel:
            if parcel.model_id != self.model_id:
                raise mismatch(self.path, self.model_id, f"{parcel.model_id} as in {parcel.path}")
            with self._write() as db:
                done = history.repeated(db, by.uid, "import")
                return intake.imported(db, done.seq) if done else intake.take_in(db, by, parcel)

    def reembed(
        self,
        embedder: "Embeds",
        *,
        done: Callable[[int], None] = lambda _samples: None,
        op_uid: str | None = None,
        actor: str = "local",
    ) -> Operation:
        """Move to another model by embedding every kept crop anew: all samples or none.

        Args:
            embedder: a model that is ready, as ``facegate.models.zoo.load_embedder`` gives it.
            done: is told of samples embedded.

        Raises:
            ConflictError: a sample has no crop, or the crops do not suit the model.
        """
        from facegate.gallery.moves.reembed import reembed

        by = history.change(op_uid, actor)
        operation = reembed(self._store, self._write, self.model_id, embedder, done, by)
        self._adopt_model()
        return operation

    def _change(
        self,
        kind: str,
        work: Callable[..., int],
        op_uid: str | None,
        actor: str,
        *arguments: object,
        strict: bool = False,
    ) -> Operation:
        """Run one operation, unless its id says that it was done before."""
        by = history.change(op_uid, actor)
        with self._write(strict=strict) as db:
            done = history.repeated(db, by.uid, kind)
            return done or history.by_seq(db, work(db, by, *arguments))

    @contextmanager
    def _write(self, *, strict: bool = False) -> Iterator[sqlite3.Connection]:
        """Give a write transaction; afterwards rewrite the file where rows were deleted.

        Args:
            strict: raise where the rewrite fails; it is done at the next change otherwise.
        """
        with self._store.writing(model_id=self.model_id) as db:
            if not self._is_purged:
                erasing.purge(db, store.now())
            yield db
        self._is_purged = True
        sweep(self._store, strict=strict)

    def _adopt_model(self) -> None:
        with self._store.reading() as db:
            current = store.setting(db, "model")
        if current is not None and current != self.model_id:
            self.model_id = current
            self._follower = Follower(self._store, current)
