"""Damaged, hostile and odd files: each is a photograph or one error, soon, without a warning."""

import io
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegate.data.images import Photo, read_photo
from facegate.errors import ImageError

CODES = {"not_an_image", "image_too_large", "too_small"}


def photo_or_reason(source: Path | bytes) -> Photo | str:
    start = time.process_time()
    try:
        return read_photo(source, min_side=1)
    except ImageError as error:
        return error.code if str(error).isprintable() else f"more than a line: {error!r}"
    finally:
        assert time.process_time() - start < 5, source


def mutants(good: bytes, *, n: int, seed: int) -> Iterator[bytes]:
    """Yield copies with bytes changed, cut, doubled, removed or swapped."""
    random = np.random.default_rng(seed)
    for _ in range(n):
        bad = bytearray(good)
        for _ in range(int(random.integers(1, 6))):
            at, length = int(random.integers(len(bad))), int(random.integers(1, 64))
            match int(random.integers(6)):
                case 0:
                    bad[at] = int(random.integers(256))
                case 1:
                    bad[at : at + length] = random.bytes(length)
                case 2:
                    del bad[at : at + length]
                case 3:
                    bad[at:at] = bad[at : at + length]
                case 4:
                    bad[at % 700] ^= 1 << int(random.integers(8))  # the header is thin
                case 5 if random.random() < 0.2:
                    del bad[max(at, 1) :]
        yield bytes(bad)


def test_500_mutants_of_a_photograph(grace_path: Path) -> None:
    good = grace_path.read_bytes()
    answers = [photo_or_reason(bad) for bad in mutants(good, n=500, seed=14)]
    n_photos = sum(isinstance(answer, Photo) for answer in answers)
    assert 0 < n_photos < 500
    assert {a for a in answers if isinstance(a, str)} <= CODES


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "WEBP lossless", "JPEG progressive"])
def test_mutants_of_other_formats(grace_path: Path, kind: str) -> None:
    name, _, option = kind.partition(" ")
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(grace_path) as image:
        small = image.resize((64, 75))
    small.save(file, name, exif=exif, **({option: True} if option else {}))
    answers = [photo_or_reason(bad) for bad in mutants(file.getvalue(), n=300, seed=21)]
    assert {a for a in answers if isinstance(a, str)} <= CODES


def test_every_file_of_the_decoders_own_test_suites(test_data: Path) -> None:
    files = sorted(path for path in (test_data / "bad-images").rglob("*") if path.is_file())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answers = [photo_or_reason(path) for path in files]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(files) > 1000
    assert {a for a in answers if isinstance(a, str)} <= CODES
    assert sum(isinstance(answer, Photo) for answer in answers) > 200
    assert grown < 300_000 or sys.platform == "darwin"  # kB
