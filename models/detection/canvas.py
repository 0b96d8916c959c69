"""An image pyramid laid out on canvases of one fixed size, so that PNet sees one shape only.

A level too large for a canvas is cut into pieces that overlap by as much as PNet's outputs do;
small ones share a canvas. Nothing is lost or changed by it: each output cell of each level
belongs to one piece and sees the pixels it would see alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from facegate.models.detection.area import AreaSums
from facegate.models.values import Floats

HEIGHT, WIDTH = 128, 256  # of a canvas: what PNet makes of it stays within a core's caches
FIELD = 12  # pixels that one output cell sees
STRIDE = 2
OUTSIDE = 1e4  # in a canvas's fourth channel where there is no picture; 0 inside
_ROWS, _COLUMNS = ((side - FIELD) // STRIDE + 1 for side in (HEIGHT, WIDTH))


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle of a level and its place on a canvas, in pixels; all corners are even."""

    level: int
    top: int
    left: int
    height: int
    width: int
    canvas: int
    y: int
    x: int


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where each piece lies and which level's cell each output cell is.

    Attributes:
        sizes: (height, width) of each level in pixels.
        cells: (rows, columns) of each level in PNet's output, int64 (L, 2).
        first: number of each level's first cell, int64 (L + 1,); the last is their count.
        pieces: by canvas.
        owner: int32 (canvases, 59, 123): the number of the cell, or -1 where there is none.
    """

    sizes: tuple[tuple[int, int], ...]
    cells: NDArray[np.int64]
    first: NDArray[np.int64]
    pieces: tuple[Piece, ...]
    owner: NDArray[np.int32]


def cells_along(length: int) -> int:
    """Return how many cells PNet gives along a side; its pooling rounds up."""
    return (length + 1) // 2 - 5


@lru_cache(maxsize=64)
def lay_out(sizes: tuple[tuple[int, int], ...]) -> Layout:
    """Place levels of these sizes, each (height, width), at least 12 pixels a side."""
    cells = np.array([[cells_along(h), cells_along(w)] for h, w in sizes], np.int64).reshape(-1, 2)
    first = np.concatenate([[0], np.cumsum(cells.prod(axis=1))])
    pieces = _place([piece for level, size in enumerate(sizes) for piece in _cut(level, *size)])
    n_canvases = pieces[-1].canvas + 1 if pieces else 0
    owner = np.full((n_canvases, _ROWS, _COLUMNS), -1, np.int32)
    for piece in pieces:
        rows = np.arange(cells_along(piece.height)) + piece.top // STRIDE
        columns = np.arange(cells_along(piece.width)) + piece.left // STRIDE
        numbers = first[piece.level] + rows[:, None] * cells[piece.level, 1] + columns
        y, x = piece.y // STRIDE, piece.x // STRIDE
        owner[piece.canvas, y : y + len(rows), x : x + len(columns)] = numbers
    return Layout(sizes, cells, first, tuple(pieces), owner)


def draw(sums: AreaSums, layout: Layout) -> Iterator[Floats]:
    """Yield the canvases, float32 (1, HEIGHT, WIDTH, 4): RGB from 0 to 2, and ``OUTSIDE`` or 0."""
    for _, pieces in groupby(layout.pieces, key=lambda piece: piece.canvas):
        canvas = np.zeros((HEIGHT, WIDTH, 4), np.float32)
        canvas[..., 3] = OUTSIDE
        flat = canvas.reshape(HEIGHT, WIDTH * 4)
        for piece in pieces:
            below, beside = piece.y + piece.height, piece.x + piece.width
            place = flat[piece.y : below, piece.x * 4 : beside * 4]
            sums.resize(layout.sizes[piece.level], (piece.top, piece.left), place)
        yield canvas[None]


def _cut(level: int, height: int, width: int) -> list[tuple[int, int, int, int, int]]:
    """Cut a level into (level, top, left, height, width)."""
    tops = range(0, cells_along(height) * STRIDE, _ROWS * STRIDE)
    lefts = range(0, cells_along(width) * STRIDE, _COLUMNS * STRIDE)
    return [
        (level, top, left, min(HEIGHT, height - top), min(WIDTH, width - left))
        for top in tops
        for left in lefts
    ]


def _place(cut: Sequence[tuple[int, int, int, int, int]]) -> list[Piece]:
    """Put pieces into free rectangles, the largest first, each where it fits tightest."""
    free: list[tuple[int, int, int, int, int]] = []  # canvas, y, x, height, width
    n_canvases = 0
    pieces = []
    for level, top, left, height, width in sorted(cut, key=lambda c: (-c[3] * c[4], c)):
        tall, wide = height + height % 2, width + width % 2
        fits = [hole for hole in free if tall <= hole[3] and wide <= hole[4]]
        if fits:
            hole = min(fits, key=lambda hole: (min(hole[3] - tall, hole[4] - wide), hole))
            free.remove(hole)
        else:
            hole = (n_canvases, 0, 0, HEIGHT, WIDTH)
            n_canvases += 1
        canvas, y, x, hole_height, hole_width = hole
        pieces.append(Piece(level, top, left, height, width, canvas, y, x))
        # What is left makes two holes; the cut runs so that the larger one is as large as can be.
        below, beside = hole_height - tall, hole_width - wide
        narrow = below < beside
        free.append((canvas, y + tall, x, below, wide if narrow else hole_width))
        free.append((canvas, y, x + wide, hole_height if narrow else tall, beside))
    return sorted(pieces, key=lambda piece: piece.canvas)
