import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from facegate.models.area import AreaSums
from facegate.models.values import Floats, Pixels


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def oracle(pixels: Pixels, rows: int, columns: int) -> Floats:
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    return np.asarray(interpolate(batch, size=(rows, columns), mode="area").numpy())


@settings(deadline=None, derandomize=True)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    rows=st.integers(1, 80),
    columns=st.integers(1, 80),
)
def test_agrees_with_torch_when_shrinking_and_enlarging(
    height: int, width: int, rows: int, columns: int
) -> None:
    pixels = noise(height, width)
    whole = np.array([[0], [0], [height], [width]])
    got = AreaSums(pixels).means(*whole, rows=rows, columns=columns)
    np.testing.assert_allclose(got, oracle(pixels, rows, columns), rtol=1e-6)


def test_many_rectangles_are_resampled_as_if_each_were_alone() -> None:
    pixels = noise(90, 70)
    rectangles = np.array([[0, 0, 90, 70], [5, 9, 24, 24], [80, 60, 3, 2], [89, 69, 1, 1]])
    got = AreaSums(pixels).means(*rectangles.T, rows=24, columns=24)
    for mean, (top, left, height, width) in zip(got, rectangles, strict=True):
        alone = oracle(pixels[top : top + height, left : left + width], 24, 24)[0]
        np.testing.assert_allclose(mean, alone, rtol=1e-6)


def test_sums_that_run_over_leave_the_means_right() -> None:
    # 4,300 x 4,300 white pixels sum to more than 2^32.
    pixels = np.full((4300, 4300, 3), 255, np.uint8)
    corner = np.array([[4200], [4200], [100], [100]])
    means = AreaSums(pixels).means(*corner, rows=24, columns=24)
    assert (means == 255).all()


def test_no_rectangles_give_no_means() -> None:
    none = np.empty((4, 0), np.int64)
    assert AreaSums(noise(30, 30)).means(*none, rows=24, columns=24).shape == (0, 3, 24, 24)


@pytest.mark.parametrize("shape", [(1, 4000), (4000, 1), (34, 1280)])
def test_thin_photographs_are_summed(shape: tuple[int, int]) -> None:
    pixels = noise(*shape)
    whole = np.array([[0], [0], [shape[0]], [shape[1]]])
    got = AreaSums(pixels).means(*whole, rows=12, columns=12)
    np.testing.assert_allclose(got, oracle(pixels, 12, 12), rtol=1e-6)
