"""A gallery's thresholds: where they come from, when they are refused, how they are kept."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facegate.calibration.closeness import close_findings, too_close
from facegate.calibration.make import Strangers, calibrate
from facegate.calibration.stored import (
    SETTING,
    CalibrationReader,
    forget_calibration,
    keep_calibration,
    read_calibration,
)
from facegate.errors import DamagedGalleryError, NoThresholdError
from facegate.gallery import Gallery, Sample
from facegate.models.card import example_card
from facegate.models.impostor_files import ImpostorStatistics
from facegate.models.impostors import Scale
from facegate.models.metrics.impostors import impostor_tables
from facegate.models.values import Floats

DIM, MODEL = 16, "made-up-0123456789ab"


def faces(n: int, each: int, *, seed: int, alike: float = 0.0) -> Floats:
    """Unit rows of n people; ``alike`` moves everybody towards one face."""
    random = np.random.default_rng(seed)
    rows = np.repeat(random.normal(size=(n, DIM)), each, axis=0)
    rows += 0.5 * random.normal(size=rows.shape) + alike
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def fill(gallery: Gallery, rows: Floats, each: int) -> None:
    for person in range(len(rows) // each):
        samples = [
            Sample(rows[person * each + k], None, f"{person:032x}{k:032x}", 0) for k in range(each)
        ]
        gallery.enroll(f"person {person:03d}", samples)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Fifty people with three templates each."""
    with Gallery.open(tmp_path / "people.db", model_id=MODEL, create=True) as opened:
        fill(opened, faces(50, 3, seed=1), 3)
        yield opened


@pytest.fixture(scope="session")
def shipped() -> ImpostorStatistics:
    """Statistics of 300 people like those of the gallery."""
    tables = impostor_tables(faces(300, 5, seed=2), np.repeat(np.arange(300), 5))
    return ImpostorStatistics(MODEL, "made up", "2026-11-25", Scale(tables))


def test_the_strictest_source_sets_the_threshold(
    gallery: Gallery, shipped: ImpostorStatistics
) -> None:
    made = calibrate(gallery, fmr=1e-3, fpir=0.1, shipped=shipped)
    own = impostor_tables(gallery.all_templates()[2], gallery.all_templates()[1])
    scores = [t.threshold(1e-3).score for t in (own[0], shipped.scale.tables[0])]
    assert made.scale.threshold(1e-3).score == max(scores)
    assert [(entry.kind, entry.fits) for entry in made.evidence] == [
        ("model", True),
        ("gallery", True),
    ]
    assert (made.n_identities, made.n_templates) == (50, 150)
    search = made.search_threshold()
    assert search is not None
    assert search.score >= made.scale.threshold(0.1).score


def test_statistics_that_do_not_fit_the_own_people_are_left_out(
    tmp_path: Path, shipped: ImpostorStatistics
) -> None:
    """A family: everybody looks alike, and the model's statistics promise too much."""
    with Gallery.open(tmp_path / "family.db", model_id=MODEL, create=True) as family:
        fill(family, faces(60, 3, seed=3, alike=1.0), 3)
        made = calibrate(family, fmr=1e-2, fpir=0.5, shipped=shipped)
        assert [(entry.kind, entry.fits) for entry in made.evidence] == [
            ("model", False),
            ("gallery", True),
        ]
        assert made.scale.threshold(1e-2).score > shipped.scale.threshold(1e-2).score
        with pytest.raises(NoThresholdError, match="statistics were left out: your own people"):
            calibrate(family, fmr=1e-5, fpir=0.5, shipped=shipped)


def test_strangers_are_evidence_too(gallery: Gallery, shipped: ImpostorStatistics) -> None:
    others = Strangers(faces(40, 2, seed=5, alike=0.1), np.repeat(np.arange(40), 2))
    made = calibrate(gallery, fmr=1e-2, fpir=0.1, shipped=shipped, strangers=others)
    assert [entry.kind for entry in made.evidence] == ["model", "gallery", "strangers"]
    assert made.evidence[2].n_comparisons == 80 * 150


