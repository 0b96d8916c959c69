"""The gallery as its users see it: one object, one file, every change one operation."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from facegate import __version__
from facegate.errors import DamagedGalleryError
from facegate.gallery import changes, history, opening, store
from facegate.gallery.history import Change
from facegate.gallery.store import TIMEOUT_S, Store, mismatch
from facegate.gallery.values import Enrolled, Operation, Sample
from facegate.gallery.view import View


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
        file = Path(path)
        if create and not os.path.lexists(file):
            if model_id is None:
                raise ValueError("a new gallery needs a model_id")
            opening.create(file, model_id=model_id, made_by=__version__, now=store.now())
        connection = Store(file, read_only=read_only, timeout=timeout)
        try:
            with connection.reading() as db:
                current, uid = store.setting(db, "model"), store.setting(db, "uid")
            if current is None or uid is None:
                raise DamagedGalleryError(
                    f"gallery {path} is damaged, it does not say which model it is of",
                    hint="restore a backup with 'facegate gallery restore BACKUP'",
                )
            if model_id not in (None, current):
                raise mismatch(file, current, str(model_id))
        except BaseException:
            connection.close()
            raise
        return cls(connection, current, uid)

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
        with self._write(by) as db:
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

    def _change(
        self,
        kind: str,
        work: Callable[..., int],
        op_uid: str | None,
        actor: str,
        *arguments: object,
    ) -> Operation:
        """Run one operation, unless its id says that it was done before."""
        by = history.change(op_uid, actor)
        with self._write(by) as db:
            done = history.repeated(db, by.uid, kind)
            return done or history.by_seq(db, work(db, by, *arguments))

    @contextmanager
    def _write(self, by: Change) -> Iterator[sqlite3.Connection]:
        with self._store.writing(model_id=self.model_id) as db:
            yield db
