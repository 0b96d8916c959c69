"""Which way up a photograph is, read without Pillow's parser.

Pillow's own parser of EXIF warns about damage through the ``warnings`` module, which cannot be
silenced safely while other threads run; here damage just means that nothing is known.
"""

import re
import struct

import numpy as np
from numpy.typing import NDArray

_ORIENTATION = 0x0112
_FIELD = {1: "B", 3: "H", 4: "I"}  # byte, short, long
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """Return the orientation 1 to 8 that EXIF, or else XMP, states; 1 where neither does.

    Source: EXIF 2.32, tag 0x0112; values out of range count as 1.
    """
    stated = _from_exif(exif)
    if stated is None and (match := _XMP.search(xmp)):
        stated = int(match[1])
    return stated if stated is not None and 1 <= stated <= 8 else 1


def _from_exif(exif: bytes) -> int | None:
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (n_tags,) = struct.unpack_from(f"{order}H", exif, start)
        for at in range(start + 2, start + 2 + 12 * n_tags, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", exif, at)
            if tag == _ORIENTATION and kind in _FIELD and count == 1:
                (value,) = struct.unpack_from(order + _FIELD[kind], exif, at + 8)
                return int(value)
    except struct.error:
        pass  # cut off: what was read so far held no orientation
    return None


def turn_upright(pixels: NDArray[np.uint8], stated: int) -> NDArray[np.uint8]:
    """Return pixels (H, W, ...) turned and mirrored as orientation 1 to 8 asks; may be a view."""
    if stated >= 5:  # rows and columns change places
        pixels = pixels.swapaxes(0, 1)
    if stated in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if stated in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
