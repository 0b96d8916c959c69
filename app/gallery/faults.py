"""What SQLite's errors mean to a person: mapped by code, never by message text."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

# A quota, a limit on file sizes and a failing disk reach SQLite as errors of these calls.
_WRITE_FAULTS = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}
REPAIR = "see 'facegate gallery check', then 'facegate gallery restore BACKUP'"


def unwritable(error: OSError, path: Path) -> FacegateError:
    """Return our error for a file that the system does not let us write."""
    reason = f"{path} cannot be written, {error.strerror or error}"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return DiskFullError(reason, hint="free some space and try again")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return ReadOnlyGalleryError(reason, hint="make its folder writable, or name another")
    return GalleryError(reason, hint="name another file", code="not_a_file")


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 where Python itself raised the error."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


@contextmanager
def translated(path: Path, *, timeout: float = 0.0) -> Iterator[None]:
    """Raise SQLite's errors about a gallery as ours; those that are bugs of ours pass."""
    try:
        yield
    except sqlite3.Error as error:
        ours = translation(error, path, timeout)
        if ours is None:
            raise
        raise ours from error


def translation(error: sqlite3.Error, path: Path, timeout: float) -> FacegateError | None:
    """Return our error for one of SQLite's, or None where it can only be a bug."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return GalleryBusyError(
                f"gallery {path} is busy, another process kept it locked for {timeout:g} s",
                hint="try again",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return ReadOnlyGalleryError(
                f"gallery {path} cannot be written",
                hint="make its file and folder writable; verify and identify work without",
            )
        case sqlite3.SQLITE_FULL:
            return DiskFullError(
                f"the disk of gallery {path} is full, the change was not made",
                hint="free some space and try again",
            )
        case sqlite3.SQLITE_IOERR if code in _WRITE_FAULTS:
            return DiskFullError(
                f"gallery {path} could not be written, the change was not made",
                hint="the disk is full, over its quota or failing: see to it and try again",
            )
        case sqlite3.SQLITE_IOERR:
            return MachineError(
                f"the disk failed on gallery {path}",
                hint="see to the disk, then 'facegate gallery check'",
                code="io_error",
            )
        case sqlite3.SQLITE_NOTADB:
            return NotAGalleryError(
                f"{path} is not a gallery", hint="name another file with --gallery"
            )
        case sqlite3.SQLITE_CANTOPEN:
            return NotAGalleryError(
                f"gallery {path} cannot be opened", hint="see whether it may be read"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_FORMAT | sqlite3.SQLITE_TOOBIG:
            return DamagedGalleryError(f"gallery {path} is damaged", hint=REPAIR)
        case 0 if isinstance(error, sqlite3.OperationalError):
            # Python raises it without a code for text that is not UTF-8.
            return DamagedGalleryError(f"gallery {path} is damaged", hint=REPAIR)
    return None
