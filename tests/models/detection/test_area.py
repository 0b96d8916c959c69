import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from facegate.models.detection.area import AreaSums
from facegate.models.values import Floats, Pixels


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def oracle(pixels: Pixels, rows: int, columns: int) -> NDArray[np.float64]:
    """Torch's answer, in 64 bits: in 32 its sums make a large white block 255.6."""
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].double()
    means = interpolate(batch, size=(rows, columns), mode="area")[0].permute(1, 2, 0)
    return np.asarray(means.numpy() / 128, np.float64)


def resized(pixels: Pixels, rows: int, columns: int) -> Floats:
    out = np.full((rows, columns * 4), 7, np.float32)
    AreaSums(pixels).resize((rows, columns), (0, 0), out)
    return out.reshape(rows, columns, 4)


def crops(pixels: Pixels, rectangles: NDArray[np.int64], side: int) -> Floats:
    out = np.full((len(rectangles), side, side * 4), 7, np.float32)
    AreaSums(pixels).crop(rectangles, out)
    return out.reshape(-1, side, side, 4)


def assert_same(got: Floats, wanted: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(got[..., :3], wanted, rtol=1e-6)
    assert not got[..., 3].any()


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
    assert_same(resized(pixels, rows, columns), oracle(pixels, rows, columns))


def test_many_rectangles_are_resized_as_if_each_were_alone() -> None:
    pixels = noise(90, 70)
    rectangles = np.array([[0, 0, 90, 70], [5, 9, 24, 24], [80, 60, 3, 2], [89, 69, 1, 1]])
    found = crops(pixels, rectangles, 24)
    for crop, (top, left, height, width) in zip(found, rectangles, strict=True):
        assert_same(crop, oracle(pixels[top : top + height, left : left + width], 24, 24))


def test_sums_that_run_over_leave_the_means_right() -> None:
    # A lane of 16 bits runs over at 258 white pixels, the whole number many times after that.
    pixels = np.full((3000, 2000, 3), 255, np.uint8)
    pixels[-500:, -500:] = noise(500, 500)
    corner = np.array([[2500, 1500, 500, 500]])
    crop = crops(pixels, corner, 24)[0]
    assert_same(crop, oracle(pixels[-500:, -500:], 24, 24))


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_blocks_of_more_pixels_than_a_lane_holds_are_summed_in_parts(blocks: int) -> None:
    pixels = noise(700, 900)
    pixels[:350] = 255
    wanted = oracle(pixels, blocks, blocks)
    assert_same(resized(pixels, blocks, blocks), wanted)
    assert_same(crops(pixels, np.array([[0, 0, 700, 900]]), blocks)[0], wanted)


def test_no_rectangles_give_no_crops() -> None:
    none = np.empty((0, 4), np.int64)
    assert crops(noise(30, 30), none, 24).shape == (0, 24, 24, 4)


@pytest.mark.parametrize("size", [(41, 37), (5, 300), (1, 1)])
def test_a_part_of_the_result_is_what_the_whole_has_there(size: tuple[int, int]) -> None:
    pixels = noise(90, 120)
    whole = resized(pixels, *size)
    top, left = (side // 3 for side in size)
    out = np.empty((size[0] - top, (size[1] - left) * 4), np.float32)
    AreaSums(pixels).resize(size, (top, left), out)
    np.testing.assert_array_equal(out.reshape(*whole[top:, left:].shape), whole[top:, left:])


@pytest.mark.parametrize("shape", [(1, 4000), (4000, 1), (34, 1280), (2, 9000)])
def test_thin_photographs_are_resized(shape: tuple[int, int]) -> None:
    pixels = noise(*shape)
    assert_same(resized(pixels, 12, 12), oracle(pixels, 12, 12))
