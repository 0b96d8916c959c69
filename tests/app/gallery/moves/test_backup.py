"""A backup is whole, verified, and under its name only when it is both."""

import os
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from facegate.errors import (
    ConflictError,
    DamagedGalleryError,
    DiskFullError,
    GalleryBusyError,
    GalleryError,
)
from facegate.gallery import Gallery, Sample
from facegate.gallery.moves import backup

MakeSamples = Callable[..., list[Sample]]
Show = Callable[[Gallery], object]


def test_a_backup_shows_the_same(peopled: Gallery, tmp_path: Path, state: Show) -> None:
    target = tmp_path / "copy.db"
    peopled.backup(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with Gallery.open(target) as copy:
        assert state(copy) == state(peopled)
        assert copy.history() == peopled.history()
        assert copy.check() == []
        copy.remove("Ada")
    assert peopled.count() == (3, 6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "copy.db-journal", "people"]


def test_a_backup_of_a_gallery_in_use_is_one_state(
    peopled: Gallery, path: Path, tmp_path: Path, samples: MakeSamples
) -> None:
    stop = threading.Event()

    def enroll() -> None:
        with Gallery.open(path) as other:
            number = 0
            while not stop.is_set():
                other.enroll(f"p{number}", samples(2, f"p{number}", crop_px=32))
                number += 1
                time.sleep(0.01)

    writer = threading.Thread(target=enroll)
    writer.start()
    try:
        with Gallery.open(path, read_only=True) as reader:
            for number in range(5):
                reader.backup(tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        with Gallery.open(tmp_path / f"{number}.db", read_only=True) as copy:
            assert copy.check() == []
            people, templates = copy.count()
            assert templates - 6 == 2 * (people - 3)


def test_an_existing_file_is_not_overwritten(peopled: Gallery, path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(ConflictError, match=r"copy\.db exists already: name a new file"):
        peopled.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"
    with pytest.raises(ConflictError, match="exists already"):
        peopled.backup(path)


def test_a_file_that_comes_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    with pytest.raises(ConflictError, match="exists already"), backup.place_for(target):
        target.write_text("precious")
    assert target.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [target]


def test_a_backup_is_made_without_hard_links(
    peopled: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    peopled.backup(tmp_path / "copy.db")
    with Gallery.open(tmp_path / "copy.db") as copy:
        assert copy.count() == (3, 6)


def test_a_missing_folder_is_reported(peopled: Gallery, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="cannot be written, No such file or directory"):
        peopled.backup(tmp_path / "missing" / "copy.db")


def test_a_damaged_gallery_is_not_backed_up(
    peopled: Gallery, path: Path, tmp_path: Path, sql: Callable[..., object]
) -> None:
    sql("UPDATE template SET vec = zeroblob(64) WHERE id = 1")
    with pytest.raises(DamagedGalleryError) as caught:
        peopled.backup(tmp_path / "copy.db")
    assert f"no copy of {path} was made, template 1 (sample 1) of 'Ada'" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["people"]


def test_a_full_disk_is_noticed_before(
    peopled: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(1000))
    with pytest.raises(DiskFullError, match="there is no room"):
        peopled.backup(tmp_path / "copy.db")
    assert [p.name for p in tmp_path.iterdir()] == ["people"]


def test_a_locked_gallery_is_not_waited_for_for_ever(
    peopled: Gallery, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_pages = backup.copy_pages

    def locked(db: sqlite3.Connection, source: Path, target: Path) -> None:
        pages = db.execute("PRAGMA page_count").fetchall()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")

        class Answered:
            """The look at the size came before the lock."""

            def execute(self, query: str) -> sqlite3.Cursor:
                is_count = query == "PRAGMA page_count"
                return sqlite3.connect(":memory:").execute(
                    f"SELECT {pages[0][0] if is_count else 1}"
                )

            backup = db.backup

        try:
            copy_pages(Answered(), source, target)  # type: ignore[arg-type]
        finally:
            other.close()

    monkeypatch.setattr(backup, "_PATIENCE_S", 0.3)
    monkeypatch.setattr(backup, "copy_pages", locked)
    with pytest.raises(GalleryBusyError, match=r"could not be copied in 0\.3 s"):
        peopled.backup(tmp_path / "copy.db")
    assert [p.name for p in tmp_path.iterdir()] == ["people"]
