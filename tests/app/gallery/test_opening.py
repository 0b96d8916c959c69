"""What is not a gallery is told apart, left alone and reported with the right exit status."""

import errno
import os
import socket
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facegate.errors import (
    DamagedGalleryError,
    DiskFullError,
    GalleryError,
    NewerGalleryError,
    NotAGalleryError,
)
from facegate.gallery import Gallery, Sample, opening, schema

Sql = Callable[..., list[tuple[object, ...]]]


def refused(path: Path, kind: type[GalleryError], why: str) -> None:
    """Check that a file is refused for opening and for creating, and not touched."""
    before = path.read_bytes() if path.is_file() else None
    names = sorted(path.parent.iterdir())
    for create in (False, True):
        with pytest.raises(kind, match=why) as caught:
            Gallery.open(path, model_id="m", create=create, timeout=0.1)
        assert caught.value.exit_status == 2
        assert caught.value.hint
    assert sorted(path.parent.iterdir()) == names
    if before is not None:
        assert path.read_bytes() == before


def test_a_text_file(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("Dear diary, " * 200)
    refused(file, NotAGalleryError, "is not a gallery")


def test_a_short_text_file(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("x")
    refused(file, NotAGalleryError, "is a file of 1 bytes")


def test_an_empty_file_is_not_adopted(tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    file.touch()
    refused(file, NotAGalleryError, "is an empty file")


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_programs_database(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "browser.db"
    db = sqlite3.connect(file)
    db.execute(f"PRAGMA journal_mode = {mode}")
    db.execute("CREATE TABLE history (url TEXT)")
    db.commit()
    db.close()
    refused(file, NotAGalleryError, "a database of another program")


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", NotAGalleryError, "is a folder")


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", NotAGalleryError, "is a device or pipe")


def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("s")
        refused(tmp_path / "s", NotAGalleryError, "is a device or pipe")


def test_a_device() -> None:
    with pytest.raises(NotAGalleryError, match="is a device or pipe"):
        Gallery.open("/dev/null", model_id="m", create=True)


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(NotAGalleryError, match="cannot be opened"):
        Gallery.open(tmp_path / "a")


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "missing/gallery.db"])
def test_an_impossible_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotAGalleryError) as caught:
        Gallery.open(tmp_path / name)
    assert caught.value.exit_status == 2
    assert "\0" not in str(caught.value)


def test_a_gallery_behind_a_link_opens(peopled: Gallery, path: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(path)
    with Gallery.open(tmp_path / "link.db") as same:
        assert same.count() == (3, 6)
        same.remove("Bob")
    assert peopled.count() == (2, 4)


def test_a_name_that_looks_like_an_address(tmp_path: Path) -> None:
    odd = tmp_path / "a?mode=memory#%41 b.db"
    with Gallery.open(odd, model_id="m", create=True) as gallery:
        gallery.set_setting("a", "b")
    assert odd.exists()


def test_a_newer_schema_is_not_opened(gallery: Gallery, path: Path, sql: Sql) -> None:
    gallery.close()
    sql("PRAGMA user_version = 99")
    refused(path, NewerGalleryError, "made by a newer facegate .schema 99, this one knows 1.")


def test_a_gallery_without_a_schema_is_damaged(gallery: Gallery, path: Path, sql: Sql) -> None:
    gallery.close()
    sql("PRAGMA user_version = 0")
    refused(path, DamagedGalleryError, "it has no schema")


def test_a_missing_table_is_damage(gallery: Gallery, path: Path, sql: Sql) -> None:
    gallery.close()
    sql("DROP TABLE photo")
    with pytest.raises(DamagedGalleryError, match="tables are not those of schema 1"):
        Gallery.open(path)


def test_a_trigger_of_a_strangers_is_not_run(gallery: Gallery, path: Path, sql: Sql) -> None:
    gallery.close()
    sql("CREATE TRIGGER evil AFTER INSERT ON op BEGIN DELETE FROM sample; END")
    with pytest.raises(DamagedGalleryError, match="tables are not those of schema 1"):
        Gallery.open(path)


def test_a_missing_model_is_damage(gallery: Gallery, path: Path, sql: Sql) -> None:
    gallery.close()
    sql("DELETE FROM setting WHERE key = 'model'")
    with pytest.raises(DamagedGalleryError, match="does not say which model"):
        Gallery.open(path)


def read_all(path: Path) -> None:
    with Gallery.open(path) as gallery:
        gallery.all_templates()
        gallery.identities()
        gallery.history()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_gallery_cut_short_is_damaged(peopled: Gallery, path: Path, share: float) -> None:
    peopled.close()
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
    before = path.read_bytes()
    with pytest.raises(GalleryError) as caught:
        read_all(path)
    assert caught.value.code in ("damaged", "not_a_gallery")
    assert path.read_bytes() == before


def test_text_that_is_not_utf8_is_damage(peopled: Gallery, path: Path, sql: Sql) -> None:
    sql("UPDATE identity SET name = CAST(x'ff41' AS TEXT) WHERE id = 1")
    with pytest.raises(DamagedGalleryError):
        peopled.identities()


def test_an_endless_value_is_damage(peopled: Gallery, sql: Sql) -> None:
    sql("UPDATE identity SET name = CAST(zeroblob(20000000) AS TEXT) WHERE id = 1")
    with pytest.raises(DamagedGalleryError):
        peopled.identities()


def test_a_gallery_appears_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(opening, "_place", fail)
    with pytest.raises(KeyboardInterrupt):
        Gallery.open(path, model_id="m", create=True)
    assert list(path.parent.iterdir()) == []


def test_a_disk_that_fills_up_while_creating(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(opening, "_place", full)
    with pytest.raises(DiskFullError, match="cannot be written, No space left on device"):
        Gallery.open(path, model_id="m", create=True)
    assert list(path.parent.iterdir()) == []


def test_the_first_of_two_creators_wins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = opening._place

    def race(temporary: Path, target: Path) -> None:
        monkeypatch.undo()
        Gallery.open(target, model_id="first", create=True).close()
        place(temporary, target)

    monkeypatch.setattr(opening, "_place", race)
    with pytest.raises(GalleryError, match="of model first, not of second"):
        Gallery.open(path, model_id="second", create=True)
    assert [p.name for p in path.parent.iterdir()] == [path.name, f"{path.name}-journal"][:1]


def test_a_gallery_is_created_without_hard_links(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    with Gallery.open(path, model_id="m", create=True) as gallery:
        assert gallery.count() == (0, 0)


def test_a_file_for_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GalleryError, match="cannot be written") as caught:
        Gallery.open(tmp_path / "file" / "gallery.db", model_id="m", create=True)
    assert caught.value.exit_status == 2


def cut_short(path: Path) -> None:
    """Leave a gallery as a crash does after a commit's first page and before the file's new end.

    The journal holds the first page as it was, in SQLite's format.
    """
    raw = bytearray(path.read_bytes())
    size = schema.PAGE_SIZE
    first, n_pages, nonce = bytes(raw[:size]), len(raw) // size, 7
    checksum = (nonce + sum(first[place] for place in range(size - 200, 0, -200))) % 2**32
    header = bytes.fromhex("d9d505f920a163d7") + struct.pack(">5I", 1, nonce, n_pages, 512, size)
    record = struct.pack(">I", 1) + first + struct.pack(">I", checksum)
    Path(f"{path}-journal").write_bytes(header.ljust(512, b"\0") + record)
    (changes,) = struct.unpack_from(">I", raw, 24)
    for place, value in ((24, changes + 1), (28, n_pages + 5), (92, changes + 1)):
        struct.pack_into(">I", raw, place, value)
    path.write_bytes(raw)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_commit_that_a_crash_cut_short_is_rolled_back(
    path: Path, samples: Callable[..., list[Sample]], read_only: bool
) -> None:
    with Gallery.open(path, model_id="m", create=True) as gallery:
        gallery.enroll("Ada", samples(2))
    before = path.read_bytes()
    cut_short(path)
    with Gallery.open(path, read_only=read_only) as gallery:
        assert gallery.count() == (1, 2)
        assert gallery.check() == []
    assert path.read_bytes() == before


_AS_NOBODY = """
import os, sys
from pathlib import Path
import numpy as np, faiss
from facegate.errors import FacegateError
from facegate.gallery import Gallery
path, step = Path(sys.argv[1]), sys.argv[2]
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    if step == "create":
        Gallery.open(path, model_id="m", create=True)
    with Gallery.open(path) as gallery:
        ids, matrix = gallery.templates("Ada")
        assert gallery.search(matrix)[0][0].identity.name == "Ada"
        print("read")
        gallery.remove("Ada")
except FacegateError as error:
    print(error.exit_status, error.code, error)
"""


def as_nobody(path: Path, step: str) -> list[str]:
    """Read and write a gallery as a user who owns nothing; return what was printed."""
    script = [sys.executable, "-c", _AS_NOBODY, str(path), step]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.fixture
def public(public_folder: Path, samples: Callable[..., list[Sample]]) -> Path:
    """A gallery with Ada in a folder that other users can reach."""
    path = public_folder / "gallery.db"
    with Gallery.open(path, model_id="m", create=True) as gallery:
        gallery.enroll("Ada", samples(2))
    Path(f"{path}-journal").unlink()
    return path


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_gallery_that_may_not_be_written_is_read(public: Path, closed: str) -> None:
    public.chmod(0o444 if closed == "file" else 0o666)
    public.parent.chmod(0o555)
    first, second = as_nobody(public, "write")
    assert first == "read"
    assert second.startswith("4 read_only")
    assert "cannot be written" in second


def test_a_gallery_that_may_not_be_read(public: Path) -> None:
    public.chmod(0o000)
    (line,) = as_nobody(public, "read")
    assert line.startswith("2 not_a_gallery")
    assert "permission denied" in line


def test_a_folder_that_may_not_be_written(public_folder: Path) -> None:
    public_folder.chmod(0o555)
    (line,) = as_nobody(public_folder / "gallery.db", "create")
    assert line.startswith("4 read_only")
    assert "cannot be written, Permission denied" in line
