"""``facegate calibrate`` as typed, and the decisions that follow from it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from facegate.cli import run
from facegate.gallery import Gallery, Sample
from facegate.models.zoo import DEFAULT_MODEL, card, installed_id


@pytest.fixture
def gallery(tmp_path: Path) -> str:
    """Sixty made-up people with three templates each, of the default model."""
    path = tmp_path / "people.db"
    dim = card(DEFAULT_MODEL).dim
    random = np.random.default_rng(0)
    with Gallery.open(path, model_id=installed_id(card(DEFAULT_MODEL)), create=True) as opened:
        for person in range(60):
            rows = random.normal(size=dim) + 0.5 * random.normal(size=(3, dim))
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            samples = [
                Sample(row.astype(np.float32), None, f"{person:032x}{k:032x}", 0)
                for k, row in enumerate(rows)
            ]
            opened.enroll(f"person {person}", samples)
    return str(path)


def test_a_gallery_is_calibrated_and_decides_by_it(
    gallery: str, pictures: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["calibrate", "--gallery", gallery, "--fmr", "0.01", "--fpir", "0.5", "--json"]
    assert run(asked) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["calibration"].startswith("cal-")
    assert made["ci95"][0] <= 0.01 <= made["ci95"][1] * 1.2
    assert made["inconclusive"][0] <= made["threshold"] <= made["inconclusive"][1]
    assert (made["identities"], made["templates"]) == (60, 180)
    scores = [score for _, _, score in made["too_close"]]
    assert scores == sorted(scores, reverse=True)
    assert all(score >= made["search_threshold"] for score in scores)
    claim = ["verify", "--name", "person 7", str(pictures["ada-1"]), "--gallery", gallery]
    assert run([*claim, "--fmr", "0.05", "--json"]) in (1, 3)
    answer = json.loads(capsys.readouterr().out)
    assert answer["calibration"] == made["calibration"]
    assert 0.01 < answer["fmr"] <= 0.05
    assert run([*claim, "--json"]) in (1, 3)  # as it was calibrated, where no rate is named
    assert 0.005 < json.loads(capsys.readouterr().out)["fmr"] <= 0.01
    assert run(["identify", str(pictures["ada-1"]), "--gallery", gallery, "--json"]) in (1, 3)
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["decision"] in ("unknown", "inconclusive")
    assert face["threshold"] == pytest.approx(made["search_threshold"], abs=1e-4)
    assert 0.1 < face["fpir"] <= 0.5


@pytest.fixture
def under_many_names(tmp_path: Path) -> str:
    """Eight names for one face, and sixty people who have nothing in common."""
    path, model = tmp_path / "one.db", card(DEFAULT_MODEL)
    rows = np.eye(model.dim, dtype=np.float32)[[60] * 8 + list(range(60))]
    with Gallery.open(path, model_id=installed_id(model), create=True) as opened:
        for person, row in enumerate(rows):
            opened.enroll(f"name {person}", [Sample(row, None, f"{person:064x}", 0)])
    return str(path)


def test_people_under_many_names_are_said_to_be_though_they_make_all_others_seem_alike(
    under_many_names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their scores set a threshold that passes them by; that of the model does not."""
    asked = ["calibrate", "--gallery", under_many_names, "--fmr", "0.01", "--fpir", "0.5", "--json"]
    assert run(asked) == 0
    captured = capsys.readouterr()
    made = json.loads(captured.out)
    assert made["search_threshold"] > 1
    assert len(made["too_close"]) == 28
    assert captured.err.count("are too close") == 20
    assert "and 8 pairs more, which --json lists" in captured.err
    assert run(["calibrate", "--gallery", under_many_names]) == 4
    assert "under two names: see 'facegate gallery check'" in capsys.readouterr().err


