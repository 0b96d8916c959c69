"""Images that are nearly the same picture, by a hash of their gradients."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NEAR = 4
"""Two hashes may be of one picture when at most this many of 64 bits differ."""

ALIKE = 0.99
"""Two images are one picture from this correlation of their grey thumbnails on."""

THUMBNAIL_PX = 16

Hashes = NDArray[np.uint64]


def difference_hash(pixels: NDArray[np.uint8]) -> int:
    """Return 64 bits that say where an image grows brighter from left to right.

    A copy that was enlarged, compressed or brightened keeps almost all of them.

    Args:
        pixels: uint8 (H, W, 3) RGB.

    Source: N. Krawetz, "Kind of Like That", 2013.
    """
    small = Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BOX)
    grey = np.asarray(small, np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_pairs(hashes: Sequence[int] | Hashes, *, limit: int = 100_000) -> NDArray[np.int64]:
    """Return pairs of rows whose hashes differ in at most four bits.

    Args:
        hashes: 64 bits each.
        limit: the most pairs returned; flat pictures all have one hash.

    Returns:
        int64 (n, 2), first < second. Cost: n^2 / 2 comparisons, about ten seconds for 50,000.
    """
    rows = np.asarray(hashes, np.uint64)
    found: list[NDArray[np.int64]] = []
    total = 0
    for start in range(0, len(rows), 256):
        part = rows[start : start + 256]
        bits = np.bitwise_count(part[:, None] ^ rows[None, start:])
        first, second = np.nonzero(bits <= NEAR)
        kept = second > first
        found.append(np.stack([first[kept], second[kept]], axis=1).astype(np.int64) + start)
        total += int(kept.sum())
        if total >= limit:
            break
    return np.concatenate(found)[:limit] if found else np.empty((0, 2), np.int64)


def same_pictures(
    images: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
) -> NDArray[np.int64]:
    """Return pairs of rows that show one picture.

    Args:
        images: n of uint8 (side, side, 3) RGB.

    Returns:
        int64 (m, 2), first < second. Cost: that of `near_pairs`, and 0.1 ms an image.
    """
    hashes = [difference_hash(image) for image in images]
    return agreeing(near_pairs(hashes), [thumbnail(image) for image in images])


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a grey thumbnail as a row of mean 0 and length 1; a flat picture's row is 0.

    Args:
        pixels: uint8 (H, W, 3) RGB.
    """
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    small = Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BOX)
    row: NDArray[np.float32] = np.asarray(small, np.float32).ravel()
    row = row - np.float32(row.mean())
    return row / np.float32(max(1e-6, float(np.linalg.norm(row))))


def agreeing(
    pairs: NDArray[np.int64], thumbnails: Sequence[NDArray[np.float32]]
) -> NDArray[np.int64]:
    """Return the pairs whose thumbnails agree as well.

    Faces that were warped to one place have hashes that are near each other by chance; the
    thumbnails tell those apart.

    Args:
        pairs: int64 (n, 2), rows with near hashes.
        thumbnails: of each row.
    """
    alike = [float(thumbnails[one] @ thumbnails[two]) >= ALIKE for one, two in pairs]
    kept: NDArray[np.int64] = pairs[np.array(alike, bool)]
    return kept
