import numpy as np
import pytest
from PIL import Image

from facegate.models.align import ARCFACE_TEMPLATE, is_upright
from facegate.models.detect import Detector
from facegate.models.values import Floats, Pixels


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(device="cpu")


def verdicts(detector: Detector, pixels: Pixels, rotation: int = 0) -> list[bool]:
    found = zip(*detector.detect(pixels), strict=True)
    return [
        detector.is_upright(pixels, box, landmarks, float(score), rotation=rotation)
        for box, landmarks, score in found
    ]


def leaning(pixels: Pixels, degrees: float) -> Pixels:
    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC))


@pytest.mark.parametrize("degrees", [-40, -25, 0, 25, 40])
def test_a_portrait_may_lean(
    detector: Detector, astronaut: Pixels, grace: Pixels, degrees: float
) -> None:
    for portrait in (astronaut, grace):
        assert True in verdicts(detector, leaning(portrait, degrees))


def test_a_face_marked_upright_on_an_upside_down_portrait_is_refused(
    detector: Detector, grace: Pixels
) -> None:
    turned = np.ascontiguousarray(grace[::-1, ::-1])
    boxes, landmarks, scores = detector.detect(turned)
    # The trap: a face is found, surely, and its landmarks look right.
    assert float(scores[0]) > 0.9
    assert is_upright(landmarks[0])
    assert verdicts(detector, turned) == [False] * len(boxes)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_no_turned_portrait_passes_as_it_lies(
    detector: Detector, astronaut: Pixels, grace: Pixels, turns: int
) -> None:
    for portrait in (astronaut, grace, grace[::2, ::2], astronaut[::2, ::2]):
        assert True not in verdicts(detector, np.ascontiguousarray(np.rot90(portrait, turns)))


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_face_is_judged_as_it_would_be_after_turning(
    detector: Detector, grace: Pixels, rotation: int
) -> None:
    boxes, landmarks, scores = detector.detect(grace)
    lying = np.ascontiguousarray(np.rot90(grace, -rotation // 90))
    height, width = lying.shape[:2]
    box, points = boxes[0].reshape(2, 2), landmarks[0]
    for number in range(rotation // 90):
        # By hand: turned clockwise, (x, y) of a picture h high goes to (h - y, x).
        side = grace.shape[number % 2]
        box = np.stack([side - box[:, 1], box[:, 0]], axis=1)
        points = np.stack([side - 1 - points[:, 1], points[:, 0]], axis=1)
    box = np.sort(box, axis=0).reshape(4).astype(np.float32)
    assert (box[2:] <= (width, height)).all()
    assert detector.is_upright(lying, box, points, float(scores[0]), rotation=rotation)
    assert not detector.is_upright(lying, box, points, float(scores[0]))


def rolled(degrees: float) -> Floats:
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray((ARCFACE_TEMPLATE - 56) @ matrix.T * 2 + 300, np.float32)


@pytest.mark.parametrize(
    ("degrees", "upright"),
    [(0, True), (45, True), (-45, True), (59, True), (61, False), (90, False), (180, False)],
)
def test_landmarks_form_an_upright_face_up_to_60_degrees(degrees: float, upright: bool) -> None:
    assert is_upright(rolled(degrees)) is upright


def test_landmarks_of_a_profile_form_an_upright_face() -> None:
    profile = ARCFACE_TEMPLATE.copy()
    profile[:, 0] = [50, 58, 72, 50, 56]  # the eyes close together, the nose beyond both
    assert is_upright(profile)