def test_it_says_what_it_stands_on(gallery: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["calibrate", "--gallery", gallery, "--fmr", "0.01", "--fpir", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "verify    threshold" in out
    assert "identify  threshold" in out
    assert "the gallery's own people" in out


def test_strangers_of_a_folder_are_evidence(
    gallery: str,
    pictures: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "strangers"
    for name in ("ada", "grace"):
        (folder / name).mkdir(parents=True)
        for number in (1, 2):
            (folder / name / f"{number}.jpg").symlink_to(pictures[f"{name}-{number}"])
    (folder / "nobody.jpg").symlink_to(pictures["nobody"])
    asked = ["calibrate", "--gallery", gallery, "--fmr", "0.01", "--fpir", "0.5"]
    assert run([*asked, "--strangers", str(folder), "--json"]) == 0
    captured = capsys.readouterr()
    evidence = {e["kind"]: e for e in json.loads(captured.out)["evidence"]}
    assert evidence["strangers"]["comparisons"] == 4 * 180
    assert "nobody.jpg" in captured.err


def test_strangers_who_are_too_few_are_said_to_be(
    tmp_path: Path, pictures: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, folder = str(tmp_path / "people.db"), tmp_path / "strangers"
    run(["enroll", "Ada", str(pictures["ada-1"]), "--gallery", gallery])
    folder.mkdir()
    (folder / "x.jpg").symlink_to(pictures["grace-1"])
    capsys.readouterr()
    assert run(["calibrate", "--gallery", gallery, "--strangers", str(folder)]) == 0
    assert "1 comparison with strangers: too few for any rate" in capsys.readouterr().err


def test_an_enrolled_person_is_no_stranger(
    tmp_path: Path, pictures: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, folder = str(tmp_path / "people.db"), tmp_path / "strangers"
    run(["enroll", "Ada", str(pictures["ada-1"]), "--gallery", gallery])
    folder.mkdir()
    (folder / "x.jpg").symlink_to(pictures["ada-1"])
    assert run(["calibrate", "--gallery", gallery, "--strangers", str(folder)]) == 2
    assert "is a photograph of 'Ada'" in capsys.readouterr().err


def test_a_stranger_who_looks_like_somebody_enrolled_is_named(
    tmp_path: Path, pictures: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Another photograph of Ada: as evidence of how strangers score it would spoil everything."""
    gallery, folder = str(tmp_path / "people.db"), tmp_path / "strangers"
    run(["enroll", "Ada", str(pictures["ada-1"]), "--gallery", gallery])
    folder.mkdir()
    (folder / "x.jpg").symlink_to(pictures["ada-4"])
    (folder / "y.jpg").symlink_to(pictures["grace-1"])
    capsys.readouterr()
    assert run(["calibrate", "--gallery", gallery, "--strangers", str(folder)]) == 0
    said = capsys.readouterr().err
    assert re.search(r"x\.jpg scores 0\.\d+ with 'Ada': take it out of the folder", said)
    assert "y.jpg" not in said


def test_a_rate_that_nothing_supports_is_4_and_changes_nothing(
    gallery: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", "--gallery", gallery, "--fmr", "1e-9"]) == 4
    assert "smallest they support" in capsys.readouterr().err
    with Gallery.open(Path(gallery), read_only=True) as opened:
        assert opened.setting("calibration") is None


def test_a_calibration_can_be_forgotten(gallery: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["calibrate", "--gallery", gallery, "--fmr", "0.01", "--fpir", "0.5"]) == 0
    assert run(["calibrate", "--gallery", gallery, "--forget"]) == 0
    assert "the model's own figures" in capsys.readouterr().out
    with Gallery.open(Path(gallery), read_only=True) as opened:
        assert opened.setting("calibration") is None


def test_a_gallery_that_is_not_there_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", "--gallery", str(tmp_path / "none.db")]) == 2
    assert "none.db" in capsys.readouterr().err


@pytest.fixture
def fresh(tmp_path: Path, facegate_home: Path) -> str:
    """Two made-up people with one template each, in a home where nothing was measured."""
    path = tmp_path / "two.db"
    model = card(DEFAULT_MODEL)
    with Gallery.open(path, model_id=installed_id(model), create=True) as opened:
        for person, row in enumerate(np.eye(model.dim, dtype=np.float32)[:2]):
            opened.enroll(f"person {person}", [Sample(row, None, f"{person:064x}", 0)])
    return str(path)


def test_what_comes_with_the_default_model_is_enough_to_calibrate(
    fresh: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", "--gallery", fresh, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    (source,) = made["evidence"]
    assert (source["kind"], source["people"]) == ("model", 618)
    assert made["ci95"][0] <= 1e-3 <= made["ci95"][1]
    # Two templates at FPIR 1e-2 are less strict than one at FMR 1e-3.
    assert made["search_threshold"] < made["threshold"]


def test_a_rate_that_the_counts_cannot_support_is_refused_with_the_smallest(
    fresh: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", "--gallery", fresh, "--fmr", "1e-9"]) == 4
    err = capsys.readouterr().err
    assert "support no false match rate of 1e-09" in err
    assert "the smallest they support is 5e-06" in err


def test_one_person_is_not_people(
    tmp_path: Path, facegate_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, model = tmp_path / "one.db", card(DEFAULT_MODEL)
    with Gallery.open(path, model_id=installed_id(model), create=True) as opened:
        row = np.eye(1, model.dim, dtype=np.float32)[0]
        opened.enroll("Ada", [Sample(row, None, "0" * 64, 0)])
    assert run(["calibrate", "--gallery", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(", 1 person, 1 template")
