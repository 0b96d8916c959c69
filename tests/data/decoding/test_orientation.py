"""The oracle is Pillow's own ``ImageOps.exif_transpose``."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from facegate.data.decoding.orientation import orientation, turn_upright


def exif_of(value: int, *, order: str = "<", kind: int = 3, before: int = 0) -> bytes:
    """EXIF with ``before`` other tags, then the orientation."""
    tags = [struct.pack(f"{order}HHII", 0x0100, 4, 1, 7)] * before
    field = struct.pack(order + {1: "B3x", 3: "H2x", 4: "I"}[kind], value)
    tags.append(struct.pack(f"{order}HHI", 0x0112, kind, 1) + field)
    start = b"II*\0" if order == "<" else b"MM\0*"
    head = start + struct.pack(f"{order}IH", 8, len(tags))
    return b"Exif\0\0" + head + b"".join(tags) + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("value", range(1, 9))
def test_reads_every_value_in_both_byte_orders(value: int, kind: int, order: str) -> None:
    assert orientation(exif_of(value, order=order, kind=kind, before=3)) == value


@pytest.mark.parametrize("value", [0, 9, 99, 65535])
def test_values_out_of_range_count_as_upright(value: int) -> None:
    assert orientation(exif_of(value)) == 1


def test_exif_may_lack_its_name() -> None:
    assert orientation(exif_of(6).removeprefix(b"Exif\0\0")) == 6


@pytest.mark.parametrize("xmp", [b'<x tiff:Orientation="6"/>', b"<tiff:Orientation>6</tiff>"])
def test_xmp_speaks_where_exif_is_silent(xmp: bytes) -> None:
    assert orientation(b"", xmp) == 6
    assert orientation(exif_of(3), xmp) == 3


@given(st.binary(max_size=80))
@settings(deadline=None, derandomize=True)
def test_damage_counts_as_upright(noise: bytes) -> None:
    assert orientation(noise) in range(1, 9)
    assert orientation(b"Exif\0\0II*\0" + noise) in range(1, 9)
    whole = exif_of(6, before=2)
    assert orientation(whole[: len(noise)]) in (1, 6)


@pytest.mark.parametrize("value", range(1, 9))
def test_turns_like_pillow(value: int) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = value
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    with Image.open(file) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(turn_upright(pixels, value), expected)
