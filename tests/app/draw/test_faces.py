"""Boxes and names: inside the picture, apart from one another, legible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facegate.data.images import read_photo
from facegate.decision import Threshold
from facegate.draw import Tag, annotated, draw_tags, tag_of
from facegate.draw.faces import status_line
from facegate.draw.lettering import lettering
from facegate.draw.shapes import GREEN, ORANGE
from facegate.models.values import Face
from facegate.results import IdentifiedFace

DETERMINISTIC = settings(deadline=None, derandomize=True)


def stranger(box: tuple[float, float, float, float]) -> IdentifiedFace:
    marks = np.zeros((5, 2), np.float32)
    face = Face(np.array(box, np.float32), marks, 0.99)
    return IdentifiedFace("f", face, "unknown", None, 0.12, Threshold(0.42, 1e-2, "card"), None)


def test_an_annotated_photograph_is_a_copy(astronaut: NDArray[np.uint8]) -> None:
    photo = read_photo(astronaut)
    drawn = annotated(photo, [stranger((180, 60, 270, 175))])
    assert np.array_equal(photo.pixels, astronaut)
    assert drawn.shape == astronaut.shape
    changed = np.any(drawn != astronaut, axis=2)
    assert changed[55:70, 175:200].any()
    assert not np.asarray(changed)[400:].any()


def test_a_tag_says_score_and_threshold() -> None:
    tag = tag_of(stranger((10, 20, 30, 40)), scale=0.5)
    assert (tag.title, tag.detail, tag.colour) == ("unknown", "0.12 < 0.42", ORANGE)
    assert list(tag.box) == [5, 10, 15, 20]


@pytest.mark.parametrize("level", [0, 90, 255])
def test_text_stands_out_on_any_background(level: int) -> None:
    """Letters are near white, what surrounds them is near black."""
    plain = np.full((300, 400, 3), level, np.uint8)
    drawn = draw_tags(plain.copy(), [Tag((150, 120, 250, 240), "Ada Lovelace", "", GREEN)])
    plate = drawn[80:118, 140:260].mean(axis=2)
    assert plate.max() > 200
    assert np.percentile(plate, 30) < 85


BOXES = st.tuples(
    st.integers(-20, 300), st.integers(-20, 220), st.integers(1, 150), st.integers(1, 150)
)
NAMES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)


@DETERMINISTIC
@given(st.lists(st.tuples(BOXES, NAMES), max_size=6))
def test_any_box_and_any_name_can_be_drawn(
    drawn: list[tuple[tuple[int, int, int, int], str]],
) -> None:
    tags = [Tag((x, y, x + w, y + h), name, "0.1 < 0.4") for (x, y, w, h), name in drawn]
    picture = np.full((240, 320, 3), 120, np.uint8)
    assert draw_tags(picture, tags).shape == (240, 320, 3)


def test_names_of_neighbours_do_not_cover_each_other() -> None:
    """Two faces side by side: each plate's coloured bar is there in full height."""
    plain = np.zeros((300, 400, 3), np.uint8)
    tags = [
        Tag((100, 120, 160, 190), "A rather long name", "", GREEN),
        Tag((150, 120, 210, 190), "Another long name", "", ORANGE),
    ]
    drawn = draw_tags(plain, tags)
    for colour in (GREEN, ORANGE):
        bar = np.all(np.abs(drawn.astype(int) - colour) < 12, axis=2)
        rows = np.flatnonzero(bar.sum(axis=1) >= 2)
        assert len(rows) > 10


def test_a_long_name_ends_in_an_ellipsis_and_fits() -> None:
    mask = lettering("Wolfeschlegelsteinhausenbergerdorff " * 3, 20, max_width=200)
    assert mask.shape[1] <= 230


@pytest.mark.parametrize("name", ["Łukasz", "Ωμέγα", "Жюль", "中村 陽子", "김철수", "أحمد", "שלום"])
def test_letters_of_many_scripts_have_ink(name: str) -> None:
    """Ink, and not one and the same box for every letter."""
    mask = lettering(name, 24)
    assert mask.max() > 150
    columns = [lettering(letter, 24) for letter in name.replace(" ", "")]
    assert len({column.tobytes() for column in columns}) > 1


def test_control_characters_are_shown_not_obeyed() -> None:
    assert lettering("a\u202eb\n", 20).shape[1] > lettering("ab", 20).shape[1]


def test_a_status_line_lies_at_the_lower_edge() -> None:
    picture = np.full((240, 320, 3), 200, np.uint8)
    status_line(picture, "12 frames seen · 3.4 ms " * 10)
    assert picture[:200].min() == 200
    assert picture[235:].mean() < 150
