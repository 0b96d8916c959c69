import hashlib
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from facegate.data.images import FORMATS, SUFFIXES, Photo, read_photo, write_image
from facegate.errors import ImageError, InputError

Pixels = NDArray[np.uint8]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
@settings(deadline=None, derandomize=True)
def test_an_array_comes_back_as_a_copy_that_nobody_can_write_to(array: Pixels) -> None:
    photo = read_photo(array, min_side=1)
    np.testing.assert_array_equal(photo.pixels, array)
    assert photo.pixels.flags.c_contiguous
    assert not photo.pixels.flags.writeable
    before = photo.pixels.copy()
    array += 1
    np.testing.assert_array_equal(photo.pixels, before)
    assert (photo.width, photo.height) == (array.shape[1], array.shape[0])


def test_views_are_made_contiguous(astronaut: Pixels) -> None:
    photo = read_photo(astronaut[::2, ::-2])
    assert photo.pixels.flags.c_contiguous
    np.testing.assert_array_equal(photo.pixels, astronaut[::2, ::-2])


def test_a_grey_array_gets_three_equal_channels(astronaut: Pixels) -> None:
    photo = read_photo(astronaut[..., 1])
    assert photo.pixels.shape == astronaut.shape
    for channel in range(3):
        np.testing.assert_array_equal(photo.pixels[..., channel], astronaut[..., 1])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((40, 40, 3)),
        np.zeros((40, 40, 3), np.float32),
        np.zeros((40, 40, 3), np.int16),
        np.zeros((40, 40), bool),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((40, 40, 1), np.uint8),
        np.zeros((3, 40, 40), np.uint8),
        np.zeros((1, 40, 40, 3), np.uint8),
        np.zeros(40, np.uint8),
        np.zeros((), np.uint8),
        np.array([["a"]]),
    ],
)
def test_other_arrays_are_refused(array: Any) -> None:
    with pytest.raises(ImageError, match="give uint8, height x width x 3 in RGB") as caught:
        read_photo(array)
    assert caught.value.code == "not_an_image"


@pytest.mark.parametrize("shape", [(0, 0, 3), (31, 99), (20_000, 40, 3), (8000, 8000)])
def test_sizes_of_arrays_are_checked(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="pixels"):
        read_photo(np.broadcast_to(np.uint8(0), shape))


def test_a_pil_image_is_read_upright_and_left_alone(astronaut: Pixels) -> None:
    image = Image.fromarray(astronaut[:300])
    exif = Image.Exif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    photo = read_photo(image)
    np.testing.assert_array_equal(photo.pixels, np.rot90(astronaut[:300], -1))
    assert (photo.width, photo.height) == (300, 512)
    assert image.size == (512, 300)


def test_a_pil_image_may_come_from_a_format_that_we_do_not_read(
    astronaut: Pixels, tmp_path: Path
) -> None:
    Image.fromarray(astronaut).save(tmp_path / "a.bmp")
    with Image.open(tmp_path / "a.bmp") as image:
        photo = read_photo(image)
    np.testing.assert_array_equal(photo.pixels, astronaut)
    assert photo.source == str(tmp_path / "a.bmp")


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pil_images_of_unknown_range_are_refused(mode: str) -> None:
    with pytest.raises(ImageError, match="convert it to 8 bits"):
        read_photo(Image.new(mode, (40, 40)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_pil_images_of_other_modes_are_read(mode: str) -> None:
    assert read_photo(Image.new(mode, (40, 50))).pixels.shape == (50, 40, 3)


def test_the_hash_is_that_of_the_file(grace_path: Path) -> None:
    assert read_photo(grace_path).sha256 == hashlib.sha256(grace_path.read_bytes()).hexdigest()


def test_the_hash_of_an_array_covers_shape_and_pixels() -> None:
    flat = np.arange(40 * 60 * 3, dtype=np.uint32).astype(np.uint8)
    wide, tall = flat.reshape(40, 60, 3), flat.reshape(60, 40, 3)
    hashes = {read_photo(array).sha256 for array in (wide, tall, wide + np.uint8(1))}
    assert len(hashes) == 3
    assert read_photo(wide).sha256 == read_photo(Image.fromarray(wide)).sha256


def test_the_scale_is_that_of_the_widths() -> None:
    assert Photo(np.zeros((50, 40, 3), np.uint8), "it", "", 80, 100).scale == 0.5


def test_constants() -> None:
    assert FORMATS == ("JPEG", "PNG", "WebP")
    assert {".jpg", ".png", ".webp", ".heic"} <= SUFFIXES


@pytest.mark.parametrize(
    ("name", "tolerance"), [("a.png", 0), ("a.jpg", 4), ("a.JPEG", 4), ("new/a.webp", 6)]
)
def test_what_is_written_is_read_back(
    astronaut: Pixels, tmp_path: Path, name: str, tolerance: float
) -> None:
    for pixels in (astronaut, astronaut[::2, ::-1], astronaut[..., 0]):
        write_image(tmp_path / name, pixels)
        expected = pixels if pixels.ndim == 3 else pixels[..., None].repeat(3, axis=2)
        read = read_photo(tmp_path / name).pixels
        assert np.abs(read.astype(np.int16) - expected).mean() <= tolerance
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o600 == 0o600
    assert [p.name for p in (tmp_path / name).parent.iterdir()] == [Path(name).name]


@pytest.mark.parametrize("name", ["a.gif", "a", "a.jpg.txt"])
def test_other_endings_are_not_written(astronaut: Pixels, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"use \.jpg, \.png or \.webp"):
        write_image(tmp_path / name, astronaut)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to(astronaut: Pixels, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_image(tmp_path / "file" / "a.png", astronaut)
