"""Copy a gallery while it is in use: whole, verified, and under its name only when it is."""

import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facegate.data.files import discard, sync_folder
from facegate.errors import (
    ConflictError,
    DamagedGalleryError,
    DiskFullError,
    GalleryBusyError,
)
from facegate.gallery import check, opening
from facegate.gallery.faults import REPAIR, translated, unwritable
from facegate.gallery.store import Store

_PAGES = 1000
"""Pages copied between two looks at the clock; writers can work in between."""

_PATIENCE_S = 30.0
"""Give up when another process keeps the gallery locked for this long."""


def back_up(store: Store, target: Path) -> None:
    """Write a verified copy of a gallery to a new file.

    Raises:
        ConflictError: the target exists.
        DamagedGalleryError: the gallery has damage, so the copy would have it too.
        DiskFullError: there is no room.
    """
    with place_for(target) as temporary, store.idle() as db:
        copy_pages(db, store.path, temporary)
        refuse_damaged(temporary, store.path)


@contextmanager
def place_for(target: Path, *, replace: bool = False, shown: Path | None = None) -> Iterator[Path]:
    """Give an empty file beside the target, which takes its name when the block ends well.

    Args:
        replace: take the place of a file that has the name.
        shown: what errors name, where the target is no name that a person gave.
    """
    if not replace and os.path.lexists(target):
        raise ConflictError(f"{target} exists already", hint="name a new file")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        yield temporary
        _sync(temporary)
        if replace:
            os.replace(temporary, target)
        else:
            give_name(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise unwritable(error, shown or target) from error
    finally:
        discard(temporary)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_name(temporary: Path, target: Path) -> None:
    """Give a finished file a name that nothing has."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise ConflictError(f"{target} exists already", hint="name a new file") from None
    except OSError:
        # A file system without hard links.
        os.rename(temporary, target)


def copy_pages(db: sqlite3.Connection, path: Path, target: Path) -> None:
    """Copy a live gallery into an empty file, page by page, in one consistent state."""
    (pages,), (size,) = (
        db.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
    )
    if shutil.disk_usage(target.parent).free < pages * size:
        raise DiskFullError(
            f"there is no room in {target.parent} for a copy of {path}, "
            f"{pages * size // 2**20 + 1} MiB",
            hint="free some space or name another folder",
        )
    waited_since, left = time.monotonic(), -1

    def look(_status: int, remaining: int, _total: int) -> None:
        nonlocal waited_since, left
        if remaining != left:
            waited_since, left = time.monotonic(), remaining
        elif time.monotonic() - waited_since > _PATIENCE_S:
            raise GalleryBusyError(
                f"gallery {path} is busy, it could not be copied in {_PATIENCE_S:g} s",
                hint="try again",
            )

    with translated(target):
        copy = opening.connect(target, options="mode=rw", timeout=0)
        try:
            copy.execute("PRAGMA journal_mode = OFF").fetchall()
            db.backup(copy, pages=_PAGES, progress=look, sleep=0.05)
        finally:
            copy.close()


def refuse_damaged(copy: Path, path: Path) -> None:
    """Raise where a copy has damage; it is nobody else's, so no lock is needed."""
    found = check.check_file(copy)
    found = [finding for finding in found if finding.code != "unswept"]
    if found:
        what = found[0].message.replace(str(copy), str(path))
        raise DamagedGalleryError(f"no copy of {path} was made, {what}", hint=REPAIR)


def copy_before_migration(db: sqlite3.Connection, path: Path, old: int, new: int) -> None:
    """Keep the file as it was beside the gallery before its tables change."""
    target = path.with_name(f"{path.name}.v{old}-before-v{new}.db")
    with place_for(target, replace=True) as temporary:
        copy_pages(db, path, temporary)
