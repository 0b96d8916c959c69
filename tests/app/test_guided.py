"""Guided enrolment over real films, through the real models."""

import sqlite3
from pathlib import Path

import pytest

from facegate.capture import open_camera
from facegate.capture.film_writer import write_film
from facegate.clips import Portrait, Shot, take
from facegate.errors import FacegateError, InvalidNameError, NoAnswerError
from facegate.guide import Direction
from facegate.guided import Sitting
from facegate.recognizer import Recognizer

NAME = "Eileen Collins"


@pytest.fixture
def recognizer(tmp_path: Path, facegate_home: Path) -> Recognizer:
    """A recognizer with an empty gallery of its own."""
    return Recognizer(tmp_path / "people.db")


def sit(recognizer: Recognizer, film: Path, name: str = NAME) -> Sitting:
    """Play a film to the coach until it ends."""
    with open_camera(film) as frames:
        sitting = Sitting(recognizer, name, frames)
        for _ in sitting:
            pass
    return sitting


def test_a_person_is_enrolled_from_a_film_and_found_in_another(
    recognizer: Recognizer, films: Path, pictures: dict[str, Path]
) -> None:
    sitting = sit(recognizer, films / "sitting.mp4")
    assert sitting.coach.state == "done"
    assert sitting.coach.covered >= {Direction.STRAIGHT, Direction.LEFT, Direction.RIGHT}
    answer = sitting.save()
    assert answer.identity is not None
    assert answer.identity.name == NAME
    assert 3 <= answer.kept <= 8
    assert sitting.n_frames / 10 < 30
    (found,) = recognizer.identify(pictures["ada-1"]).faces
    assert found.identity is not None
    assert found.identity.name == NAME
    (stranger,) = recognizer.identify(pictures["grace-1"]).faces
    assert stranger.decision == "unknown"


def test_the_same_film_again_adds_nothing(recognizer: Recognizer, films: Path) -> None:
    first = sit(recognizer, films / "sitting.mp4").save()
    again = sit(recognizer, films / "sitting.mp4").save()
    assert again.kept == 0
    assert again.identity is not None
    assert first.identity is not None
    assert again.identity.n_samples == first.kept


def test_a_face_enrolled_under_another_name_is_noticed_before_saving(
    recognizer: Recognizer, films: Path
) -> None:
    sit(recognizer, films / "sitting.mp4").save()
    sitting = sit(recognizer, films / "passing.mp4", "Somebody Else")
    assert [near.identity.name for near in sitting.conflicts()] == [NAME]
    for own in (NAME, f" {NAME.upper()} "):
        assert sit(recognizer, films / "passing.mp4", own).conflicts() == ()


@pytest.mark.parametrize(
    ("film", "code", "says"),
    [
        ("pair", "several_faces", "several people"),
        ("takeover", "other_person", "another person"),
        ("dark", "no_face", "too dark to see a face"),
        ("nobody", "no_face", "no face was seen"),
    ],
)
def test_a_sitting_that_went_wrong_saves_nothing(
    recognizer: Recognizer, films: Path, film: str, code: str, says: str
) -> None:
    sitting = sit(recognizer, films / f"{film}.mp4")
    with pytest.raises(NoAnswerError, match=says) as caught:
        sitting.save()
    assert caught.value.exit_status == 3
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    assert not recognizer.path.exists()


@pytest.mark.parametrize(
    ("light", "says"), [(1.0, "the picture never changed"), (0.0, "black all the time")]
)
def test_a_still_or_black_picture_enrols_nobody(
    recognizer: Recognizer, tmp_path: Path, eileen: Portrait, light: float, says: str
) -> None:
    path = tmp_path / "still.mp4"
    frame = take(eileen, Shot(eyes_px=40, light=light, noise=2 * light), seed=1, size=(320, 240))
    write_film(path, [frame] * 30)
    with pytest.raises(NoAnswerError, match=says) as caught:
        sit(recognizer, path).save()
    assert caught.value.exit_status == 3
    assert not recognizer.path.exists()


def test_a_bad_name_is_refused_before_the_camera_is_looked_at(
    recognizer: Recognizer, films: Path
) -> None:
    with open_camera(films / "sitting.mp4") as frames:
        with pytest.raises(InvalidNameError):
            Sitting(recognizer, "\x00", frames)
        assert frames.n_seen == 0


def test_a_poster_full_of_faces_enrols_nobody_and_does_not_hang(
    recognizer: Recognizer, tmp_path: Path, admiral: Portrait
) -> None:
    """A frame of 640 x 480 with 192 faces: the detector stops at 64, the coach at one."""
    import numpy as np

    small = take(admiral, Shot(eyes_px=32), seed=1)[150:290, 260:380][::3, ::3]
    row = np.hstack([small] * 16)[:, :640]
    poster = np.vstack([row] * 12)[:480]
    path = tmp_path / "poster.mp4"
    write_film(path, [np.ascontiguousarray(poster)] * 5)
    with pytest.raises(FacegateError):
        sit(recognizer, path).save()


def test_an_unwritable_gallery_is_said_and_nothing_is_half_saved(
    recognizer: Recognizer, films: Path
) -> None:
    recognizer.path.write_text("no gallery\n" * 100)
    before = recognizer.path.read_bytes()
    with pytest.raises((FacegateError, sqlite3.Error)):
        sit(recognizer, films / "sitting.mp4").save()
    assert recognizer.path.read_bytes() == before
