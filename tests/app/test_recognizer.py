"""The whole road on the portraits: enrol, verify, identify, and what is refused."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from facegate import Recognizer
from facegate.errors import (
    ImageError,
    InputError,
    ModelMismatchError,
    NoFaceError,
    NotAGalleryError,
    NotUprightError,
    SeveralFacesError,
    UnknownIdentityError,
)

Pictures = dict[str, Path]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


@pytest.fixture
def enrolled(people: Path, pictures: Pictures) -> Path:
    """A gallery with Ada in two samples."""
    with Recognizer(people) as recognizer:
        recognizer.enroll("Ada", [pictures["ada-1"], pictures["ada-2"]])
    return people


def test_two_photographs_of_one_person_match(pictures: Pictures) -> None:
    answer = Recognizer().verify(pictures["ada-1"], pictures["ada-2"])
    assert answer.decision == "match"
    assert answer.threshold is not None
    assert answer.score >= answer.threshold.score
    assert answer.threshold.rate is not None
    assert answer.threshold.rate <= 1e-3
    assert answer.fmr_at_score is not None
    assert answer.fmr_at_score <= 1e-3


def test_two_people_do_not_match(pictures: Pictures) -> None:
    assert Recognizer().verify(pictures["ada-1"], pictures["grace-1"]).decision == "no match"


def test_a_score_on_the_threshold_is_accepted(pictures: Pictures) -> None:
    score = Recognizer().verify(pictures["ada-1"], pictures["grace-1"]).score
    exact = Recognizer(threshold=score).verify(pictures["ada-1"], pictures["grace-1"])
    above = Recognizer(threshold=float(np.nextafter(np.float64(score), 1)))
    assert exact.decision == "match"
    assert above.verify(pictures["ada-1"], pictures["grace-1"]).decision == "no match"


def test_an_enrolled_person_is_found_in_another_view(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled) as recognizer:
        (face,) = recognizer.identify(pictures["ada-4"]).faces
    assert face.decision == "match"
    assert face.identity is not None
    assert face.identity.name == "Ada"
    assert face.runner_up is None


def test_a_stranger_is_unknown_and_the_nearest_is_told(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled) as recognizer:
        (face,) = recognizer.identify(pictures["grace-1"]).faces
    assert face.decision == "unknown"
    assert face.identity is None
    assert face.runner_up is not None
    assert face.runner_up.identity.name == "Ada"


def test_every_face_of_a_group_is_answered(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled) as recognizer:
        faces = recognizer.identify(pictures["group"]).faces
    assert sorted(str(face.decision) for face in faces) == ["match", "unknown"]


def test_on_an_empty_gallery_everybody_is_unknown(facegate_home: Path, pictures: Pictures) -> None:
    (face,) = Recognizer().identify(pictures["ada-1"]).faces
    assert (face.decision, face.score, face.runner_up) == ("unknown", None, None)


def test_a_claim_is_compared_with_every_sample(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled) as recognizer:
        answer = recognizer.verify_name("ada", pictures["ada-2"])
        assert answer.decision == "match"
        assert answer.score == pytest.approx(1, abs=1e-3)
        assert recognizer.verify_name("Ada", pictures["grace-1"]).decision == "no match"


def test_a_claim_to_be_nobody_is_refused(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled) as recognizer, pytest.raises(UnknownIdentityError, match="Eve"):
        recognizer.verify_name("Eve", pictures["ada-1"])


def test_one_photograph_that_disagrees_is_left_out_and_named(
    people: Path, pictures: Pictures
) -> None:
    with Recognizer(people) as recognizer:
        sources = [pictures[name] for name in ("ada-1", "grace-1", "ada-2", "ada-3")]
        answer = recognizer.enroll("Ada", sources)
    assert (answer.samples, answer.kept) == (4, 3)
    (left_out,) = answer.left_out
    assert left_out.code == "disagrees"
    assert left_out.source == str(pictures["grace-1"])


def test_a_known_name_refuses_a_stranger(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled) as recognizer:
        answer = recognizer.enroll("ADA", [pictures["grace-1"], pictures["ada-3"]])
        assert [entry.code for entry in answer.left_out] == ["disagrees"]
        assert answer.identity is not None
        assert answer.identity.n_samples == 3


def test_the_same_photograph_is_not_enrolled_twice(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled) as recognizer:
        answer = recognizer.enroll("Ada", [pictures["ada-1"]])
    assert answer.kept == 0
    assert [entry.code for entry in answer.left_out] == ["known"]
    assert answer.left_out[0].message == f"{pictures['ada-1']} is enrolled already"


def test_every_copy_of_a_photograph_is_named(people: Path, pictures: Pictures) -> None:
    copies = [shutil.copy(pictures["ada-1"], people.with_name(f"{n}.jpg")) for n in "abc"]
    with Recognizer(people) as recognizer:
        answer = recognizer.enroll("Ada", copies)
    assert (answer.samples, answer.kept) == (3, 1)
    assert [Path(entry.source) for entry in answer.left_out] == copies[1:]
    assert {entry.code for entry in answer.left_out} == {"known"}


def test_somebody_enrolled_under_another_name_is_noticed(
    enrolled: Path, pictures: Pictures
) -> None:
    with Recognizer(enrolled) as recognizer:
        answer = recognizer.enroll("Countess", [pictures["ada-3"]])
    assert answer.kept == 1
    assert [near.identity.name for near in answer.conflicts] == ["Ada"]


def test_reasons_are_given_for_what_cannot_be_used(people: Path, pictures: Pictures) -> None:
    sources = [pictures[name] for name in ("nobody", "group", "ada-1")]
    with Recognizer(people) as recognizer:
        answer = recognizer.enroll("Ada", [*sources, people.parent / "missing.jpg"])
    codes = [entry.code for entry in answer.left_out]
    assert codes == ["no_face", "several_faces", "no_such_file"]
    assert answer.kept == 1


def test_nothing_usable_enrols_nobody(people: Path, pictures: Pictures) -> None:
    with Recognizer(people) as recognizer:
        answer = recognizer.enroll("Ada", [pictures["nobody"]])
    assert answer.identity is None
    assert not people.exists()


@pytest.mark.parametrize("kind", ["text", "path", "contents", "file", "array"])
def test_one_photograph_where_many_are_taken_is_the_callers_mistake(
    kind: str, people: Path, pictures: Pictures, astronaut: NDArray[np.uint8]
) -> None:
    path = pictures["ada-1"]
    sources: dict[str, Any] = {
        "text": str(path),
        "path": path,
        "contents": path.read_bytes(),
        "file": io.BytesIO(path.read_bytes()),
        "array": astronaut,
    }
    with pytest.raises(ValueError, match="takes a list of photographs, got one: put it into a"):
        Recognizer(people).enroll("Ada", sources[kind])
    assert not people.exists()


def test_enrolling_all_faces_of_a_photograph_is_refused(people: Path, pictures: Pictures) -> None:
    with Recognizer(people) as recognizer, pytest.raises(InputError, match="--face largest"):
        recognizer.enroll("Ada", [pictures["group"]], face="all")


def test_faces_are_chosen_as_asked(pictures: Pictures) -> None:
    recognizer = Recognizer()
    with pytest.raises(SeveralFacesError, match=r"2 faces found in .*group"):
        recognizer.faces(pictures["group"], face="only")
    assert len(recognizer.faces(pictures["group"], face="all")) == 2
    (largest,) = recognizer.faces(pictures["group"], face="largest")
    assert largest.face_no == 0
    with pytest.raises(InputError, match="use only, largest or all"):
        recognizer.faces(pictures["group"], face="first")  # type: ignore[arg-type]


def test_no_face_is_an_error_with_a_hint(pictures: Pictures) -> None:
    with pytest.raises(NoFaceError, match="--rotate auto"):
        Recognizer().faces(pictures["nobody"])


def test_a_photograph_on_its_side_gives_no_answer(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled) as recognizer:
        for face in recognizer.identify(pictures["sideways"]).faces:
            assert face.decision == "inconclusive"
            assert "--rotate auto" in face.reason
        with pytest.raises((NoFaceError, NotUprightError), match="--rotate auto"):
            recognizer.faces(pictures["sideways"])


def test_turning_finds_a_face_on_its_side(enrolled: Path, pictures: Pictures) -> None:
    with Recognizer(enrolled, rotate=True) as recognizer:
        (face,) = recognizer.identify(pictures["sideways"]).faces
    assert face.decision == "match"


def test_a_named_gallery_that_is_missing_is_said(people: Path, pictures: Pictures) -> None:
    with pytest.raises(NotAGalleryError, match="there is no gallery"):
        Recognizer(people).identify(pictures["ada-1"])
    with pytest.raises(NotAGalleryError, match="there is no gallery"):
        Recognizer(people).verify(pictures["ada-1"], pictures["ada-2"])


def test_another_model_than_the_gallerys_is_refused(enrolled: Path, pictures: Pictures) -> None:
    with pytest.raises(ModelMismatchError, match="not of mobilefacenet"):
        Recognizer(enrolled, model="mobilefacenet").identify(pictures["ada-1"])


def test_what_is_no_photograph_is_said(pictures: Pictures) -> None:
    with pytest.raises(ImageError):
        Recognizer().verify(pictures["ada-1"], b"not a photograph")


def test_arrays_are_photographs_too(astronaut: NDArray[np.uint8]) -> None:
    (face,) = Recognizer().faces(astronaut)
    assert np.linalg.norm(face.embedding) == pytest.approx(1, abs=1e-5)
    assert face.face.quality is not None


def test_a_face_too_poor_for_an_answer_is_inconclusive(
    enrolled: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegate.decision.LEAST_QUALITY", 2.0)
    answer = Recognizer().verify(pictures["ada-1"], pictures["ada-2"])
    assert answer.decision == "inconclusive"
    assert "too dark, bright, blurred" in answer.reason
    with Recognizer(enrolled) as recognizer:
        (face,) = recognizer.identify(pictures["ada-3"]).faces
    assert (face.decision, face.identity) == ("inconclusive", None)
    assert face.runner_up is not None
    assert face.runner_up.identity.name == "Ada"


def test_a_new_person_is_noticed_though_two_look_alike_equally(
    enrolled: Path, pictures: Pictures
) -> None:
    with Recognizer(enrolled) as recognizer:
        recognizer.enroll("Countess", [pictures["ada-1"]])
        (face,) = recognizer.identify(pictures["ada-1"]).faces
        assert (face.decision, face.identity) == ("inconclusive", None)
        answer = recognizer.enroll("Third", [pictures["ada-1"]])
    assert [near.identity.name for near in answer.conflicts] == ["Ada"]


def test_nobody_is_told_to_turn_what_was_turned(pictures: Pictures) -> None:
    with pytest.raises(NoFaceError, match=r"at least 24 pixels wide$"):
        Recognizer(rotate=True).faces(pictures["nobody"])
