"""An exported gallery arrives whole in another, and only once."""

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facegate.errors import ConflictError, DamagedGalleryError, ModelMismatchError
from facegate.gallery import Gallery, Imported, Sample

MakeSamples = Callable[..., list[Sample]]
Show = Callable[[Gallery], object]


@pytest.fixture
def export(gallery: Gallery, samples: MakeSamples, tmp_path: Path) -> Path:
    """An export of Ada (3 samples with crops), Bob (2 without) and Cleo (1)."""
    gallery.enroll("Ada", samples(3, "Ada", crop_px=8))
    gallery.enroll("Bob", samples(2, "Bob"))
    gallery.enroll("Cleo", samples(1, "Cleo"))
    assert gallery.export(tmp_path / "people.zip") == (3, 6)
    return tmp_path / "people.zip"


@pytest.fixture
def other(tmp_path: Path, model_id: str) -> Gallery:
    """An empty gallery of the same model."""
    return Gallery.open(tmp_path / "other.db", model_id=model_id, create=True)


def people_of(gallery: Gallery) -> list[object]:
    """Return everybody without the ids that an import gives anew."""
    found: list[object] = []
    for person in gallery.identities():
        rows = [
            (s.quality, s.source_hash, s.face_no, s.kind, s.created)
            for s in gallery.samples(person.name)
        ]
        vectors = gallery.templates(person.name)[1].tobytes()
        crops = [crop for _, crop in gallery.crops(person.name)]
        found.append((person.uid, person.name, person.created, rows, vectors, crops))
    return found


def test_everybody_arrives(gallery: Gallery, export: Path, other: Gallery) -> None:
    with other:
        assert other.import_(export) == Imported(3, 0, 6, 0, 0)
        assert people_of(other) == people_of(gallery)
        assert other.check() == []
        assert other.last_operation is not None
        assert other.last_operation.text == "imported an export: 6 samples, 3 people new"
    assert stat.S_IMODE(export.stat().st_mode) == 0o600


def test_a_second_import_adds_nothing(export: Path, other: Gallery, state: Show) -> None:
    with other:
        other.import_(export)
        before = state(other)
        assert other.import_(export) == Imported(0, 0, 0, 6, 0)
        assert state(other) == before
        assert len(other.history()) == 1


def test_an_import_is_undone_whole(
    export: Path, other: Gallery, state: Show, samples: MakeSamples
) -> None:
    with other:
        other.enroll("Bob", samples(1, "elsewhere"))
        before = state(other)
        assert other.import_(export) == Imported(2, 1, 6, 0, 0)
        assert other.identity("Bob").n_samples == 3
        other.undo()
        assert state(other) == before
        assert other.check() == []
        assert other.import_(export) == Imported(2, 1, 6, 0, 0)


def test_an_import_under_one_id_is_done_once(export: Path, other: Gallery) -> None:
    with other:
        first = other.import_(export, op_uid="mine")
        assert other.import_(export, op_uid="mine") == first


def test_who_was_renamed_here_is_known_by_uid(export: Path, gallery: Gallery) -> None:
    gallery.rename("Ada", "Adele")
    assert gallery.import_(export) == Imported(0, 0, 0, 6, 0)


def test_who_was_erased_here_stays_erased(export: Path, gallery: Gallery) -> None:
    gallery.erase("Ada")
    assert gallery.import_(export) == Imported(0, 0, 0, 3, 1)
    assert gallery.find("Ada") is None


def test_the_erased_are_left_out_and_the_others_come(export: Path, gallery: Gallery) -> None:
    gallery.erase("Ada")
    gallery.remove("Bob")
    assert gallery.import_(export) == Imported(1, 0, 2, 1, 1)


def test_who_was_removed_here_comes_back_anew(export: Path, gallery: Gallery) -> None:
    uid = gallery.identity("Ada").uid
    gallery.remove("Ada")
    assert gallery.import_(export) == Imported(1, 0, 3, 3, 0)
    assert gallery.identity("Ada").uid != uid
    gallery.undo()
    gallery.undo()
    assert gallery.identity("Ada").uid == uid


def test_another_models_export_is_refused(export: Path, tmp_path: Path, model_id: str) -> None:
    with Gallery.open(tmp_path / "b.db", model_id="another", create=True) as other:
        with pytest.raises(ModelMismatchError, match=f"model another, not of {model_id} as in"):
            other.import_(export)
        assert other.count() == (0, 0)


def test_former_names_and_the_removed_stay_at_home(gallery: Gallery, export: Path) -> None:
    gallery.rename("Ada", "Countess")
    gallery.remove("Bob")
    target = export.with_name("second.zip")
    gallery.export(target)
    with zipfile.ZipFile(target) as archive:
        text = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Countess" in text
    assert b"Ada" not in text
    assert b"Bob" not in text


def test_the_file_is_what_the_docs_say(export: Path, gallery: Gallery) -> None:
    with zipfile.ZipFile(export) as archive:
        names = sorted(archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
        with archive.open("templates.npy") as file:
            matrix = np.load(file, allow_pickle=False)
        lines = archive.read("identities.jsonl").decode().splitlines()
    crops = [f"crops/{row}.png" for row in range(3)]
    assert names == sorted([*crops, "identities.jsonl", "manifest.json", "templates.npy"])
    assert (manifest["kind"], manifest["format"]) == ("facegate gallery", 1)
    assert manifest["model"] == {"id": gallery.model_id, "dim": 16}
    assert manifest["counts"] == {"identities": 3, "samples": 6}
    assert matrix.shape == (6, 16)
    assert matrix.dtype == np.float32
    assert [json.loads(line)["name"] for line in lines] == ["Ada", "Bob", "Cleo"]


def test_an_empty_gallery_can_be_exported(other: Gallery, gallery: Gallery, tmp_path: Path) -> None:
    with other:
        other.export(tmp_path / "empty.zip")
    assert gallery.import_(tmp_path / "empty.zip") == Imported(0, 0, 0, 0, 0)


def test_an_existing_file_is_not_overwritten(gallery: Gallery, export: Path) -> None:
    before = export.read_bytes()
    with pytest.raises(ConflictError, match="exists already"):
        gallery.export(export)
    assert export.read_bytes() == before


def test_a_damaged_gallery_is_not_exported(
    gallery: Gallery, export: Path, sql: Callable[..., object]
) -> None:
    sql("UPDATE template SET crc = crc + 1 WHERE id = 1")
    with pytest.raises(
        DamagedGalleryError, match=r"1 templates of gallery .* nothing was exported"
    ):
        gallery.export(export.with_name("second.zip"))
    assert not export.with_name("second.zip").exists()


names = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=30)


@settings(
    deadline=None,
    derandomize=True,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(names, min_size=1, max_size=5))
def test_any_names_travel(
    tmp_path_factory: pytest.TempPathFactory, samples: MakeSamples, chosen: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("travel")
    with (
        Gallery.open(folder / "a.db", model_id="m", create=True) as home,
        Gallery.open(folder / "b.db", model_id="m", create=True) as abroad,
    ):
        for number, name in enumerate(chosen):
            home.enroll(name, samples(1, str(number)))
        home.export(folder / "people.zip")
        abroad.import_(folder / "people.zip")
        assert people_of(abroad) == people_of(home)
