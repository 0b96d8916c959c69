"""Sums over all triplets of a kind, without listing one.

A batch of 45 x 40 has 15 million active triplets. For a positive pair with n negatives inside
its window the hinges add up to ``n (d_ap + margin) - (sum of their distances)``, and a negative
is inside the windows of a run of the anchor's sorted positives; so counting is enough.
"""

import torch
from torch import Tensor

from facegate.models.losses.engine.block import Block
from facegate.models.losses.engine.hinge import anchor_weight, denominator
from facegate.models.losses.engine.streamed import Terms


def window_terms(block: Block, *, margin: float, reduce: str, semi_hard: bool) -> Terms:
    """Return the summed hinges of every active triplet of a block, and their slope.

    Args:
        block: anchors and their distances.
        margin: in the units of the distances.
        reduce: see :class:`facegate.models.losses.triplet.SemiHardTripletLoss`.
        semi_hard: only triplets with ``d_an > d_ap``; else all that violate the margin.

    Cost: O(B log K) an anchor. The sums run in float64, for they cancel.
    """
    distances, positives = block.distances, block.d_ap
    # For each negative: how many positives are nearer, and how many even with the margin added.
    # The two counts use the sums as rounded, so that both sides of the window are exact.
    inside = distances.masked_fill(~block.negative, torch.inf)
    n_nearer = torch.searchsorted(positives, inside)
    n_past = torch.searchsorted(positives + margin, inside, right=True)
    beyond = _later(n_nearer, block)
    past = _later(n_past, block)
    n_negatives = block.negative.sum(dim=1, keepdim=True)
    of_pair = (beyond if semi_hard else n_negatives) - past
    of_pair = of_pair.masked_fill(~block.is_pair, 0)
    n_pairs_of = block.is_pair.sum(dim=1, keepdim=True)
    of_negative = (n_nearer if semi_hard else n_pairs_of) - n_past
    of_negative = of_negative.masked_fill(~block.negative, 0)
    counts = _counts(block, beyond, past)
    return _terms(block, of_pair, of_negative, counts, margin=margin, reduce=reduce)


def _later(place: Tensor, block: Block) -> Tensor:
    """Return, for each positive k, how many negatives have a place beyond k: (R, K)."""
    n_rows, n_positives = block.d_ap.shape
    weight = block.negative.long()
    histogram = weight.new_zeros(n_rows, n_positives + 1).scatter_add_(1, place, weight)
    return histogram[:, 1:].flip(1).cumsum(dim=1).flip(1)


def _counts(block: Block, beyond: Tensor, past: Tensor) -> Tensor:
    """Return pairs, semi, easy, none: the outcome of the nearest negative beyond each pair."""
    has_beyond = block.is_pair & (beyond > 0)
    semi = has_beyond & (beyond > past)
    none = block.is_pair & ~has_beyond
    return torch.stack([block.is_pair.sum(), semi.sum(), (has_beyond & ~semi).sum(), none.sum()])


def _terms(
    block: Block,
    of_pair: Tensor,
    of_negative: Tensor,
    counts: Tensor,
    *,
    margin: float,
    reduce: str,
) -> Terms:
    """Weigh each distance by the number of active triplets that it is part of."""
    far = block.d_ap.masked_fill(~block.is_pair, 0).double() + margin
    near = block.distances.masked_fill(~block.negative, 0).double()
    sums = (of_pair * far).sum(dim=1) - (of_negative * near).sum(dim=1)
    n_active_of = of_pair.sum(dim=1)
    weight = anchor_weight(n_active_of, reduce)
    slope = -of_negative.to(block.distances.dtype)
    slope.scatter_(1, block.positive_index, of_pair.to(slope.dtype))
    slope *= weight[:, None].to(slope.dtype)
    divisor = denominator(n_active_of, counts[0], reduce)
    counts = torch.cat([counts, n_active_of.sum()[None]])
    return Terms(((sums * weight).sum(),), (slope,), (divisor,), counts)
