"""The server's own small database: keys, attempts, settings, consents. It holds no face."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facegate.errors import DamagedGalleryError, GalleryError, NotAGalleryError
from facegate.gallery.faults import translated, unwritable

FILE = "keys.db"

_SCHEMA = """
CREATE TABLE key (
  id TEXT PRIMARY KEY,
  sum BLOB NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  collection TEXT,
  created INTEGER NOT NULL,
  expires INTEGER,
  used INTEGER
) STRICT;
CREATE TABLE attempt (
  gallery TEXT NOT NULL,
  identity TEXT NOT NULL,
  failures INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (gallery, identity)
) STRICT;
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE consent_text (version INTEGER PRIMARY KEY, text TEXT NOT NULL, at INTEGER NOT NULL)
STRICT;
CREATE TABLE consent (
  session TEXT PRIMARY KEY,
  version INTEGER NOT NULL REFERENCES consent_text(version),
  actor TEXT NOT NULL,
  at INTEGER NOT NULL,
  gallery TEXT NOT NULL,
  identity TEXT
) STRICT;
PRAGMA user_version = 1;
"""


class Database:
    """One connection that all threads of the process share, one at a time.

    Args:
        folder: where ``keys.db`` lies or will lie; made where it is missing.

    Raises:
        GalleryError: the file is something else, cannot be written, or was written by a newer
            facegate.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.RLock()
        _make_private(self.path)
        with _ours(self.path):
            self._db = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=10
            )
            self._db.execute("PRAGMA secure_delete = ON").fetchall()
            self._set_up()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose changes become durable together, or not at all."""
        with self._lock, _ours(self.path, timeout=10):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for a question."""
        with self._lock, _ours(self.path, timeout=10):
            yield self._db

    def _set_up(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        elif version > 1:
            self._db.close()
            raise GalleryError(
                f"{self.path} was written by a newer facegate", hint="update facegate"
            )


def _make_private(path: Path) -> None:
    """Make folder and file where they are missing, for their owner alone.

    A sum is no key, but names of keys are nobody's business.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        ours = unwritable(error, path)
        ours.hint = "see to it, or set FACEGATE_HOME to a folder of your own"
        raise ours from error


@contextmanager
def _ours(path: Path, *, timeout: float = 0.0) -> Iterator[None]:
    """Raise SQLite's errors as ours, in words that fit this file: it is no gallery."""
    try:
        with translated(path, timeout=timeout):
            yield
    except (NotAGalleryError, DamagedGalleryError) as error:
        raise GalleryError(
            f"{path}, where keys and settings are kept, cannot be read",
            hint="put a copy of it back, or move it away: keys and settings then start anew",
        ) from error
