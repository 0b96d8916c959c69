"""The screen of a guided enrolment."""

from dataclasses import replace

import numpy as np
import pytest

from facegate.draw import enrolment_screen
from facegate.draw.shapes import GREEN, ORANGE
from facegate.guide import Advice, Direction, Instruction
from facegate.models.values import Face, Pixels
from facegate.quality import Pose

ADVICE = Advice(
    Instruction.LEFT,
    "Turn your head a little to your left",
    None,
    "",
    0.2,
    frozenset({Direction.STRAIGHT}),
    Direction.LEFT,
    Pose(0, 0, 0),
    "going",
)
FACE = Face(np.array([260, 150, 380, 310], np.float32), np.zeros((5, 2), np.float32), 0.99)


def screen(advice: Advice = ADVICE, n_kept: int = 2, face: Face | None = FACE) -> Pixels:
    frame = np.full((480, 640, 3), 100, np.uint8)
    frame[:, :40] = (250, 0, 0)
    crop = np.full((112, 112, 3), (0, 0, 220), np.uint8)
    return enrolment_screen(frame, advice, name="Ada", face=face, kept=[crop] * n_kept, slots=8)


def count(pixels: Pixels, colour: tuple[int, int, int]) -> int:
    return int(np.all(np.abs(pixels.astype(int) - colour) < 8, axis=2).sum())


def test_the_picture_is_a_mirror() -> None:
    shown = screen()
    assert shown.shape == (540, 720 + 190, 3)
    assert shown[20, 710, 0] > 200
    assert shown[20, 10, 0] < 150


def test_the_wanted_side_of_the_ring_is_the_persons_own() -> None:
    """Left on the mirror is the person's own left."""
    left = screen()[:430, :720]
    assert count(left[:, :360], ORANGE) > 5 * count(left[:, 360:], ORANGE)
    right = screen(replace(ADVICE, wanted=Direction.RIGHT))[:430, :720]
    assert count(right[:, 360:], ORANGE) > 5 * count(right[:, :360], ORANGE)


def test_what_is_covered_turns_green() -> None:
    before = count(screen()[:430, :720], GREEN)
    after = screen(replace(ADVICE, covered=frozenset({Direction.LEFT}), wanted=None))
    assert count(after[:430, :720], GREEN) > before + 100


def test_the_box_says_what_became_of_the_frame() -> None:
    corner = (slice(165, 172), slice(285, 300))  # the upper left one, mirrored and enlarged
    assert count(screen()[corner], ORANGE) == 0
    refused = replace(ADVICE, refused="blurred", wanted=None)
    assert count(screen(refused)[corner], ORANGE) > 5


def test_the_looks_are_listed_as_done_and_to_come() -> None:
    foot = screen()[450:, 720:]
    assert count(foot, GREEN) > 2
    assert count(foot, ORANGE) > 2
    done = replace(ADVICE, covered=frozenset(Direction), wanted=None)
    assert count(screen(done)[450:, 720:], GREEN) > 3 * count(foot, GREEN)
    assert count(screen(done)[450:, 720:], ORANGE) == 0


@pytest.mark.parametrize("n_kept", [0, 3, 8, 12])
def test_each_kept_frame_has_a_thumbnail(n_kept: int) -> None:
    side = screen(n_kept=n_kept)[:, 720:]
    per_thumbnail = count(screen(n_kept=1)[:, 720:], (0, 0, 220))
    assert count(side, (0, 0, 220)) == pytest.approx(min(n_kept, 8) * per_thumbnail, rel=0.05)


def test_it_is_drawn_without_a_face_and_after_the_end() -> None:
    assert screen(face=None).shape == screen().shape
    done = replace(ADVICE, instruction=Instruction.DONE, text="Done", state="done", pose=None)
    assert screen(done).shape == screen().shape
