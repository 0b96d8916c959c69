"""Images that come ready, read once into one uint8 array in memory.

A training step must never wait for a decoder: 128 x 128 x 3 is 49 kB, so 70,000 crops take
3.4 GB, and a batch is one indexing of the array.
"""

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facegate.data.decoding.formats import SUFFIXES
from facegate.data.folders import find_photos, is_visible
from facegate.data.images import read_photo
from facegate.data.text import printable
from facegate.errors import ImageError, InputError

Pixels = NDArray[np.uint8]

CHUNK = 512
MAX_MEMBER_BYTES = 20_000_000
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class Member:
    """An image inside a zip file."""

    archive: Path
    name: str

    def __str__(self) -> str:
        return f"{self.archive}:{self.name}"


Place = Path | Member
"""Where an image lies."""


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Images of one size, in memory.

    Attributes:
        pixels: uint8 (n, side, side, 3) RGB.
        rows: int64 (n,), the index of each image in what was asked for.
        left_out: (index, reason in words) of what could not be read.
    """

    pixels: Pixels
    rows: NDArray[np.int64]
    left_out: tuple[tuple[int, str], ...]


def find_unlabelled(places: Sequence[Path]) -> list[Place]:
    """Return the images in folders, as `find_photos` finds them, and zip files, sorted within each.

    Raises:
        InputError: one is neither, holds no image, or is a damaged zip file.
    """
    found: list[Place] = []
    for place in places:
        inside: list[Place] = [*find_photos(place)] if place.is_dir() else [*_in_zip(place)]
        if not inside:
            raise InputError(
                f"{printable(str(place))} holds no image",
                hint=f"files ending in {', '.join(sorted(SUFFIXES))}",
            )
        found += inside
    return found


def _in_zip(file: Path) -> list[Member]:
    try:
        with zipfile.ZipFile(file) as archive:
            names = sorted(archive.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{printable(str(file))} is neither a folder nor a zip file",
            hint="unlabelled images come in folders and zip files",
        ) from error
    return [
        Member(file, name)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
        and not name.endswith("/")
        and all(is_visible(part) for part in Path(name).parts)
    ]


def load_crops(
    places: Sequence[Place],
    side: int,
    *,
    threads: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Crops:
    """Decode images that come ready into one array.

    Args:
        places: files and members of zip files.
        side: the side of the square that every image is brought to; one of another size is
            enlarged or shrunk whole, not cut.
        threads: Pillow decodes outside Python's lock, so threads suffice.
        progress: called with the number of images read since the last call.

    Returns:
        What could be read, in the order asked for; the rest is counted in ``left_out``.
    """
    pixels = np.empty((len(places), side, side, 3), np.uint8)
    failed: dict[int, str] = {}
    with Archives() as archives, ThreadPoolExecutor(threads) as pool:

        def read(index: int) -> None:
            try:
                pixels[index] = _read(places[index], side, archives)
            except ImageError as error:
                failed[index] = error.message

        for chunk in _chunks(range(len(places)), CHUNK):
            list(pool.map(read, chunk))
            if progress is not None:
                progress(len(chunk))
    rows = np.array([row for row in range(len(places)) if row not in failed], np.int64)
    if failed:
        pixels = pixels[rows]
    return Crops(pixels, rows, tuple(sorted(failed.items())))


class Archives:
    """Zip files, each opened once; reading a member is safe from several threads."""

    def __init__(self) -> None:
        self._open: dict[Path, zipfile.ZipFile] = {}
        self._lock = Lock()

    def __enter__(self) -> "Archives":
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._open.values():
            archive.close()

    def read(self, member: Member) -> bytes:
        """Return the bytes of one image.

        Raises:
            ImageError: it cannot be read, or is too large.
        """
        try:
            with self._lock:
                if member.archive not in self._open:
                    self._open[member.archive] = zipfile.ZipFile(member.archive)
            archive = self._open[member.archive]
            if archive.getinfo(member.name).file_size > MAX_MEMBER_BYTES:
                raise ImageError(f"{member} is too large", hint="leave it out")
            return archive.read(member.name)
        except (OSError, KeyError, RuntimeError, EOFError, *_DAMAGED) as error:
            raise ImageError(f"{member} cannot be read from its zip file") from error


def _read(place: Place, side: int, archives: Archives) -> Pixels:
    source = archives.read(place) if isinstance(place, Member) else place
    pixels = read_photo(source, name=str(place), min_side=1).pixels
    if pixels.shape[:2] == (side, side):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def _chunks(numbers: range, size: int) -> Iterator[list[int]]:
    iterator = iter(numbers)
    while chunk := list(islice(iterator, size)):
        yield chunk
