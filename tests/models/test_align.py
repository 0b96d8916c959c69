import math
from typing import Any

import numpy as np
import pytest
from facenet_pytorch.models.utils.detect_face import extract_face
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from skimage.transform import SimilarityTransform

from facegate.models.align import ARCFACE_TEMPLATE, box_crop, similarity, warp
from facegate.models.values import Pixels

ANGLES = st.floats(-180, 180)


def moved(
    points: NDArray[Any], scale: float, degrees: float, x: float, y: float
) -> NDArray[np.float64]:
    turn = math.radians(degrees)
    matrix = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.asarray(points @ matrix.T + (x, y), np.float64)


@settings(deadline=None, derandomize=True)
@given(
    scale=st.floats(0.1, 20),
    degrees=ANGLES,
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
    seed=st.integers(0, 100),
)
def test_similarity_agrees_with_scikit_image(
    scale: float, degrees: float, x: float, y: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).normal(0, 5 * scale, (5, 2)).astype(np.float32)
    target = (moved(ARCFACE_TEMPLATE, scale, degrees, x, y) + noise).astype(np.float32)
    oracle = SimilarityTransform.from_estimate(ARCFACE_TEMPLATE, target)
    got = similarity(ARCFACE_TEMPLATE, target)
    np.testing.assert_allclose(got, oracle.params[:2], rtol=1e-3, atol=1e-3 * (1 + scale))


def test_similarity_never_mirrors() -> None:
    mirrored = ARCFACE_TEMPLATE * np.array([-1, 1], np.float32)
    turn = similarity(ARCFACE_TEMPLATE, mirrored)[:, :2]
    assert np.linalg.det(turn) > 0


def test_similarity_of_a_single_place_is_refused() -> None:
    with pytest.raises(ValueError, match="all the same"):
        similarity(np.ones((5, 2), np.float32), ARCFACE_TEMPLATE)


def noise(side: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def smooth(side: int) -> NDArray[np.float64]:
    """A picture that is a formula, so that it can be looked up between the pixels."""
    y, x = np.mgrid[:side, :side]
    return formula(x.astype(np.float64), y.astype(np.float64), side)


def formula(x: NDArray[np.float64], y: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    waves = [np.sin(x / side * 9 + k) * np.cos(y / side * 7 - k) for k in range(3)]
    return 128 + 100 * np.stack(waves, axis=-1)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    step=st.floats(0.3, 6),
    degrees=ANGLES,
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_a_warp_looks_up_the_right_place_to_a_fraction_of_a_pixel(
    step: float, degrees: float, x: float, y: float
) -> None:
    side = 1200
    corner = np.array([600.0, 600.0]) + np.array([x, y])
    centred = ARCFACE_TEMPLATE - 55.5
    landmarks = moved(centred, step, degrees, *corner).astype(np.float32)
    pixels = np.rint(smooth(side)).astype(np.uint8)
    crop = warp(pixels, landmarks, ARCFACE_TEMPLATE, 112)
    grid_y, grid_x = np.mgrid[:112, :112] - 55.5
    points = moved(np.stack([grid_x, grid_y], axis=-1).reshape(-1, 2), step, degrees, *corner)
    wanted = formula(points[:, 0], points[:, 1], side).reshape(112, 112, 3)
    # A crop shifted by a tenth of its pixels would be off by 0.1 * step * 100 * 9 / 1200.
    assert np.abs(crop - wanted).max() < 1.5 + 0.05 * step


def test_a_warp_that_only_shifts_copies_pixels() -> None:
    pixels = noise(200)
    crop = warp(pixels, ARCFACE_TEMPLATE + np.array([30, 50], np.float32), ARCFACE_TEMPLATE, 112)
    assert np.abs(crop.astype(int) - pixels[50:162, 30:142]).max() <= 1


def test_a_warp_to_half_the_size_takes_means() -> None:
    pixels = noise(224)
    crop = warp(pixels, ARCFACE_TEMPLATE * 2 + np.float32(0.5), ARCFACE_TEMPLATE, 112)
    means = pixels.reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
    assert np.abs(crop - means).max() <= 1


@pytest.mark.parametrize("step", [1.7, 2.6, 3.9, 5.5, 12.0])
def test_shrinking_takes_in_all_pixels(step: float) -> None:
    # Fine stripes become an even grey; a plain look-up would leave a pattern.
    side = round(step * 130)
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:, ::2] = 255
    landmarks = ARCFACE_TEMPLATE * np.float32(step) + np.float32(step * 5)
    crop = warp(pixels, landmarks, ARCFACE_TEMPLATE, 112)
    assert crop.std() < 255 * 0.5 / step**1.2


def test_outside_the_photograph_its_border_is_repeated() -> None:
    pixels = noise(112)
    pixels[:, 0] = 7
    crop = warp(pixels, ARCFACE_TEMPLATE - np.array([60, 0], np.float32), ARCFACE_TEMPLATE, 112)
    assert (crop[:, :60] == 7).all()


def test_a_face_far_outside_gives_a_crop() -> None:
    crop = warp(noise(40), ARCFACE_TEMPLATE + np.float32(5000), ARCFACE_TEMPLATE, 112)
    assert crop.shape == (112, 112, 3)


@pytest.mark.parametrize("margin", [0, 14, 40])
@pytest.mark.parametrize(
    "box",
    [[50.3, 60.7, 120.2, 150.9], [-20.5, -3.2, 60.1, 70.8], [150, 160, 260, 300], [0, 0, 200, 200]],
)
def test_a_box_is_cropped_as_facenet_pytorch_crops_it(box: list[float], margin: int) -> None:
    pixels = noise(200)
    oracle = extract_face(Image.fromarray(pixels), np.array(box), 160, margin)
    crop = box_crop(pixels, np.array(box, np.float32), 160, margin)
    # float32 against float64 may round one edge to the next pixel; not with these numbers.
    np.testing.assert_array_equal(crop, oracle.permute(1, 2, 0).numpy().astype(np.uint8))


def test_a_box_of_less_than_a_pixel_gives_a_crop() -> None:
    sliver = np.array([199.2, 10, 199.7, 30], np.float32)
    assert box_crop(noise(200), sliver, 160, 0).shape == (160, 160, 3)
