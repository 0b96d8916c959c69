"""Transactions: what waits, what fails and how, and that nothing is left half done."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facegate.errors import (
    GalleryBusyError,
    MachineError,
    NewerGalleryError,
    NotAGalleryError,
)
from facegate.gallery import Gallery, Sample

MakeSamples = Callable[..., list[Sample]]
Show = Callable[[Gallery], object]
Sql = Callable[..., list[tuple[object, ...]]]


def test_a_locked_gallery_is_busy_after_the_timeout(
    peopled: Gallery, path: Path, samples: MakeSamples
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with pytest.raises(GalleryBusyError, match=r"kept it locked for 0\.5 s: try again") as caught:
        peopled.enroll("Dora", samples(1))
    assert 0.4 < time.monotonic() - began < 30
    assert caught.value.exit_status == 4
    with pytest.raises(GalleryBusyError):
        peopled.count()
    other.execute("ROLLBACK")
    other.close()
    assert peopled.enroll("Dora", samples(1)).n_added == 1


def test_a_lock_that_ends_in_time_is_waited_for(path: Path, model_id: str) -> None:
    Gallery.open(path, model_id=model_id, create=True).close()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.5, lambda: other.execute("COMMIT"))
    timer.start()
    with Gallery.open(path) as gallery:
        gallery.set_setting("a", "b")
    timer.join()
    other.close()


def test_a_writer_that_waited_for_a_replaced_file_writes_into_the_new_one(
    peopled: Gallery, path: Path, tmp_path: Path, model_id: str, samples: MakeSamples
) -> None:
    with Gallery.open(tmp_path / "new.db", model_id=model_id, create=True) as new:
        new.enroll("Zoe", samples(1, "Zoe"))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    def replace() -> None:
        os.replace(tmp_path / "new.db", path)
        other.execute("COMMIT")

    with Gallery.open(path, timeout=30) as writer:
        timer = threading.Timer(0.5, replace)
        timer.start()
        writer.enroll("Dora", samples(1, "Dora"))
        timer.join()
        assert [p.name for p in writer.identities()] == ["Dora", "Zoe"]
    with Gallery.open(path) as again:
        assert [p.name for p in again.identities()] == ["Dora", "Zoe"]
        assert again.check() == []
    other.close()


def test_the_settings_of_a_connection(gallery: Gallery) -> None:
    with gallery._store.reading() as db:
        values = {
            name: db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in (
                *("journal_mode", "synchronous", "secure_delete", "foreign_keys"),
                *("page_size", "application_id", "user_version", "trusted_schema"),
            )
        }
    assert values == {
        "journal_mode": "truncate",
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
        "page_size": 16384,
        "application_id": 0x46474154,
        "user_version": 1,
        "trusted_schema": 0,
    }


class Failing:
    """A connection whose n-th statement fails."""

    def __init__(self, db: sqlite3.Connection, n: int) -> None:
        self._db, self._left = db, n

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise OSError("the n-th statement")

    def execute(self, query: str, *values: object) -> sqlite3.Cursor:
        if query != "ROLLBACK":
            self._count()
        return self._db.execute(query, *values)  # type: ignore[arg-type]

    def executemany(self, query: str, *values: object) -> sqlite3.Cursor:
        self._count()
        return self._db.executemany(query, *values)  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["enroll", "merge", "remove", "erase", "undo", "import"])
def test_a_failure_at_any_step_leaves_the_state_before(
    peopled: Gallery, tmp_path: Path, samples: MakeSamples, state: Show, what: str
) -> None:
    store = peopled._store
    peopled.export(tmp_path / "people.zip")
    change: Callable[[], object] = {
        "enroll": lambda: peopled.enroll("Ada", samples(5, "Ada", crop_px=4)),
        "merge": lambda: peopled.merge("Bob", "Ada"),
        "remove": lambda: peopled.remove("Ada"),
        "erase": lambda: peopled.erase("Ada"),
        "undo": peopled.undo,
        "import": lambda: peopled.import_(tmp_path / "people.zip"),
    }[what]
    if what == "undo":
        peopled.merge("Bob", "Ada")
    if what == "import":
        peopled.remove("Ada")
    before, lines = state(peopled), peopled.history()
    sound = store._db
    for n in range(1, 500):
        store._db = Failing(sound, n)  # type: ignore[assignment, arg-type]
        try:
            change()
            break
        except OSError:
            pass
        finally:
            store._db = sound
        if len(peopled.history()) > len(lines):
            break  # it was committed, and what failed came after
        assert state(peopled) == before, n
        assert peopled.history() == lines
    assert n > 5
    assert state(peopled) != before
    assert [f.code for f in peopled.check()] in ([], ["unswept"])


def test_a_gallery_that_is_gone_is_reported(peopled: Gallery, path: Path) -> None:
    path.unlink()
    with pytest.raises(NotAGalleryError, match="there is no gallery"):
        peopled.count()
    with pytest.raises(NotAGalleryError, match="there is no gallery"):
        peopled.remove("Ada")


def test_a_gallery_migrated_by_another_version_is_left_alone(peopled: Gallery, sql: Sql) -> None:
    sql("PRAGMA user_version = 2")
    with pytest.raises(NewerGalleryError, match="brought up to date by a newer facegate meanwhile"):
        peopled.remove("Ada")
    with pytest.raises(NewerGalleryError):
        peopled.count()


def test_an_old_sqlite_is_reported(
    path: Path, model_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(MachineError, match="too old for galleries") as caught:
        Gallery.open(path, model_id=model_id, create=True)
    assert caught.value.exit_status == 4


_FORKED = """
import os, sys
from facegate.gallery import Gallery
with Gallery.open(sys.argv[1]) as gallery:
    child = os.fork()
    if child == 0:
        try:
            gallery.count()
        except RuntimeError as error:
            print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(gallery.count())
