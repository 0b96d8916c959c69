"""Each kind of damage is found and named; a sound gallery has no findings."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from facegate.errors import DamagedGalleryError, GalleryError, NotAGalleryError
from facegate.gallery import Gallery
from facegate.gallery.check import check_file

Sql = Callable[..., list[tuple[object, ...]]]


def test_a_sound_gallery_has_no_findings(peopled: Gallery, path: Path) -> None:
    peopled.merge("Bob", "Ada")
    peopled.remove("Cleo")
    peopled.undo()
    peopled.erase("Cleo")
    assert peopled.check() == check_file(path) == []


@pytest.mark.parametrize(
    ("damage", "code", "message"),
    [
        ("UPDATE template SET vec = zeroblob(64) WHERE id = 2", "template",
         "template 2 .sample 2. of 'Ada' is damaged"),
        ("UPDATE template SET crc = crc + 1 WHERE id = 4", "template",
         "template 4 .sample 4. of 'Bob' is damaged"),
        ("UPDATE template SET (vec, crc) = (SELECT vec, crc FROM template WHERE id = 5) "
         "WHERE id = 6", "template", "template 6 .sample 6. of 'Cleo' is damaged"),
        ("UPDATE template SET model_id = 'm2' WHERE id = 1", "template", "is of model m2"),
        ("DELETE FROM template WHERE id = 1", "no_template", "1 samples have no template: 1"),
        ("DELETE FROM sample WHERE id = 1", "lost_sample",
         "1 operations have not as many samples as they added: 1"),
        ("DELETE FROM identity WHERE id = 2", "orphan_sample", "2 samples belong to nobody: 4, 5"),
        ("UPDATE identity SET retired_op = 1 WHERE id = 2", "orphan_sample", "belong to nobody"),
        ("DELETE FROM sample WHERE id = 6", "no_sample", "1 identities have no sample: 3"),
        ("DELETE FROM op WHERE seq = 1", "orphan_row", "refer to rows that are missing"),
        ("UPDATE op SET n_samples = 9 WHERE seq = 2", "lost_sample", "samples as they added: 2"),
        ("UPDATE identity SET name = 'Eve' WHERE id = 1", "name", "name of identity 1"),
        ("UPDATE identity SET name = char(8238) WHERE id = 1", "name", "name of identity 1"),
        ("DELETE FROM setting WHERE key = 'uid'", "setting", "does not say its uid"),
        ("DELETE FROM model", "orphan_row", "refer to rows that are missing"),
        ("UPDATE setting SET value = 'm2' WHERE key = 'model'", "setting", "is not described"),
        ("INSERT INTO setting VALUES ('unswept', '1')", "unswept", "may have left traces"),
    ],
)  # fmt: skip
def test_damage_is_found(
    peopled: Gallery, path: Path, sql: Sql, damage: str, code: str, message: str
) -> None:
    import re

    peopled.close()
    sql("INSERT INTO model VALUES ('m2', 16, 0)") if "'m2' WHERE id" in damage else None
    sql(damage)
    found = [f"{f.code}: {f.message}" for f in check_file(path)]
    assert any(re.match(f"{code}: .*{message}", line) for line in found), found


def test_rows_without_a_sample_are_found(peopled: Gallery, path: Path, sql: Sql) -> None:
    peopled.close()
    sql("INSERT INTO photo VALUES (99, x'00')")
    assert [f.code for f in check_file(path)] == ["orphan_row"]


@pytest.mark.parametrize("share", [0.15, 0.4, 0.9])
def test_a_gallery_cut_short_is_found(peopled: Gallery, path: Path, share: float) -> None:
    peopled.close()
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
    (first, *_) = check_file(path)
    assert first.code == "structure"


def test_a_name_that_cannot_be_read_is_found(peopled: Gallery, path: Path, sql: Sql) -> None:
    peopled.close()
    sql("UPDATE identity SET name = CAST(x'ff41' AS TEXT) WHERE id = 1")
    assert [f.code for f in check_file(path)] == ["structure"]


def test_what_is_no_gallery_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary" * 1000)
    with pytest.raises(NotAGalleryError):
        check_file(tmp_path / "notes.txt")
    with pytest.raises(NotAGalleryError):
        check_file(tmp_path / "missing.db")


def everything(path: Path) -> list[object]:
    """Return all rows of all tables; they are the gallery."""
    db = sqlite3.connect(path)
    try:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return [db.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables.fetchall()]
    finally:
        db.close()


def test_a_flipped_byte_is_found_or_harmless(peopled: Gallery, path: Path) -> None:
    """Bytes of names, times and qualities carry no sum: of those, the vectors alone must hold."""
    peopled.close()
    whole, rng = path.read_bytes(), random.Random(11)
    vectors = dict.fromkeys(
        offset
        for (vec,) in sqlite3.connect(path).execute("SELECT vec FROM template").fetchall()
        for start in [whole.index(vec)]
        for offset in range(start, start + len(vec))
    )
    for number in range(60):
        offset = rng.choice(list(vectors)) if number % 2 else rng.randrange(len(whole))
        broken = bytearray(whole)
        broken[offset] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        try:
            found = check_file(path)
        except GalleryError:
            continue
        assert found or offset not in vectors, offset
        if not found:
            with Gallery.open(path) as gallery:
                assert gallery.count() == (3, 6)


def test_a_person_whose_templates_are_all_damaged(peopled: Gallery, sql: Sql) -> None:
    sql("UPDATE template SET crc = crc + 1 WHERE id <= 3")
    with pytest.raises(DamagedGalleryError, match="all templates of 'Ada' in gallery"):
        peopled.templates("Ada")
    assert len(peopled.templates("Bob")[0]) == 2
