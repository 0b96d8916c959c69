"""PNet's outputs to candidate boxes: threshold, suppression within each level, offsets, squares."""

import math

import numpy as np
from numpy.typing import NDArray

from facegate.models.detection.boxes import probability, square
from facegate.models.detection.canvas import FIELD, STRIDE, Layout
from facegate.models.values import Floats

_MOST_OVERLAP = 0.5
# Boxes of one level are 11/scale wide and 2/scale apart: three cells apart they overlap by 0.3.
_REACH = 2
_NEIGHBOURS = np.array(
    [
        (dy, dx)
        for dy in range(-_REACH, _REACH + 1)
        for dx in range(-_REACH, _REACH + 1)
        if (dy, dx) != (0, 0)
    ],
    np.int64,
)


def propose(heads: Floats, layout: Layout, scales: Floats, *, threshold: float) -> Floats:
    """Return square boxes that may hold a face, float32 (N, 4), by falling score.

    Args:
        heads: float32 (canvases, 59, 123, 5): four offsets, logit.
        layout: what lay on the canvases.
        scales: float32 (L,), of each level.
        threshold: least probability, 0 to 1.

    facenet-pytorch suppresses once more over all levels, at an overlap of 0.7. That removes
    nothing: the areas of two levels differ by a factor of two or more, so no two boxes of different
    levels overlap by more than about 0.5.
    """
    logits = heads[..., 4]
    hit = (logits >= math.log(threshold / (1 - threshold))) & (layout.owner >= 0)
    numbers = layout.owner[hit]
    # By falling score, ties in reading order: the order in which suppression must go. Scores tie
    # where their logits do not, and facenet-pytorch sorts by score.
    order = np.lexsort((numbers, -probability(logits[hit])))
    where = tuple(axis[order] for axis in np.nonzero(hit))
    numbers = numbers[order]
    level = np.searchsorted(layout.first, numbers, side="right") - 1
    row, column = np.divmod(numbers - layout.first[level], layout.cells[level, 1])
    cell = np.stack([row, column], axis=1)

    corner = (cell[:, ::-1] * STRIDE + 1).astype(np.float32)
    scale = scales[level][:, None]
    boxes = np.floor(np.concatenate([corner, corner + np.float32(FIELD - 1)], axis=1) / scale)
    alive = _suppress(boxes, cell, level, layout)

    boxes = boxes[alive]
    offsets = heads[where[0][alive], where[1][alive], where[2][alive], :4]
    sizes = boxes[:, 2:] - boxes[:, :2]
    return square(boxes + offsets * np.concatenate([sizes, sizes], axis=1))


def _suppress(
    boxes: Floats, cell: NDArray[np.int64], level: NDArray[np.int64], layout: Layout
) -> NDArray[np.bool_]:
    """Say which boxes stay; each is compared with the 24 cells around it, not with all boxes."""
    count = len(boxes)
    place = np.full(layout.first[-1] + 1, count, np.int64)  # the last: nobody
    numbers = layout.first[level] + cell[:, 0] * layout.cells[level, 1] + cell[:, 1]
    place[numbers] = np.arange(count)

    around = cell[:, None] + _NEIGHBOURS
    inside = ((around >= 0) & (around < layout.cells[level][:, None])).all(axis=2)
    near = layout.first[level][:, None] + around[..., 0] * layout.cells[level, 1:] + around[..., 1]
    near = place[np.where(inside, near, layout.first[-1])]
    # Only who comes earlier in the order can suppress.
    index, which = np.nonzero(near < np.arange(count)[:, None])
    rival = near[index, which]
    much = _overlap(boxes[index], boxes[rival]) > _MOST_OVERLAP
    index, rival = index[much], rival[much]

    alive = np.ones(count, np.bool_)
    while True:  # each round settles at least the next in order; chains are short
        after = np.ones(count, np.bool_)
        after[index[alive[rival]]] = False
        if (after == alive).all():
            return after
        alive = after


def _overlap(a: Floats, b: Floats) -> Floats:
    """Return the intersection over union of a[i] and b[i]."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    areas = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1)
    result: Floats = shared / (areas - shared)
    return result
