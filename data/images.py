"""Read photographs: the only place that decodes an image.

Pillow with the doors shut: formats are told by content and only JPEG, PNG and WebP (HEIC with the
package pillow-heif) are decoded; caps on bytes, pixels and sides are checked on the header before
anything is decoded; whatever Pillow raises on damage becomes one ``ImageError``.
"""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facegate.data.decoding import sources
from facegate.data.decoding.decode import Decoded, Limits, decode, decode_array, decode_pil
from facegate.data.decoding.formats import FORMATS, SUFFIXES
from facegate.data.files import write_output
from facegate.data.text import printable
from facegate.errors import ImageError, InputError

__all__ = ["FORMATS", "MAX_BYTES", "SUFFIXES", "Photo", "PhotoSource", "read_photo", "write_image"]

_WRITERS: dict[str, tuple[str, dict[str, int]]] = {
    ".jpg": ("JPEG", {"quality": 92}),
    ".jpeg": ("JPEG", {"quality": 92}),
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"quality": 90}),
}

PhotoSource = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | Image.Image
    | NDArray[np.uint8]
)
"""What ``read_photo`` takes."""


MAX_BYTES = 20_000_000
"""The largest file that is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photograph, upright, in RGB.

    Attributes:
        pixels: uint8 (H, W, 3), C-contiguous and read-only; of a JPEG perhaps at 1/2, 1/4 or 1/8
            of the full size.
        source: the path or name it came by, as given.
        sha256: hex digest of the file's bytes; of size and pixels where there was no file.
        width, height: of the full upright photograph in pixels.
    """

    pixels: NDArray[np.uint8]
    source: str
    sha256: str
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Return the width of ``pixels`` over the full width: above 0, at most 1."""
        return int(self.pixels.shape[1]) / self.width


def read_photo(
    source: PhotoSource,
    *,
    full_size: bool = False,
    name: str | None = None,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = 50_000_000,
    max_side: int = 16_384,
    min_side: int = 32,
) -> Photo:
    """Return the photograph that a path, bytes, open binary file, PIL image or array holds.

    Args:
        source: an array is uint8, (H, W, 3) in RGB or (H, W) in grey. The orientation that EXIF
            states is applied, to a PIL image too. An open file is read from where it stands.
        full_size: decode a large JPEG whole; otherwise at 1/2, 1/4 or 1/8 of its size as long as
            the short side keeps 1600 pixels.
        name: what to call it in messages, instead of its path.
        max_bytes, max_pixels, max_side, min_side: what is larger or smaller is refused, on the
            header alone.

    Raises:
        ImageError: code no_such_file, not_a_file, image_too_large, too_small or not_an_image.

    >>> import numpy as np
    >>> from facegate.data.images import read_photo
    >>> photo = read_photo(np.zeros((40, 60, 3), np.uint8), name="black")
    >>> photo.width, photo.height, photo.scale
    (60, 40, 1.0)
    """
    limits = Limits(max_pixels, max_side, min_side, full_size)
    if isinstance(source, np.ndarray):
        called = name or "<array>"
        return _photo(decode_array(source, printable(called), limits), called)
    if isinstance(source, Image.Image):
        called = name or sources.display_name(source, "filename")
        return _photo(decode_pil(source, printable(called), limits), called)
    if isinstance(source, bytes | bytearray | memoryview):
        called = name or "<bytes>"
        contents = sources.check_bytes_read(bytes(source), max_bytes, printable(called))
    elif isinstance(source, str | os.PathLike):
        called = name or os.fsdecode(source)
        contents = sources.read_file(source, max_bytes=max_bytes)
    elif hasattr(source, "read"):
        called = name or sources.display_name(source)
        contents = sources.read_stream(source, printable(called), max_bytes=max_bytes)
    else:
        raise ImageError(
            f"{type(source).__name__} is no photograph",
            hint="give a path, bytes, an open binary file, a PIL image or an array",
        )
    return _photo(decode(contents, printable(called), limits), called, contents)


def write_image(path: str | os.PathLike[str], pixels: NDArray[np.uint8]) -> None:
    """Write pixels (H, W, 3) in RGB or (H, W) in grey, uint8, whole or not at all.

    The format follows the ending: .jpg, .jpeg, .png or .webp.

    Raises:
        InputError: another ending, or a place that cannot be written to.
        MachineError: code disk_full.
    """
    path = Path(path)
    kind, options = _WRITERS.get(path.suffix.lower(), ("", {}))
    if not kind:
        raise InputError(
            f"{printable(str(path))} has no ending that names an image format",
            hint="use .jpg, .png or .webp",
        )
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels, np.uint8)).save(buffer, kind, **options)
    write_output(path, buffer.getvalue())


def _photo(decoded: Decoded, called: str, contents: bytes | None = None) -> Photo:
    if contents is None:
        digest = hashlib.sha256(f"{decoded.width}x{decoded.height}:".encode())
        digest.update(decoded.pixels.data)
    else:
        digest = hashlib.sha256(contents)
    return Photo(decoded.pixels, called, digest.hexdigest(), decoded.width, decoded.height)
