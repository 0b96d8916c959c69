import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from facegate.models.detection.area import AreaSums
from facegate.models.values import Pixels


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def oracle(pixels: Pixels, rows: int, columns: int) -> NDArray[np.float64]:
    """Torch's answer, in 64 bits: in 32 its sums make a large white block 255.6."""
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].double()
    means = interpolate(batch, size=(rows, columns), mode="area")[0].permute(1, 2, 0)
    return np.asarray((means.numpy() - 127.5) / 128, np.float64)


def assert_same(got: NDArray[np.float32], wanted: NDArray[np.float64]) -> None:
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, atol=5e-7)


@settings(deadline=None, derandomize=True)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    rows=st.integers(1, 80),
    columns=st.integers(1, 80),
)
def test_resizing_agrees_with_torch_down_and_up(
    height: int, width: int, rows: int, columns: int
) -> None:
    pixels = noise(height, width)
    assert_same(AreaSums(pixels).resized(rows, columns), oracle(pixels, rows, columns))


def test_many_rectangles_are_resized_as_if_each_were_alone() -> None:
    pixels = noise(90, 70)
    rectangles = np.array([[0, 0, 90, 70], [5, 9, 24, 24], [80, 60, 3, 2], [89, 69, 1, 1]])
    crops = AreaSums(pixels).crops(rectangles, 24)
    for crop, (top, left, height, width) in zip(crops, rectangles, strict=True):
        assert_same(crop, oracle(pixels[top : top + height, left : left + width], 24, 24))


def test_sums_that_run_over_leave_the_means_right() -> None:
    # A lane of 21 bits runs over at 8,224 white pixels, the whole number many times after that.
    pixels = np.full((3000, 2000, 3), 255, np.uint8)
    pixels[-500:, -500:] = noise(500, 500)
    corner = np.array([[2500, 1500, 500, 500]])
    crop = AreaSums(pixels).crops(corner, 24)[0]
    assert_same(crop, oracle(pixels[-500:, -500:], 24, 24))


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_blocks_of_more_pixels_than_a_lane_holds_are_summed_in_parts(blocks: int) -> None:
    pixels = noise(700, 900)
    pixels[:350] = 255
    sums, wanted = AreaSums(pixels), oracle(pixels, blocks, blocks)
    assert_same(sums.resized(blocks, blocks), wanted)
    assert_same(sums.crops(np.array([[0, 0, 700, 900]]), blocks)[0], wanted)


def test_no_rectangles_give_no_crops() -> None:
    none = np.empty((0, 4), np.int64)
    assert AreaSums(noise(30, 30)).crops(none, 24).shape == (0, 24, 24, 3)


@pytest.mark.parametrize("shape", [(1, 4000), (4000, 1), (34, 1280), (2, 9000)])
def test_thin_photographs_are_resized(shape: tuple[int, int]) -> None:
    pixels = noise(*shape)
    assert_same(AreaSums(pixels).resized(12, 12), oracle(pixels, 12, 12))
