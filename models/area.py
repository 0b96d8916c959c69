"""Means over blocks of pixels, for many blocks at once: the "area" resampling of torch."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facegate.models.values import Floats, Pixels

Ints = NDArray[np.int64]

_LANE = 21  # bits
_MOST = (2**_LANE - 1) // 255  # pixels whose sum fits into a lane


class AreaSums:
    """Sums over any rectangle of a photograph in four look-ups.

    The three channels share one 64-bit number, 21 bits each. In the sums of everything above and
    to the left the lanes run into one another, and the sums wrap; differences of them are right
    all the same, modulo 2^64, as long as the sum of each channel of a block fits into its lane.
    Memory: 8 bytes a pixel.
    """

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        packed = pixels[..., 2].astype(np.uint64)
        for channel in (1, 0):
            packed <<= _LANE
            packed |= pixels[..., channel]
        sums = np.zeros((self.height + 1, self.width + 1), np.uint64)
        np.cumsum(packed, axis=1, out=sums[1:, 1:])
        # Whole rows at a time: numpy's own sum down the columns is several times slower.
        for above, row in pairwise(sums):
            row += above
        self._sums = sums.ravel()

    def means(
        self, top: Ints, left: Ints, height: Ints, width: Ints, *, rows: int, columns: int
    ) -> Floats:
        """Resample rectangles to one size, block by block as torch's adaptive average pooling.

        Args:
            top, left, height, width: of N rectangles inside the photograph, in whole pixels.
            rows, columns: of the result; blocks overlap where it is larger than a rectangle.

        Returns:
            float32 (3, N, rows, columns), 0 to 255.
        """
        y1, y2 = _edges(height, rows)
        x1, x2 = _edges(width, columns)
        tall, wide = y2 - y1, x2 - x1
        # Blocks whose sum would not fit into a lane are summed in parts, from top to bottom.
        most_rows = max(1, _MOST // int(wide.max(initial=1)))
        parts = -(-int(tall.max(initial=1)) // most_rows)
        before, after = (left[:, None] + x1)[:, None, :], (left[:, None] + x2)[:, None, :]
        planes = np.zeros((3, len(top), rows, columns), np.float32)
        for part in range(parts):
            y_from, y_to = (
                (top[:, None] + y1 + tall * p // parts)[:, :, None] * (self.width + 1)
                for p in (part, part + 1)
            )
            sums = self._take(y_to, after) - self._take(y_from, after)
            sums -= self._take(y_to, before) - self._take(y_from, before)
            for channel, plane in enumerate(planes):
                lane = (sums >> (_LANE * channel)).astype(np.uint32) & (2**_LANE - 1)
                plane += lane.astype(np.float32)
        planes /= tall.astype(np.float32)[:, :, None]
        planes /= wide.astype(np.float32)[:, None, :]
        return planes

    def normalised(
        self, top: Ints, left: Ints, height: Ints, width: Ints, *, rows: int, columns: int
    ) -> Floats:
        """Return the same means as MTCNN's nets take them: (N, rows, columns, 3), -1 to 1."""
        planes = self.means(top, left, height, width, rows=rows, columns=columns)
        planes -= np.float32(127.5)
        planes *= np.float32(1 / 128)
        return np.ascontiguousarray(planes.transpose(1, 2, 3, 0))

    def _take(self, row: Ints, column: Ints) -> NDArray[np.uint64]:
        return self._sums.take(row + column)


def _edges(length: Ints, blocks: int) -> tuple[Ints, Ints]:
    """Return where each block starts and ends along a side, (N, blocks) each."""
    index = np.arange(blocks)
    start = index * length[:, None] // blocks
    end = -((index + 1) * -length[:, None] // blocks)
    return start, end
