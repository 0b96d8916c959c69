"""Semi-hard negatives by buckets: the picks of the sort, without sorting the negatives.

Between two neighbours in the sorted list of an anchor's K positives lies a bucket of negatives.
The nearest negative beyond positive k is the nearest in any bucket after k, so one minimum a
bucket and a running minimum from the far end answer all K questions: O(B log K) an anchor
where the sort takes O(B log B).
"""

import torch
from torch import Tensor

from facegate.models.losses.engine.block import Block
from facegate.models.losses.semi_hard import Picks, with_fallback

NOTHING = torch.iinfo(torch.int64).max


def pick_by_bucket(block: Block, *, margin: float, fallback: str = "skip") -> Picks:
    """Pick each positive pair's nearest semi-hard negative, as ``pick_by_sort`` does.

    Distance and column travel in one integer: not-negative float32 numbers order like their
    bits, so the bits in the upper half and the column in the lower half make a key whose
    minimum is the nearest negative, and the one of smallest index among equals. Integer minima
    do not depend on their order, so the picks are the same on every run of a GPU too.

    Args:
        block: anchors and their distances, float32.
        margin: width of the semi-hard window, in the units of the distances.
        fallback: see :func:`facegate.models.losses.semi_hard.pick_by_sort`.

    Raises:
        ValueError: the distances are not float32; sort those.
    """
    if block.distances.dtype != torch.float32:
        raise ValueError(f"bucket keys hold float32 distances, got {block.distances.dtype}")
    n_anchors, n_columns = block.distances.shape
    # abs() clears the sign of -0.0, whose bits would order it before everything.
    distances = torch.where(block.negative, block.distances, torch.inf).abs_()
    bucket = torch.searchsorted(block.d_ap, distances)  # how many positives are strictly nearer
    columns = torch.arange(n_columns, device=distances.device)
    keys = distances.view(torch.int32).long().bitwise_left_shift_(32).bitwise_or_(columns)
    nearest = keys.new_full((n_anchors, block.d_ap.shape[1] + 1), NOTHING)
    nearest.scatter_reduce_(1, bucket, keys, "amin")
    beyond_key = nearest[:, 1:].flip(1).cummin(dim=1).values.flip(1)
    return _decode(block, beyond_key, margin, fallback)


def _decode(block: Block, keys: Tensor, margin: float, fallback: str) -> Picks:
    """Split the keys into distances and columns; an infinite distance is no negative."""
    d_an = (keys >> 32).int().view(torch.float32)  # NOTHING reads as NaN, which is not finite
    beyond = block.is_pair & d_an.isfinite()
    semi = beyond & (d_an < block.d_ap + margin)
    negative_index = torch.where(beyond, keys & 0xFFFFFFFF, 0)
    return with_fallback(block, negative_index, beyond=beyond, semi=semi, fallback=fallback)
