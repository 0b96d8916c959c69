"""Galleries of every released schema open; one of an older schema is brought up to date."""

import importlib.util
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from facegate.errors import ReadOnlyGalleryError
from facegate.gallery import Gallery, Sample, opening, schema
from facegate.gallery.store import now

MakeSamples = Callable[..., list[Sample]]

SCHEMA_2 = """
ALTER TABLE identity ADD COLUMN note TEXT;
CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER extra_note AFTER INSERT ON extra
BEGIN
  UPDATE identity SET note = 'x';
END;
"""


def load(name: str) -> ModuleType:
    """Load a script beside this file; the tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A gallery of schema 1, as it was released."""
    load("schema_1").make(tmp_path / "old.db", now())
    return tmp_path / "old.db"


@pytest.fixture
def version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that there is a schema 2."""
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:1], SCHEMA_2))
    opening._expected_shape.cache_clear()
    monkeypatch.setattr(opening, "_expected_shape", schema.expected_shape)


def check_old(gallery: Gallery) -> None:
    """Check that everything in the released gallery is there and works."""
    assert gallery.check() == []
    assert gallery.count() == (1, 2)
    assert gallery.uid == "ab" * 16
    assert [o.text for o in gallery.history()] == [
        "removed Cleo: 1 sample",
        "merged Bob into Ada: 1 sample",
        "enrolled Cleo: 1 sample",
        "enrolled Bob: 1 sample",
        "enrolled Ada: 1 sample",
    ]
    _, matrix = gallery.templates("Ada")
    assert [c[0].identity.name for c in gallery.search(matrix)] == ["Ada", "Ada"]
    gallery.undo()
    gallery.undo()
    assert [p.name for p in gallery.identities()] == ["Ada", "Bob", "Cleo"]
    gallery.erase("Bob")
    assert gallery.check() == []


def test_a_gallery_of_schema_1_opens(old: Path) -> None:
    with Gallery.open(old) as gallery:
        check_old(gallery)


def test_a_new_gallery_has_the_shape_of_the_released_one(old: Path, gallery: Gallery) -> None:
    db = sqlite3.connect(old)
    assert schema.shape(db) == schema.expected_shape()
    db.close()


@pytest.mark.usefixtures("version_2")
def test_an_older_gallery_is_brought_up_to_date(old: Path, samples: MakeSamples) -> None:
    before = old.read_bytes()
    with Gallery.open(old) as gallery:
        check_old(gallery)
        gallery.enroll("Dora", samples(1, dim=4))
    db = sqlite3.connect(old)
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    assert db.execute("SELECT note FROM identity").fetchall()[0] == (None,)
    db.close()
    copy = old.with_name("old.db.v1-before-v2.db")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert len(copy.read_bytes()) == len(before)
    db = sqlite3.connect(copy)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert db.execute("SELECT count(*) FROM template").fetchone() == (3,)
    db.close()


@pytest.mark.usefixtures("version_2")
def test_a_gallery_made_at_once_has_the_same_shape(old: Path, tmp_path: Path) -> None:
    Gallery.open(old).close()
    Gallery.open(tmp_path / "new.db", model_id="m", create=True).close()
    shapes = []
    for path in (old, tmp_path / "new.db"):
        db = sqlite3.connect(path)
        shapes.append(schema.shape(db))
        db.close()
    assert shapes[0] == shapes[1]


@pytest.mark.usefixtures("version_2")
def test_a_reader_does_not_migrate(old: Path) -> None:
    before = old.read_bytes()
    with pytest.raises(ReadOnlyGalleryError, match="of an older facegate"):
        Gallery.open(old, read_only=True)
    assert old.read_bytes() == before


@pytest.mark.usefixtures("version_2")
def test_a_migration_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SCHEMA_2 + "CREATE TABLE extra (id INTEGER);"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:1], broken))
    with pytest.raises(sqlite3.OperationalError):
        Gallery.open(old)
    db = sqlite3.connect(old)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert "note" not in str(schema.shape(db))
    db.close()


@pytest.mark.usefixtures("version_2")
def test_two_processes_may_migrate_at_once(old: Path) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            Gallery.open(old).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Gallery.open(old) as gallery:
        check_old(gallery)


@pytest.mark.usefixtures("version_2")
def test_an_older_backup_is_restored(old: Path, tmp_path: Path) -> None:
    before = old.read_bytes()
    Gallery.restore(old, tmp_path / "people.db")
    with Gallery.open(tmp_path / "people.db") as gallery:
        assert gallery.count() == (1, 2)
        assert gallery.check() == []
    assert old.read_bytes() == before
    assert not list(tmp_path.glob("*before*"))


def test_statements_are_cut_at_their_ends() -> None:
    found = schema.statements(SCHEMA_2)
    assert [s.split()[0] for s in found] == ["ALTER", "CREATE", "CREATE"]
    assert found[2].endswith("END;")
