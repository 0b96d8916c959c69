"""The hinge of picked triplets, its slope by each distance, and what the sum is divided by."""

import torch
from torch import Tensor

from facegate.models.losses.engine.block import Block
from facegate.models.losses.engine.streamed import Terms
from facegate.models.losses.semi_hard import Picks


def triplet_terms(block: Block, picks: Picks, *, margin: float, reduce: str) -> Terms:
    """Return ``max(0, d_ap - d_an + margin)`` of the kept triplets of a block.

    Source: FaceNet (Schroff et al., CVPR 2015), equation 4.
    """
    d_an = block.distances.gather(1, picks.negative_index)
    hinge = (block.d_ap - d_an + margin).clamp_min(0).masked_fill(~picks.kept, 0)
    n_active_of = picks.kept.sum(dim=1)
    weight = anchor_weight(n_active_of, reduce)
    total = (hinge.double().sum(dim=1) * weight).sum()
    slope = slope_of_picks(block, picks)
    if reduce == "anchor":
        slope *= weight[:, None].to(slope.dtype)
    divisor = denominator(n_active_of, picks.counts[0], reduce)
    counts = torch.cat([picks.counts, n_active_of.sum()[None]])
    return Terms((total,), (slope,), (divisor,), counts)


def slope_of_picks(block: Block, picks: Picks) -> Tensor:
    """Return +1 at each kept positive, minus the times it was picked at each negative: (R, B)."""
    slope = torch.zeros_like(block.distances)
    kept = picks.kept.to(slope.dtype)
    slope.scatter_(1, block.positive_index, kept)
    # Sums of ones are exact in any order, so this is the same on every run of a GPU too; the
    # unequal weights of the triplets come in afterwards.
    return slope.scatter_add_(1, picks.negative_index, -kept)


def anchor_weight(n_active_of: Tensor, reduce: str) -> Tensor:
    """Return the factor on the terms of each anchor, float64 (R,)."""
    if reduce == "anchor":
        return 1 / n_active_of.clamp_min(1).double()
    return torch.ones_like(n_active_of, dtype=torch.float64)


def denominator(n_active_of: Tensor, n_pairs: Tensor, reduce: str) -> Tensor:
    """Return what the sum will be divided by, as counted over a block; 0 for nothing."""
    if reduce == "active":
        return n_active_of.sum()
    if reduce == "pairs":
        return n_pairs
    if reduce == "anchor":
        return (n_active_of > 0).sum()
    return torch.zeros_like(n_pairs)
