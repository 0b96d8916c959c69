"""Files that are small, within every cap, and built to keep a decoder busy."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from facegate.data.decoding import jpeg, png
from facegate.data.images import read_photo
from facegate.errors import ImageError


def saved(kind: str, **options: bool) -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def many_scans() -> bytes:
    whole = saved("JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * 200 + whole[-2:]


def many_segments() -> bytes:
    whole = saved("JPEG")
    return whole[:2] + b"\xff\xfe\0\2" * 4_900_000 + whole[2:]


def much_junk() -> bytes:
    whole = saved("JPEG")
    return whole[:2] + bytes(19_000_000) + whole[2:]


def many_starts() -> bytes:
    return b"\xff\xd8" * 9_000_000


def only_junk() -> bytes:
    return b"\xff\xd8\xff\xe0\0\2" + b"\x01" * 19_000_000


def many_ends() -> bytes:
    return b"\xff\xd8" + b"\xff\xd9" * 9_000_000


def many_chunks() -> bytes:
    whole = saved("PNG")
    return whole[:33] + chunk(b"tEXt", b"") * 1_500_000 + whole[33:]


def many_profiles() -> bytes:
    whole = saved("PNG")
    packed = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1_000_000), 9))
    return whole[:33] + packed * (19_000_000 // len(packed)) + whole[33:]


@pytest.mark.parametrize(
    "make",
    [
        many_scans,
        many_segments,
        much_junk,
        many_starts,
        only_junk,
        many_ends,
        many_chunks,
        many_profiles,
    ],
)
def test_is_refused_soon(make: Callable[[], bytes]) -> None:
    contents = make()
    assert len(contents) < 20_000_000
    start = time.process_time()
    with pytest.raises(ImageError):
        read_photo(contents)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
def test_ordinary_files_pass(options: dict[str, bool]) -> None:
    n_scans = jpeg.count_scans(saved("JPEG", **options))
    assert n_scans == (10 if "progressive" in options else 1)
    jpeg.check_scans(n_scans, (7000, 7000))
    contents = saved("PNG")
    assert png.without_animation(contents) is contents


def test_a_profile_in_many_pieces_passes() -> None:
    whole = saved("JPEG")
    piece = b"\xff\xe2" + (65_535).to_bytes(2, "big") + bytes(65_533)
    assert jpeg.count_scans(whole[:2] + piece * 250 + whole[2:]) == 1


@pytest.mark.parametrize(("n_scans", "size"), [(101, (64, 64)), (21, (7071, 7071))])
def test_scans_are_weighed_by_the_size_of_the_picture(n_scans: int, size: tuple[int, int]) -> None:
    jpeg.check_scans(n_scans - 1, size)
    with pytest.raises(ValueError, match="scans"):
        jpeg.check_scans(n_scans, size)


def test_an_animation_is_counted_and_removed() -> None:
    still = saved("PNG")
    control = chunk(b"acTL", struct.pack(">II", 7, 0))
    moving = still[:33] + control + still[33:-12] + chunk(b"fdAT", b"\0\0\0\1abc") + still[-12:]
    assert png.n_frames(moving) == 7
    assert png.n_frames(still) == 1
    assert png.without_animation(moving) == still