"""


def test_a_forked_process_must_open_anew(peopled: Gallery, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKED, str(path)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["open the gallery anew after fork()", "(3, 6)"]


_FULL = """
import os, resource, sys
import numpy as np
from facegate.errors import FacegateError
from facegate.gallery import Gallery, Sample
path, limit = sys.argv[1], int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
def enroll(gallery, number):
    vector = rng.standard_normal(512)
    unit = (vector / np.linalg.norm(vector)).astype(np.float32)
    crop = b"\\x89PNG\\r\\n\\x1a\\n" + rng.bytes(20_000)
    gallery.enroll(f"person {number}", [Sample(unit, None, f"{number}", 0, crop=crop)])
number = 0
with Gallery.open(path, model_id="m", create=True) as gallery:
    try:
        while number < 3000:
            enroll(gallery, number)
            number += 1
    except FacegateError as error:
        print(error.exit_status, error.code, error)
    print(number, gallery.count(), [f.code for f in gallery.check()])
    try:
        gallery.erase("person 0")
    except FacegateError as error:
        print(error.exit_status, error.code, error)
    else:
        print("erased")
"""


def fill(path: Path, limit: int) -> list[str]:
    """Enrol until the disk is full; return what was printed."""
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(path), str(limit)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_limit_on_file_sizes_is_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    lines = fill(path, 1_200_000)
    assert lines[0].startswith("4 disk_full")
    assert "could not be written, the change was not made" in lines[0]
    number = int(lines[1].split()[0])
    assert number > 10
    assert lines[1] == f"{number} ({number}, {number}) []"
    with Gallery.open(path) as gallery:
        assert gallery.count() in ((number, number), (number - 1, number - 1))
        assert gallery.check() == []
        gallery.set_setting("room", "again")


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.getuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)],
        capture_output=True, check=False,
    ).returncode  # fmt: skip
    if not mounted:
        return  # the limit on file sizes stands in for it, see above
    try:
        path = disk / "gallery.db"
        lines = fill(path, 0)
        assert lines[0].startswith("4 disk_full"), lines
        assert "is full, the change was not made: free some space" in lines[0]
        number = int(lines[1].split()[0])
        assert lines[1] == f"{number} ({number}, {number}) []"
        assert lines[2] == "erased" or lines[2].startswith("4 disk_full")
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        with Gallery.open(path) as gallery:
            gallery.set_setting("room", "again")
            assert gallery.count()[0] in (number, number - 1)
            assert gallery.check() == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
