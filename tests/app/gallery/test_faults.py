"""Each of SQLite's codes becomes one line of ours, or passes as a bug."""

import errno
import sqlite3
from pathlib import Path

import pytest

from facegate.errors import (
    DamagedGalleryError,
    DiskFullError,
    FacegateError,
    GalleryBusyError,
    GalleryError,
    MachineError,
    NotAGalleryError,
    ReadOnlyGalleryError,
)
from facegate.gallery.faults import translation, unwritable

PATH = Path("/p/gallery.db")


def coded(kind: type[sqlite3.Error], code: int) -> sqlite3.Error:
    """Return an error as SQLite's binding raises it; its text must not matter."""
    error = kind("some words")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind", "status", "text"),
    [
        (sqlite3.SQLITE_BUSY, GalleryBusyError, 4, "is busy, another process kept it locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, GalleryBusyError, 4, "is busy"),
        (sqlite3.SQLITE_LOCKED, GalleryBusyError, 4, "is busy"),
        (sqlite3.SQLITE_READONLY, ReadOnlyGalleryError, 4, "cannot be written"),
        (sqlite3.SQLITE_READONLY_ROLLBACK, ReadOnlyGalleryError, 4, "cannot be written"),
        (sqlite3.SQLITE_READONLY_DBMOVED, ReadOnlyGalleryError, 4, "cannot be written"),
        (sqlite3.SQLITE_FULL, DiskFullError, 4, "is full, the change was not made"),
        (sqlite3.SQLITE_IOERR_WRITE, DiskFullError, 4, "could not be written"),
        (sqlite3.SQLITE_IOERR_FSYNC, DiskFullError, 4, "could not be written"),
        (sqlite3.SQLITE_IOERR_READ, MachineError, 4, "the disk failed on gallery"),
        (sqlite3.SQLITE_NOTADB, NotAGalleryError, 2, "is not a gallery"),
        (sqlite3.SQLITE_CANTOPEN, NotAGalleryError, 2, "cannot be opened"),
        (sqlite3.SQLITE_CORRUPT, DamagedGalleryError, 2, "is damaged"),
        (sqlite3.SQLITE_CORRUPT_INDEX, DamagedGalleryError, 2, "is damaged"),
        (sqlite3.SQLITE_TOOBIG, DamagedGalleryError, 2, "is damaged"),
    ],
)
def test_a_code_is_translated(code: int, kind: type[FacegateError], status: int, text: str) -> None:
    ours = translation(coded(sqlite3.OperationalError, code), PATH, 10.0)
    assert type(ours) is kind
    assert ours.exit_status == status
    assert text in ours.message
    assert str(PATH) in ours.message
    assert ours.hint
    assert "some words" not in str(ours)


@pytest.mark.parametrize(
    "error",
    [
        coded(sqlite3.OperationalError, sqlite3.SQLITE_ERROR),
        coded(sqlite3.IntegrityError, sqlite3.SQLITE_CONSTRAINT_UNIQUE),
        sqlite3.ProgrammingError("closed"),
    ],
)
def test_bugs_of_ours_are_not_translated(error: sqlite3.Error) -> None:
    assert translation(error, PATH, 10.0) is None


@pytest.mark.parametrize(
    ("number", "kind", "status"),
    [
        (errno.ENOSPC, DiskFullError, 4),
        (errno.EDQUOT, DiskFullError, 4),
        (errno.EACCES, ReadOnlyGalleryError, 4),
        (errno.EROFS, ReadOnlyGalleryError, 4),
        (errno.ENOTDIR, GalleryError, 2),
        (errno.ENAMETOOLONG, GalleryError, 2),
    ],
)
def test_the_systems_refusals_are_translated(
    number: int, kind: type[FacegateError], status: int
) -> None:
    ours = unwritable(OSError(number, "some words"), PATH)
    assert type(ours) is kind
    assert ours.exit_status == status
    assert ours.message == f"{PATH} cannot be written, some words"
    assert ours.hint
