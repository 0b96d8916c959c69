"""Means over blocks of pixels, for many blocks at once: the "area" resampling of torch."""

import numpy as np
from numpy.typing import NDArray

from facegate.models.values import Floats, Pixels

Ints = NDArray[np.int64]


class AreaSums:
    """Sums over any rectangle of a photograph in four look-ups.

    Sums are kept modulo 2^32, which leaves the sum of a block exact as long as it has fewer than
    16 million pixels. Memory: 12 bytes a pixel.
    """

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        sums = np.zeros((self.height + 1, self.width + 1, 3), np.uint32)
        inner = sums[1:, 1:]
        np.cumsum(pixels, axis=0, dtype=np.uint32, out=inner)
        np.cumsum(inner, axis=1, out=inner)
        self._sums = sums.reshape(-1, 3)

    def means(
        self, top: Ints, left: Ints, height: Ints, width: Ints, *, rows: int, columns: int
    ) -> Floats:
        """Resample rectangles to one size, block by block as torch's adaptive average pooling.

        Args:
            top, left, height, width: of N rectangles inside the photograph, in whole pixels.
            rows, columns: of the result; blocks overlap where it is larger than a rectangle.

        Returns:
            float32 (N, 3, rows, columns), 0 to 255.
        """
        y1, y2 = _edges(height, rows)
        x1, x2 = _edges(width, columns)
        above, below = ((top[:, None] + y)[:, :, None] * (self.width + 1) for y in (y1, y2))
        before, after = ((left[:, None] + x)[:, None, :] for x in (x1, x2))
        take = self._sums.take
        sums = take(below + after, axis=0)
        sums -= take(above + after, axis=0)
        sums -= take(below + before, axis=0)
        sums += take(above + before, axis=0)
        means: Floats = sums.transpose(0, 3, 1, 2).astype(np.float32, order="C")
        means /= (y2 - y1).astype(np.float32)[:, None, :, None]
        means /= (x2 - x1).astype(np.float32)[:, None, None, :]
        return means

    def normalised(
        self, top: Ints, left: Ints, height: Ints, width: Ints, *, rows: int, columns: int
    ) -> Floats:
        """Return the same means in the range that MTCNN's nets take, -1 to 1."""
        means = self.means(top, left, height, width, rows=rows, columns=columns)
        means -= np.float32(127.5)
        means *= np.float32(1 / 128)
        return means


def _edges(length: Ints, blocks: int) -> tuple[Ints, Ints]:
    """Return where each block starts and ends along a side, (N, blocks) each."""
    index = np.arange(blocks)
    start = index * length[:, None] // blocks
    end = -((index + 1) * -length[:, None] // blocks)
    return start, end
