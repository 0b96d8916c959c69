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
    np.testing.assert_allclose(got[:, 0], oracle(pixels, rows, columns)[0], rtol=1e-6)


def test_many_rectangles_are_resampled_as_if_each_were_alone() -> None:
    pixels = noise(90, 70)
    rectangles = np.array([[0, 0, 90, 70], [5, 9, 24, 24], [80, 60, 3, 2], [89, 69, 1, 1]])
    got = AreaSums(pixels).means(*rectangles.T, rows=24, columns=24)
    for number, (top, left, height, width) in enumerate(rectangles):
        alone = oracle(pixels[top : top + height, left : left + width], 24, 24)[0]
        np.testing.assert_allclose(got[:, number], alone, rtol=1e-6)


def test_sums_that_run_over_leave_the_means_right() -> None:
    # A lane of 21 bits runs over at 8,224 white pixels, the table's first at 2^64 many times.
    pixels = np.full((3000, 2000, 3), 255, np.uint8)
    pixels[-500:, -500:] = noise(500, 500)
    corner = np.array([[2500], [1500], [500], [500]])
    sums = AreaSums(pixels)
    got = sums.means(*corner, rows=24, columns=24)[:, 0]
    np.testing.assert_allclose(got, oracle(pixels[-500:, -500:], 24, 24)[0], rtol=1e-6)


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_blocks_of_more_pixels_than_a_lane_holds_are_summed_in_parts(blocks: int) -> None:
    pixels = noise(700, 900)
    pixels[:350] = 255
    whole = np.array([[0], [0], [700], [900]])
    got = AreaSums(pixels).means(*whole, rows=blocks, columns=blocks)[:, 0]
    # In 64 bits: torch's sums in 32 bits make a white block of that size 255.6.
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].double()
    wanted = interpolate(batch, size=(blocks, blocks), mode="area")[0].numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_normalised_means_are_from_minus_one_to_one_channels_last() -> None:
    pixels = noise(40, 50)
    whole = np.array([[0], [0], [40], [50]])
    sums = AreaSums(pixels)
    got = sums.normalised(*whole, rows=12, columns=14)
    means = sums.means(*whole, rows=12, columns=14)
    assert got.shape == (1, 12, 14, 3)
    np.testing.assert_allclose(got, (means.transpose(1, 2, 3, 0) - 127.5) / 128, atol=1e-6)


def test_no_rectangles_give_no_means() -> None:
    none = np.empty((4, 0), np.int64)
    assert AreaSums(noise(30, 30)).means(*none, rows=24, columns=24).shape == (3, 0, 24, 24)


@pytest.mark.parametrize("shape", [(1, 4000), (4000, 1), (34, 1280)])
def test_thin_photographs_are_summed(shape: tuple[int, int]) -> None:
    pixels = noise(*shape)
    whole = np.array([[0], [0], [shape[0]], [shape[1]]])
    got = AreaSums(pixels).means(*whole, rows=12, columns=12)
    np.testing.assert_allclose(got[:, 0], oracle(pixels, 12, 12)[0], rtol=1e-6)
