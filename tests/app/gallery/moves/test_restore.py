"""A restore puts a backup in place, keeps what was there, and brings no erased person back."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from facegate.errors import (
    ConflictError,
    DamagedGalleryError,
    GalleryError,
    NewerGalleryError,
    NotAGalleryError,
)
from facegate.gallery import Gallery, Sample
from facegate.gallery.moves import restore as restoring

MakeSamples = Callable[..., list[Sample]]
Show = Callable[[Gallery], object]
Sql = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def copy(peopled: Gallery, tmp_path: Path) -> Path:
    """A backup with Ada, Bob and Cleo."""
    peopled.backup(tmp_path / "copy.db")
    return tmp_path / "copy.db"


def kept(path: Path) -> list[Path]:
    """Return the galleries that restores have put aside."""
    return [p for p in path.parent.glob("*.replaced-*") if not p.name.endswith("-journal")]


def test_the_backups_state_is_back_and_the_old_file_kept(
    peopled: Gallery, path: Path, copy: Path, samples: MakeSamples, state: Show
) -> None:
    before, uid = state(peopled), peopled.uid
    peopled.remove("Ada")
    peopled.enroll("Dora", samples(2, "Dora"))
    later = state(peopled)
    done = Gallery.restore(copy, path)
    assert state(peopled) == before
    assert peopled.check() == []
    assert peopled.uid != uid
    assert (done.n_identities, done.n_erased, done.knows_erased) == (3, 0, True)
    (old,) = kept(path)
    assert done.replaced == str(old)
    with Gallery.open(old) as replaced:
        assert state(replaced) == later
    assert peopled.history()[0].text.startswith("restored from a backup of 20")


def test_ids_given_since_the_backup_are_not_given_again(
    peopled: Gallery, path: Path, copy: Path, samples: MakeSamples
) -> None:
    since = peopled.enroll("Dora", samples(2, "Dora")).identity.id
    templates = set(peopled.templates("Dora")[0].tolist())
    Gallery.restore(copy, path)
    assert peopled.enroll("Eve", samples(2, "Eve")).identity.id > since
    assert not set(peopled.templates("Eve")[0].tolist()) & templates


def test_who_was_erased_since_stays_erased(peopled: Gallery, path: Path, copy: Path) -> None:
    peopled.rename("Ada", "Adele")
    peopled.erase("Adele")
    done = Gallery.restore(copy, path)
    assert (done.n_erased, done.n_identities) == (1, 2)
    assert [p.name for p in peopled.identities()] == ["Bob", "Cleo"]
    assert peopled.check() == []
    again = Gallery.restore(copy, path)
    assert again.n_erased == 1
    assert b"Ada" not in path.read_bytes()


def test_who_was_merged_and_erased_since_stays_erased(
    peopled: Gallery, path: Path, copy: Path
) -> None:
    peopled.merge("Bob", "Ada")
    peopled.erase("Ada")
    Gallery.restore(copy, path)
    assert [p.name for p in peopled.identities()] == ["Cleo"]


def test_a_backup_makes_a_missing_gallery(peopled: Gallery, copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "gallery.db"
    done = Gallery.restore(copy, target)
    assert (done.replaced, done.n_identities) == (None, 3)
    with Gallery.open(target) as fresh:
        assert fresh.count() == (3, 6)
        assert fresh.check() == []
        assert fresh.uid != peopled.uid
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in target.parent.iterdir())[0] == "gallery.db"


@pytest.mark.parametrize("damage", ["text", "cut", "page", "empty"])
def test_a_damaged_gallery_is_moved_away(
    peopled: Gallery, path: Path, copy: Path, damage: str
) -> None:
    peopled.close()
    whole = path.read_bytes()
    broken = {
        "text": b"no gallery at all" * 100,
        "cut": whole[: len(whole) // 3],
        "page": whole[:16384] + os.urandom(16384) + whole[32768:],
        "empty": b"",
    }[damage]
    path.write_bytes(broken)
    Path(f"{path}-journal").write_bytes(b"")
    done = Gallery.restore(copy, path)
    (old,) = kept(path)
    assert done.replaced == str(old)
    assert old.read_bytes() == broken
    assert not done.knows_erased or damage in ("page", "cut")
    with Gallery.open(path) as gallery:
        assert gallery.count() == (3, 6)
        assert gallery.check() == []


def test_a_damaged_gallerys_journal_goes_with_it(peopled: Gallery, path: Path, copy: Path) -> None:
    peopled.close()
    path.write_bytes(b"x" * 5000)
    Path(f"{path}-journal").write_bytes(b"a hot journal")
    Gallery.restore(copy, path)
    (old,) = kept(path)
    assert Path(f"{old}-journal").read_bytes() == b"a hot journal"
    with Gallery.open(path) as gallery:
        assert gallery.check() == []


def test_a_damaged_gallery_that_still_knows_its_erased(
    peopled: Gallery, path: Path, copy: Path, sql: Sql
) -> None:
    peopled.erase("Ada")
    peopled.close()
    sql("DROP TABLE photo")
    done = Gallery.restore(copy, path)
    assert (done.n_erased, done.knows_erased) == (1, True)


def test_another_programs_database_is_not_replaced(copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "browser.db"
    db = sqlite3.connect(file)
    db.execute("CREATE TABLE history (url TEXT)")
    db.close()
    before = file.read_bytes()
    with pytest.raises(NotAGalleryError, match="a database of another program"):
        Gallery.restore(copy, file)
    with pytest.raises(NotAGalleryError, match="is a folder"):
        Gallery.restore(copy, tmp_path)
    assert file.read_bytes() == before


def test_a_newer_gallery_is_not_replaced(
    peopled: Gallery, path: Path, copy: Path, sql: Sql
) -> None:
    sql("PRAGMA user_version = 9")
    with pytest.raises(NewerGalleryError):
        Gallery.restore(copy, path)
    assert kept(path) == []


def test_a_bad_backup_changes_nothing(
    peopled: Gallery, path: Path, copy: Path, tmp_path: Path, state: Show
) -> None:
    before = state(peopled)
    db = sqlite3.connect(copy)
    db.execute("UPDATE template SET vec = zeroblob(64) WHERE id = 2")
    db.commit()
    db.close()
    with pytest.raises(DamagedGalleryError, match=r"template 2.*name another backup$"):
        Gallery.restore(copy, path)
    (tmp_path / "text.db").write_text("no backup" * 1000)
    with pytest.raises(NotAGalleryError, match="is not a gallery: name another backup"):
        Gallery.restore(tmp_path / "text.db", path)
    with pytest.raises(NotAGalleryError):
        Gallery.restore(tmp_path / "missing.db", path)
    with pytest.raises(GalleryError, match="is the gallery itself"):
        Gallery.restore(path, path)
    assert state(peopled) == before
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}-journal"]


def test_a_restore_that_fails_half_way_changes_nothing(
    peopled: Gallery, path: Path, copy: Path, state: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    peopled.remove("Ada")
    before = state(peopled)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "_finish", stop)
    with pytest.raises(KeyboardInterrupt):
        Gallery.restore(copy, path)
    assert state(peopled) == before
    assert peopled.check() == []
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}-journal"]


def test_a_writer_that_waits_writes_into_the_restored_gallery(
    peopled: Gallery, path: Path, copy: Path, samples: MakeSamples
) -> None:
    peopled.remove("Ada")
    Gallery.restore(copy, path)
    peopled.enroll("Dora", samples(2, "Dora"))
    with Gallery.open(path) as other:
        assert {p.name for p in other.identities()} == {"Ada", "Bob", "Cleo", "Dora"}


def test_two_restores_in_one_second_keep_both(peopled: Gallery, path: Path, copy: Path) -> None:
    for _ in range(3):
        Gallery.restore(copy, path)
    assert len(kept(path)) == 3


def test_the_replaced_file_can_be_restored(
    peopled: Gallery, path: Path, copy: Path, samples: MakeSamples
) -> None:
    peopled.enroll("Dora", samples(2, "Dora"))
    first = Gallery.restore(copy, path)
    assert first.replaced is not None
    Gallery.restore(first.replaced, path)
    assert peopled.count() == (4, 8)
    with pytest.raises(ConflictError):
        peopled.undo()
