"""One connection to one gallery file: the only place that begins and ends transactions."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facegate.errors import ModelMismatchError, NewerGalleryError, ReadOnlyGalleryError
from facegate.gallery import opening, schema
from facegate.gallery.faults import primary_code, translated
from facegate.gallery.shield import Shield, shielded

TIMEOUT_S = 10.0
"""How long to wait for another process. Without waiting, two writers fail at once."""

_SLICE_MS = 100
"""Waiting is cut into slices, for Python hears Ctrl-C only between two calls of SQLite."""


def now() -> int:
    """Return the time as it is stored: UTC microseconds."""
    return time.time_ns() // 1000


class Store:
    """A connection that all threads of this process share, one at a time.

    Args:
        path: the gallery file; it exists and was looked at by ``opening.inspect``.
        read_only: refuse every write.
        timeout: seconds to wait for another process.
        keep_old: keep a copy of a file of an older schema before bringing it up to date.
    """

    def __init__(
        self, path: Path, *, read_only: bool, timeout: float, keep_old: bool = True
    ) -> None:
        self.path, self.read_only, self.timeout = path, read_only, timeout
        self._keep_old = keep_old
        self.lock = threading.RLock()
        self.last_seq: int | None = None
        self.own_writes = 0
        self.generation = 0
        self._db: sqlite3.Connection | None = None
        self._connect()

    def close(self) -> None:
        """Close the connection; a store that is closed twice stays closed."""
        with self.lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextmanager
    def reading(self, *, model_id: str = "") -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one state of the gallery until the block ends.

        Args:
            model_id: the model that the gallery must have, for reading templates.
        """
        with self.lock, translated(self.path, timeout=self.timeout):
            try:
                db = self._current()
                db.execute("BEGIN")
                self._check(db, model_id)
                yield db
            finally:
                self._roll_back()  # it has only read

    @contextmanager
    def writing(self, *, model_id: str = "") -> Iterator[sqlite3.Connection]:
        """Give a connection whose changes become durable together when the block ends.

        On any error, Ctrl-C included, nothing is changed. Ctrl-C during the COMMIT itself is
        raised after it, and then ``last_seq`` is the number of the saved operation.
        """
        if self.read_only:
            raise ReadOnlyGalleryError(
                f"gallery {self.path} was opened for reading only", hint="open it for writing"
            )
        with self.lock, translated(self.path, timeout=self.timeout):
            try:
                db = self._begin()
                self._check(db, model_id)
                before = _last_seq(db)
                yield db
                self._commit(db, before)
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def idle(self) -> Iterator[sqlite3.Connection]:
        """Give the connection outside of any transaction."""
        with self.lock, translated(self.path, timeout=self.timeout):
            yield self._current()

    @contextmanager
    def attached(self, path: Path, name: str) -> Iterator[None]:
        """Let the transactions of the block read another file under a schema name."""
        with self.idle() as db:
            db.execute(f"ATTACH ? AS {name}", (opening.uri(path, "mode=ro"),))
            try:
                yield
            finally:
                db.execute(f"DETACH {name}")

    def sweep(self) -> None:
        """Rewrite the file without the gaps in which SQLite leaves copies of moved rows."""
        with self.idle() as db:
            self._patiently(db, "VACUUM")

    def version(self, db: sqlite3.Connection) -> tuple[int, int, int]:
        """Return a value that changes with every commit to the gallery, whoever made it."""
        (data_version,) = db.execute("PRAGMA data_version").fetchone()
        return self.generation, data_version, self.own_writes

    def _connect(self) -> None:
        version = opening.inspect(self.path)
        if self._db is not None:
            self._db.close()
        with translated(self.path, timeout=self.timeout):
            # Also for reading: a transaction that a crash cut short must be rolled back first.
            # SQLite itself opens a file that must not be written for reading.
            self._db = opening.connect(self.path, options="mode=rw", timeout=self.timeout)
            opening.set_up(self._db, read_only=self.read_only)
        self._file = self._file_now()
        self._process = os.getpid()
        self.generation += 1
        if version < schema.newest():
            self._migrate(self._db, version)
        with translated(self.path, timeout=self.timeout):
            opening.check_shape(self._db, self.path)

    def _migrate(self, db: sqlite3.Connection, old: int) -> None:
        if self.read_only:
            raise ReadOnlyGalleryError(
                f"gallery {self.path} is of an older facegate and must be brought up to date",
                hint="use it once for writing",
            )
        with translated(self.path, timeout=self.timeout):
            if self._keep_old:
                from facegate.gallery.moves.backup import copy_before_migration

                copy_before_migration(db, self.path, old, schema.newest())
            for number in range(1, schema.newest() + 1):
                self._patiently(db, "BEGIN IMMEDIATE")
                try:
                    # Another process may have been faster.
                    (version,) = db.execute("PRAGMA user_version").fetchone()
                    if version == number - 1:
                        schema.migrate(db, number)
                    db.execute("COMMIT")
                except BaseException:
                    self._roll_back()
                    raise

    def _current(self) -> sqlite3.Connection:
        """Return the connection, a new one where another file has taken the gallery's name."""
        if self._db is None:
            raise ValueError("the gallery is closed")
        if self._process != os.getpid():
            raise RuntimeError("open the gallery anew after fork()")
        self._roll_back()  # Ctrl-C may have come between a BEGIN and its block
        # Every time, for it costs 2 µs: a connection to a file that was moved away would take
        # the new file's journal for its own.
        if self._file_now() != self._file:
            self._connect()
        return self._db

    def _roll_back(self) -> None:
        if self._db is not None and self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _file_now(self) -> tuple[int, int]:
        try:
            status = os.stat(self.path)
        except OSError:
            opening.regular_file(self.path)
            raise
        return status.st_dev, status.st_ino

    def _begin(self) -> sqlite3.Connection:
        while True:
            db = self._current()
            self._patiently(db, "BEGIN IMMEDIATE")
            # The file may have been replaced while this waited for the lock on the old one.
            if self._file_now() == self._file:
                return db
            db.execute("ROLLBACK")

    def _commit(self, db: sqlite3.Connection, before: int) -> None:
        after = _last_seq(db)
        with shielded() as shield:
            self._patiently(db, "COMMIT", shield)
            self.own_writes += 1
            if after > before:
                self.last_seq = after

    def _patiently(self, db: sqlite3.Connection, sql: str, shield: Shield | None = None) -> None:
        """Execute a statement that may have to wait for other processes."""
        deadline = time.monotonic() + self.timeout
        _set_timeout(db, min(_SLICE_MS, int(self.timeout * 1000)))
        try:
            while True:
                try:
                    db.execute(sql)
                    return
                except sqlite3.OperationalError as error:
                    busy = primary_code(error) == sqlite3.SQLITE_BUSY
                    if not busy or time.monotonic() >= deadline:
                        raise
                if shield is not None and shield.caught:
                    raise KeyboardInterrupt
        finally:
            _set_timeout(db, int(self.timeout * 1000))

    def _check(self, db: sqlite3.Connection, model_id: str) -> None:
        """Refuse a gallery that has changed its schema or its model since it was opened."""
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version != schema.newest():
            raise NewerGalleryError(
                f"gallery {self.path} was brought up to date by a newer facegate meanwhile",
                hint="update facegate, then start again",
            )
        if model_id and (current := setting(db, "model")) != model_id:
            raise mismatch(self.path, str(current), model_id)


def setting(db: sqlite3.Connection, key: str) -> str | None:
    """Return what a gallery remembers under a key, or None."""
    row = db.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def set_setting(db: sqlite3.Connection, key: str, value: str | None) -> None:
    """Remember a value under a key, or forget it with None."""
    if value is None:
        db.execute("DELETE FROM setting WHERE key = ?", (key,))
    else:
        db.execute(
            "INSERT INTO setting (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )


def mismatch(path: Path, gallery_model: str, other: str) -> ModelMismatchError:
    """Return the error for two models in one gallery, naming both."""
    return ModelMismatchError(
        f"gallery {path} holds templates of model {gallery_model}, not of {other}",
        hint=f"use {gallery_model}, another gallery, or 'facegate gallery reembed'",
    )


def _set_timeout(db: sqlite3.Connection, milliseconds: int) -> None:
    db.execute(f"PRAGMA busy_timeout = {milliseconds}").fetchall()


def _last_seq(db: sqlite3.Connection) -> int:
    seq: int = db.execute("SELECT coalesce(max(seq), 0) FROM op").fetchone()[0]
    return seq
