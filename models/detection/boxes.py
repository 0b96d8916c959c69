"""Arithmetic of boxes as MTCNN does it: overlap, suppression, squares, offsets, scores.

Boxes are float32 (N, 4): x1, y1, x2, y2.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facegate.models.values import Floats

Overlap = Callable[[Floats, Floats], Floats]
_BLOCK = 256


def intersection_over_union(a: Floats, b: Floats) -> Floats:
    """Return the overlap of each box of ``a`` (N, 4) with each of ``b`` (M, 4) as (N, M)."""
    shared = _shared(a, b, 0)
    areas: Floats = _area(a, 0)[:, None] + _area(b, 0)[None]
    covered: Floats = np.maximum(areas - shared, np.float32(1e-12))
    result: Floats = shared / covered
    return result


def intersection_over_smaller(a: Floats, b: Floats) -> Floats:
    """Return the share of the smaller box that lies in the other; both edges count as pixels."""
    smaller: Floats = np.minimum(_area(a, 1)[:, None], _area(b, 1)[None])
    result: Floats = np.divide(_shared(a, b, 1), smaller, dtype=np.float32)
    return result


def suppress(
    boxes: Floats, order: NDArray[np.int64], overlap: Overlap, most: float
) -> NDArray[np.int64]:
    """Return the indices of the boxes to keep, as ``order`` has them.

    Going along ``order``, best first, a box is dropped when it overlaps one that was kept by more
    than ``most``. Done in blocks, so memory is bounded by 256 x kept.
    """
    kept: NDArray[np.int64] = np.empty(0, np.int64)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        if len(kept):
            free = ~(overlap(boxes[block], boxes[kept]) > most).any(axis=1)
            block = block[free]
        rivals = np.tril(overlap(boxes[block], boxes[block]) > most, -1)
        kept = np.concatenate([kept, block[settle(rivals)]])
    return kept


def settle(rivals: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which candidates survive when each falls to any surviving rival.

    Args:
        rivals: (N, N), true where column j outranks and overlaps row i; lower triangular.
    """
    alive: NDArray[np.bool_] = np.ones(len(rivals), np.bool_)
    # Each round settles at least the next rank; chains of rivals are short, so rounds are few.
    while True:
        after: NDArray[np.bool_] = ~np.any(rivals & alive, axis=1)
        if (after == alive).all():
            return after
        alive = after


def probability(logits: Floats) -> Floats:
    """Return the softmax of two logits whose difference is given."""
    result: Floats = 1 / (1 + np.exp(-logits.clip(-80)))  # beyond, exp would overflow
    return result


def square(boxes: Floats) -> Floats:
    """Return boxes widened about their centre to squares."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    side = sizes.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + sizes * np.float32(0.5) - side * np.float32(0.5)
    return np.concatenate([corner, corner + side], axis=1)


def shift(boxes: Floats, offsets: Floats) -> Floats:
    """Return boxes moved by offsets, given in parts of a size that counts both edges as pixels."""
    sizes = boxes[:, 2:] - boxes[:, :2] + np.float32(1)
    moved: Floats = boxes + offsets * np.concatenate([sizes, sizes], axis=1)
    return moved


def _shared(a: Floats, b: Floats, edge: int) -> Floats:
    # One coordinate at a time: a last axis of two makes slow work of thousands of boxes.
    x1, y1, x2, y2 = a.T[:, :, None]
    from_x, from_y, to_x, to_y = np.ascontiguousarray(b.T)
    wide: Floats = np.minimum(x2, to_x) - np.maximum(x1, from_x) + np.float32(edge)
    tall: Floats = np.minimum(y2, to_y) - np.maximum(y1, from_y) + np.float32(edge)
    result: Floats = np.maximum(wide, np.float32(0)) * np.maximum(tall, np.float32(0))
    return result


def _area(boxes: Floats, edge: int) -> Floats:
    sizes = boxes[:, 2:] - boxes[:, :2] + np.float32(edge)
    result: Floats = sizes[:, 0] * sizes[:, 1]
    return result