def test_without_evidence_there_is_no_threshold(tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "one.db", model_id=MODEL, create=True) as lonely:
        fill(lonely, faces(1, 2, seed=7), 2)
        with pytest.raises(NoThresholdError, match="nothing tells how strangers score"):
            calibrate(lonely, fmr=1e-2, fpir=0.1, shipped=None)


def test_a_rate_that_the_evidence_cannot_support_is_refused(gallery: Gallery) -> None:
    with pytest.raises(NoThresholdError, match=r"support no false match rate of 1e-05"):
        calibrate(gallery, fmr=1e-5, fpir=0.1, shipped=None)
    with pytest.raises(NoThresholdError, match=r"identification rate of 0\.001") as refused:
        calibrate(gallery, fmr=1e-2, fpir=1e-3, shipped=None)
    assert "left out" not in refused.value.hint
    # What it says to be the smallest it then does.
    smallest = re.search("smallest they support is ([0-9.e-]+);", refused.value.hint)
    assert smallest is not None
    made = calibrate(gallery, fmr=1e-2, fpir=float(smallest[1]), shipped=None)
    search = made.search_threshold()
    assert search is not None
    assert search.fmr == pytest.approx(float(smallest[1]), rel=1e-2)
    with pytest.raises(NoThresholdError):
        calibrate(gallery, fmr=1e-2, fpir=float(smallest[1]) * 0.99, shipped=None)


def test_a_calibration_is_kept_in_its_gallery(
    gallery: Gallery, shipped: ImpostorStatistics
) -> None:
    made = calibrate(gallery, fmr=1e-3, fpir=0.1, shipped=shipped)
    keep_calibration(gallery, made)
    found = read_calibration(gallery)
    assert found is not None
    assert (found.id, found.fmr, found.evidence) == (made.id, made.fmr, made.evidence)
    assert found.scale.threshold(1e-3).score == pytest.approx(
        made.scale.threshold(1e-3).score, abs=2e-6
    )
    forget_calibration(gallery)
    assert read_calibration(gallery) is None


def test_decisions_stand_on_the_calibration_until_it_is_forgotten(
    gallery: Gallery, shipped: ImpostorStatistics, facegate_home: Path
) -> None:
    reader, card = CalibrationReader(), example_card()
    assert reader.basis(card, MODEL, gallery).scale is None
    made = calibrate(gallery, fmr=1e-3, fpir=0.1, shipped=shipped)
    keep_calibration(gallery, made)
    assert reader.basis(card, MODEL, gallery).calibration == made.id
    assert reader.basis(card, "another-0123456789ab", gallery).calibration is None
    assert reader.basis(card, MODEL, None).calibration is None
    forget_calibration(gallery)
    assert reader.basis(card, MODEL, gallery).calibration is None


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 1, "model": "%s"}'])
def test_what_cannot_be_read_is_named(gallery: Gallery, text: str) -> None:
    gallery.set_setting(SETTING, text.replace("%s", MODEL))
    with pytest.raises(DamagedGalleryError, match=r"calibration of .* cannot be read"):
        read_calibration(gallery)


def test_two_names_for_one_person_are_too_close(gallery: Gallery) -> None:
    rows = gallery.templates("person 007")[1]
    gallery.enroll("somebody else", [Sample(rows[0], None, "f" * 64, 0)])
    (pair, *others) = too_close(gallery, 0.95)
    assert {pair.first, pair.second} == {"person 007", "somebody else"}
    assert pair.score == pytest.approx(1.0, abs=1e-5)
    assert all(other.score <= pair.score for other in others)
    assert too_close(gallery, 1.5) == []


def test_a_check_names_who_is_too_close(
    gallery: Gallery, shipped: ImpostorStatistics, facegate_home: Path
) -> None:
    assert close_findings(gallery) == []  # nobody knows this model: no threshold, no finding
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facegate.models.zoo.card", lambda _name: example_card())
        keep_calibration(gallery, calibrate(gallery, fmr=1e-3, fpir=0.1, shipped=shipped))
        rows = gallery.templates("person 007")[1]
        gallery.enroll("somebody else", [Sample(rows[0], None, "f" * 64, 0)])
        finding = close_findings(gallery)[0]
    assert finding.code == "too_close"
    assert "'person 007' and 'somebody else' are too close, score 1.000" in finding.message
