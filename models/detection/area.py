"""Means over blocks of pixels, for many blocks at once: the "area" resampling of torch.

Results have four channels, of which the fourth is 0, and are 1/128 of the mean: 0 to 2.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facegate.models.values import Floats, Pixels

Ints = NDArray[np.int64]
_Sums = NDArray[np.uint64]

_MOST_SIDE = 16  # pixels: the sum of 16 x 16 white ones is 65,280 and fits into a lane
_UNIT = 1 / 128


class AreaSums:
    """Sums over any rectangle of a photograph in four look-ups.

    The three channels share one 64-bit number, a lane of 16 bits each, and the fourth lane is
    empty. In the sums of everything above and to the left the lanes run into one another, and the
    sums wrap; differences of them are right all the same, modulo 2^64, as long as the sum of each
    channel of a block fits into its lane. Larger blocks are summed in parts.
    Memory: 8 bytes a pixel.
    """

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        lanes = np.zeros((self.height + 1, self.width + 1, 4), np.uint16)
        for channel in range(3):  # all three in one go take twice as long
            lanes[1:, 1:, channel] = pixels[..., channel]
        self._sums: _Sums = lanes.view(np.uint64)[..., 0]
        np.cumsum(self._sums, axis=1, out=self._sums)
        # Whole rows at a time: numpy's own sum down the columns is several times slower.
        for above, row in pairwise(self._sums):
            row += above

    def resize(self, size: tuple[int, int], corner: tuple[int, int], out: Floats) -> None:
        """Write part of the photograph at another size.

        Each block is the mean that torch's adaptive average pooling gives; blocks overlap.

        Args:
            size: (rows, columns) of the whole photograph at that size.
            corner: (row, column) where the part begins.
            out: float32 (h, 4 w), the part.
        """
        rows, columns = (
            slice(start, start + length)
            for start, length in zip(corner, (len(out), out.shape[1] // 4), strict=True)
        )
        y1, y2 = (edge[0, rows] for edge in _edges(np.array([self.height]), size[0]))
        x1, x2 = (edge[0, columns] for edge in _edges(np.array([self.width]), size[1]))
        first = int(x1[0])
        band = self._sums[:, first : int(x2[-1]) + 1]
        parts = []
        for top, bottom in _parts(y1, y2):
            strips = band[bottom]
            strips -= band[top]
            for left, right in _parts(x1 - first, x2 - first):
                blocks = strips.take(right, axis=1)
                blocks -= strips.take(left, axis=1)
                parts.append(blocks)
        _write_means(parts, (y2 - y1)[:, None], x2 - x1, out)

    def crop(self, rectangles: Ints, out: Floats) -> None:
        """Write rectangles resized to squares.

        Args:
            rectangles: (N, 4): top, left, height and width in whole pixels, each inside the
                photograph.
            out: float32 (N, side, 4 side).
        """
        top, left, height, width = rectangles.T
        side = out.shape[1]
        y1, y2 = _edges(height, side)
        x1, x2 = _edges(width, side)
        sums, across = self._sums.ravel(), self.width + 1
        parts = []
        for upper, lower in _parts(y1, y2):
            above, below = (((top[:, None] + y) * across)[:, :, None] for y in (upper, lower))
            for before, after in _parts(x1, x2):
                from_, to = ((left[:, None] + x)[:, None] for x in (before, after))
                blocks = sums.take(below + to)
                blocks -= sums.take(above + to)
                blocks -= sums.take(below + from_)
                blocks += sums.take(above + from_)
                parts.append(blocks)
        _write_means(parts, (y2 - y1)[:, :, None], (x2 - x1)[:, None], out)


def _edges(length: Ints, blocks: int) -> tuple[Ints, Ints]:
    """Return where each block starts and ends along a side, (N, blocks) each."""
    index = np.arange(blocks)
    start = index * length[:, None] // blocks
    end = -((index + 1) * -length[:, None] // blocks)
    return start, end


def _parts(start: Ints, end: Ints) -> list[tuple[Ints, Ints]]:
    """Split blocks along a side into parts of at most 16 pixels."""
    lengths = end - start
    count = -(-int(lengths.max(initial=1)) // _MOST_SIDE)
    cuts = [start + lengths * part // count for part in range(count + 1)]
    return list(pairwise(cuts))


def _write_means(parts: list[_Sums], heights: Ints, widths: Ints, out: Floats) -> None:
    """Write the sum of ``parts`` over the size of each block; lanes become channels."""
    per_width = (_UNIT / widths).astype(np.float32).repeat(4, axis=-1)
    first, *others = (part.view(np.uint16) for part in parts)
    if others:
        total = first.astype(np.float32)
        for part in others:
            total += part
        np.multiply(total, per_width, out=out)
    else:
        np.multiply(first, per_width, out=out)
    out *= (1 / heights).astype(np.float32)
