"""Means over blocks of pixels, for many blocks at once: the "area" resampling of torch.

Results are in the range that MTCNN's nets take: 0 to 255 becomes -1 to 1, less 1/256.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facegate.models.values import Floats, Pixels

Ints = NDArray[np.int64]
_Sums = NDArray[np.uint64]

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
        self._sums = np.zeros((self.height + 1, self.width + 1), np.uint64)
        np.cumsum(packed, axis=1, out=self._sums[1:, 1:])
        # Whole rows at a time: numpy's own sum down the columns is several times slower.
        for above, row in pairwise(self._sums):
            row += above

    def resized(self, rows: int, columns: int) -> Floats:
        """Return the whole photograph at another size, float32 (rows, columns, 3).

        Each block is the mean that torch's adaptive average pooling gives; blocks overlap.
        """
        y1, y2 = (edge[0] for edge in _edges(np.array([self.height]), rows))
        x1, x2 = (edge[0] for edge in _edges(np.array([self.width]), columns))
        planes = np.zeros((3, rows, columns), np.float32)
        for top, bottom in _parts(y1, y2, x2 - x1):
            strips = self._sums[bottom]
            strips -= self._sums[top]
            blocks = strips.take(x2, axis=1)
            blocks -= strips.take(x1, axis=1)
            _add_lanes(planes, blocks)
        return _normalised(planes, (y2 - y1)[:, None], (x2 - x1)[None])

    def crops(self, rectangles: Ints, side: int) -> Floats:
        """Return rectangles resized to squares, float32 (N, side, side, 3).

        Args:
            rectangles: (N, 4): top, left, height and width in whole pixels, each inside the
                photograph.
            side: of the result.
        """
        top, left, height, width = rectangles.T
        y1, y2 = _edges(height, side)
        x1, x2 = _edges(width, side)
        planes = np.zeros((3, len(top), side, side), np.float32)
        sums, across = self._sums.ravel(), self.width + 1
        before, after = (left[:, None] + x1)[:, None], (left[:, None] + x2)[:, None]
        for upper, lower in _parts(y1, y2, x2 - x1):
            above, below = (((top[:, None] + y) * across)[:, :, None] for y in (upper, lower))
            blocks = sums.take(below + after)
            blocks -= sums.take(above + after)
            blocks -= sums.take(below + before)
            blocks += sums.take(above + before)
            _add_lanes(planes, blocks)
        return _normalised(planes, (y2 - y1)[:, :, None], (x2 - x1)[:, None])


def _edges(length: Ints, blocks: int) -> tuple[Ints, Ints]:
    """Return where each block starts and ends along a side, (N, blocks) each."""
    index = np.arange(blocks)
    start = index * length[:, None] // blocks
    end = -((index + 1) * -length[:, None] // blocks)
    return start, end


def _parts(start: Ints, end: Ints, widths: Ints) -> list[tuple[Ints, Ints]]:
    """Split blocks from top to bottom so that the sum of each part fits into a lane."""
    most_rows = max(1, _MOST // int(widths.max(initial=1)))
    heights = end - start
    count = -(-int(heights.max(initial=1)) // most_rows)
    cuts = [start + heights * part // count for part in range(count + 1)]
    return list(pairwise(cuts))


def _add_lanes(planes: Floats, blocks: _Sums) -> None:
    """Add the three lanes of ``blocks`` to the three planes."""
    for channel, plane in enumerate(planes):
        lane = (blocks >> (_LANE * channel)).astype(np.uint32)
        lane &= 2**_LANE - 1
        plane += lane.astype(np.float32)


def _normalised(planes: Floats, heights: Ints, widths: Ints) -> Floats:
    """Turn sums of channels first into means of channels last, from 0..255 to -1..1."""
    result = np.empty((*planes.shape[1:], 3), np.float32)
    for channel, plane in enumerate(planes):
        plane *= (1 / (128 * heights)).astype(np.float32)
        plane *= (1 / widths).astype(np.float32)
        np.subtract(plane, np.float32(127.5 / 128), out=result[..., channel])
    return result
