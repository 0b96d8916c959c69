"""Put a backup in a gallery's place, without bringing back who was erased since."""

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from facegate.data.files import discard, sync_folder
from facegate.errors import DamagedGalleryError, GalleryError, NotAGalleryError
from facegate.gallery import check, opening, people
from facegate.gallery.faults import translated, unwritable
from facegate.gallery.history import Change
from facegate.gallery.moves import backup
from facegate.gallery.store import Store, set_setting
from facegate.gallery.values import Restored, utc
from facegate.gallery.writes import erasing
from facegate.gallery.writes.sweeping import sweep

_TABLES = ("photo", "op_move", "template", "sample", "identity", "op", "model", "setting")


def restore(source: Path, path: Path, by: Change, timeout: float) -> Restored:
    """Make a gallery what a backup holds; what was there is kept beside it.

    A gallery that can be read is rewritten in one transaction, so that other processes which have
    it open see the change and lose nothing they write; one that cannot be read is moved away.

    Raises:
        NotAGalleryError, DamagedGalleryError, NewerGalleryError: the backup is no good.
    """
    with _of_a_backup():
        opening.inspect(source, kind="backup")
    if os.path.exists(path) and os.path.samefile(source, path):
        raise GalleryError(f"{source} is the gallery itself", hint="name a backup of it")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(error, path) from error
    incoming = path.with_name(f".{path.name}.{secrets.token_hex(4)}.restore")
    try:
        with backup.place_for(incoming, shown=path) as temporary, _of_a_backup():
            _fetch(source, temporary, timeout)
        store = _opened(path, timeout)
        if store is None:
            return _put(incoming, path, by, timeout)
        try:
            return _rewrite(store, incoming, by)
        finally:
            store.close()
    finally:
        for ending in ("", "-journal"):
            discard(Path(f"{incoming}{ending}"))


@contextmanager
def _of_a_backup() -> Iterator[None]:
    """Let the error about a file that is no good say what helps here."""
    try:
        yield
    except (NotAGalleryError, DamagedGalleryError) as error:
        error.hint = "name another backup"
        raise


def _fetch(source: Path, copy: Path, timeout: float) -> None:
    """Copy and verify a backup, which is not written to, and bring it up to date."""
    with translated(source, timeout=timeout):
        db = opening.connect(source, options="mode=ro", timeout=timeout)
        try:
            backup.copy_pages(db, source, copy)
        finally:
            db.close()
    Store(copy, read_only=False, timeout=timeout, keep_old=False).close()
    backup.refuse_damaged(copy, source)


def _opened(path: Path, timeout: float) -> Store | None:
    """Return the gallery that is to be replaced, or None where nothing readable is there."""
    if not os.path.lexists(path):
        return None
    opening.regular_file(path)
    try:
        store = Store(path, read_only=False, timeout=timeout)
        with store.reading() as db:
            is_sound = not check.structure(db)
        if is_sound:
            return store
        store.close()
        return None
    except DamagedGalleryError:
        return None
    except NotAGalleryError:
        # Damaged beyond recognition, or a stranger's: a database that reads well is a stranger's.
        if opening.is_foreign(path):
            raise
        return None


def _rewrite(store: Store, incoming: Path, by: Change) -> Restored:
    kept = _free_name(store.path)
    try:
        with store.attached(incoming, "incoming"), store.writing() as db:
            _keep(store, kept)
            done = _replace_rows(db, by, str(kept))
    except BaseException:
        kept.unlink(missing_ok=True)
        raise
    sweep(store, strict=False)
    return done


def _keep(store: Store, kept: Path) -> None:
    """Copy what is about to be replaced; the store's own connection is inside its transaction."""
    with backup.place_for(kept) as temporary:
        reader = opening.connect(store.path, options="mode=ro", timeout=store.timeout)
        try:
            backup.copy_pages(reader, store.path, temporary)
        finally:
            reader.close()


def _replace_rows(db: sqlite3.Connection, by: Change, kept: str) -> Restored:
    erased = erasing.erased_uids(db)
    db.execute("PRAGMA defer_foreign_keys = ON")
    for table in _TABLES:
        db.execute(f"DELETE FROM {table}")
    for table in reversed(_TABLES):
        db.execute(f"INSERT INTO {table} SELECT * FROM incoming.{table}")
    # Ids that the replaced gallery gave are not given again.
    db.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT theirs.seq "
        "FROM incoming.sqlite_sequence AS theirs WHERE theirs.name = sqlite_sequence.name), 0))"
    )
    return _finish(db, by, erased, kept)


def _put(incoming: Path, path: Path, by: Change, timeout: float) -> Restored:
    """Give a backup the name of a gallery that is missing or cannot be read."""
    kept: Path | None = None
    erased: set[str] | None = set()
    if os.path.lexists(path):
        kept, erased = _free_name(path), _erased_of_damaged(path)
    store = Store(incoming, read_only=False, timeout=timeout)
    try:
        with store.writing() as db:
            done = _finish(db, by, erased or set(), str(kept) if kept else None)
        sweep(store, strict=False)
    finally:
        store.close()
    if kept is not None:
        # Its journal first: beside the new file it would be taken for the new file's.
        journal = Path(f"{path}-journal")
        if journal.exists():
            os.rename(journal, f"{kept}-journal")
        os.rename(path, kept)
    backup.give_name(incoming, path)
    sync_folder(path.parent)
    return replace(done, knows_erased=erased is not None)


def _finish(db: sqlite3.Connection, by: Change, erased: set[str], kept: str | None) -> Restored:
    again = erasing.erase_by_uid(db, erased)
    known = erasing.erased_uids(db)
    (newest,) = db.execute("SELECT max(at) FROM op").fetchone()
    of = f"{utc(newest):%Y-%m-%d %H:%M} UTC" if newest is not None else "an empty gallery"
    by.record(db, "restore", None, note={"of": of})
    for uid in sorted(erased - known):
        # Known for the next restore, too.
        number = next((identity for identity, its in again.items() if its == uid), None)
        by.record(db, "erase", number, note={"uid": uid}, own_uid=False)
    set_setting(db, "uid", secrets.token_hex(16))
    set_setting(db, erasing.UNSWEPT, "1")
    return Restored(kept, len(again), people.count(db)[0])


def _erased_of_damaged(path: Path) -> set[str] | None:
    """Return who was erased where a damaged file still says so, else None."""
    try:
        db = opening.connect(path, options="mode=ro&immutable=1", timeout=0)
        try:
            return erasing.erased_uids(db)
        finally:
            db.close()
    except (sqlite3.Error, json.JSONDecodeError):
        return None


def _free_name(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept, n = path.with_name(f"{path.name}.replaced-{stamp}"), 1
    while os.path.lexists(kept):
        n += 1
        kept = path.with_name(f"{path.name}.replaced-{stamp}-{n}")
    return kept
