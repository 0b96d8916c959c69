"""Find out what a file is before touching it; create a gallery whole or not at all."""

import os
import secrets
import sqlite3
import stat
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from facegate.data.files import sync_folder
from facegate.errors import (
    DamagedGalleryError,
    MachineError,
    NewerGalleryError,
    NotAGalleryError,
)
from facegate.gallery import schema
from facegate.gallery.faults import REPAIR, translated, unwritable

Kind = Literal["gallery", "backup", "export"]
"""What a caller takes a file for."""

_ANOTHER: dict[Kind, str] = {
    "gallery": "name another file with --gallery",
    "backup": "name another backup",
    "export": "name another file",
}
_OLDEST_SQLITE = (3, 37, 0)
_SMALLEST = 512
_LONGEST_VALUE = 16 * 2**20
"""A longer text or blob in a file is damage or an attack: a crop has some 50 kB."""


def connect(path: Path, *, options: str, timeout: float) -> sqlite3.Connection:
    """Connect to a file that exists; ``options`` are SQLite's of a URI, such as ``mode=rw``."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise MachineError(
            f"SQLite {sqlite3.sqlite_version} is too old for galleries",
            hint="use a Python whose sqlite3 brings 3.37 or newer",
            code="old_sqlite",
        )
    db = sqlite3.connect(
        uri(path, options),
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    return db


def uri(path: Path, options: str) -> str:
    """Return SQLite's address of a file; ``options`` such as ``mode=rw``."""
    return f"file:{quote(os.fsencode(os.path.abspath(path)))}?{options}"


def set_up(db: sqlite3.Connection, *, read_only: bool) -> None:
    """Set on a connection what SQLite does not remember in the file."""
    for pragma in (
        "journal_mode = TRUNCATE",
        "synchronous = FULL",
        "secure_delete = ON",  # some builds leave deleted rows readable in the file
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
    ):
        db.execute(f"PRAGMA {pragma}").fetchall()
    if read_only:
        db.execute("PRAGMA query_only = ON")


def regular_file(path: Path, *, kind: Kind = "gallery") -> None:
    """Refuse a path that is no regular file, before anything opens it: a FIFO would hang."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        first = "enrol somebody first, or " if kind == "gallery" else ""
        raise NotAGalleryError(f"there is no {kind} {path}", hint=first + _ANOTHER[kind]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotAGalleryError(
            f"{kind} {ascii(str(path))[1:-1]:.200} cannot be opened, {reason}",
            hint=_ANOTHER[kind],
        ) from None
    if not stat.S_ISREG(mode):
        what = "folder" if stat.S_ISDIR(mode) else "device or pipe"
        article = "an" if kind == "export" else "a"
        raise NotAGalleryError(f"{path} is a {what}, not {article} {kind}", hint=_ANOTHER[kind])
    if not os.access(path, os.R_OK):
        raise NotAGalleryError(
            f"{kind} {path} cannot be read, permission denied", hint="change its mode or owner"
        )


def inspect(path: Path, *, kind: Kind = "gallery") -> int:
    """Return the schema number of a gallery file, which is not changed in any way.

    Args:
        path: of the file.
        kind: what the caller takes it for.

    Raises:
        NotAGalleryError: it is missing, empty, no regular file or of another program.
        DamagedGalleryError: it was a gallery.
        NewerGalleryError: a newer facegate made it.
    """
    regular_file(path, kind=kind)
    size = path.stat().st_size
    if size == 0:
        first = "remove it first" if kind == "gallery" else _ANOTHER[kind]
        raise NotAGalleryError(f"{path} is an empty file, not a {kind}", hint=first)
    if size < _SMALLEST:
        # SQLite takes it for an empty database.
        raise NotAGalleryError(
            f"{path} is a file of {size} bytes, not a {kind}", hint=_ANOTHER[kind]
        )
    # immutable: opening another program's database the normal way could write beside it. Reading
    # the header with open() instead would drop the locks of this process's other connections.
    with translated(path):
        db = connect(path, options="mode=ro&immutable=1", timeout=0)
        try:
            # In the middle of a commit, or after a crash there, the first page tells of pages that
            # the file does not have yet: not damage, but for the journal to roll back. With this
            # SQLite does not count them.
            db.execute("PRAGMA writable_schema = ON")
            mark = db.execute("PRAGMA application_id").fetchone()[0]
            version: int = db.execute("PRAGMA user_version").fetchone()[0]
        finally:
            db.close()
    if mark != schema.APPLICATION_ID:
        raise NotAGalleryError(
            f"{path} is a database of another program, not a {kind}", hint=_ANOTHER[kind]
        )
    if version > schema.newest():
        raise NewerGalleryError(
            f"gallery {path} was made by a newer facegate (schema {version}, this one knows "
            f"{schema.newest()})",
            hint="update facegate",
        )
    if version < 1:
        raise DamagedGalleryError(f"gallery {path} is damaged, it has no schema", hint=REPAIR)
    return version


def is_foreign(path: Path) -> bool:
    """Say whether a file is a database that reads well and is another program's."""
    try:
        db = connect(path, options="mode=ro&immutable=1", timeout=0)
        try:
            (mark,) = db.execute("PRAGMA application_id").fetchone()
            db.execute("SELECT * FROM sqlite_schema").fetchall()
        finally:
            db.close()
    except sqlite3.Error:
        return False
    return bool(path.stat().st_size) and mark != schema.APPLICATION_ID


@cache
def _expected_shape() -> set[tuple[str, str, str]]:
    return schema.expected_shape()


def check_shape(db: sqlite3.Connection, path: Path) -> None:
    """Refuse tables, triggers and views that are not ours: a file can bring its own."""
    if schema.shape(db) != _expected_shape():
        raise DamagedGalleryError(
            f"gallery {path} is damaged, its tables are not those of schema {schema.newest()}",
            hint=REPAIR,
        )


def create(path: Path, *, model_id: str, made_by: str, now: int) -> None:
    """Create an empty gallery; where another process was faster, leave that one.

    The file appears under its name when it is complete. A folder made for it is the owner's
    alone, as is the file: templates can be turned back into faces.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True)
        os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise unwritable(error, path) from None
    try:
        with translated(path):
            _fill(temporary, model_id, made_by, now)
        _place(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(error, path) from None
    finally:
        temporary.unlink(missing_ok=True)


def _fill(path: Path, model_id: str, made_by: str, now: int) -> None:
    db = connect(path, options="mode=rw", timeout=0)
    try:
        db.execute(f"PRAGMA page_size = {schema.PAGE_SIZE}")
        db.execute("PRAGMA journal_mode = MEMORY").fetchall()  # nobody else knows the file yet
        db.execute("BEGIN IMMEDIATE")
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        for number in range(1, schema.newest() + 1):
            schema.migrate(db, number)
        db.execute("INSERT INTO model (model_id, added) VALUES (?, ?)", (model_id, now))
        db.executemany(
            "INSERT INTO setting (key, value) VALUES (?, ?)",
            (("uid", secrets.token_hex(16)), ("model", model_id), ("made_by", made_by)),
        )
        db.execute("COMMIT")
    finally:
        db.close()


def _place(temporary: Path, path: Path) -> None:
    """Give a finished file its name, unless something has that name."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links.
        if not path.exists():
            os.rename(temporary, path)
