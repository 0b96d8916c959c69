"""Batch hard: each anchor with its farthest positive and its nearest negative."""

from dataclasses import dataclass

import torch
from torch import Tensor

from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.block import Block
from facegate.models.losses.engine.options import METRICS, check_choice, check_margin
from facegate.models.losses.engine.streamed import Terms


@dataclass(frozen=True, slots=True)
class BatchHardLoss(BatchLoss):
    """``mean over anchors of max(0, max_p d_ap - min_n d_an + margin)``.

    With ``soft``, ``softplus(max_p d_ap - min_n d_an)``: no margin, and never exactly 0. It
    picks label errors first, and from scratch, at a high learning rate or with squared
    distances it can pull all embeddings into one point: the loss then stays at the margin, or at
    ln 2 = 0.693 when soft.

    Args:
        margin: in the units of the metric; when soft, only what the counters call semi-hard.
        metric: ``euclidean``, as in the source, or ``squared``.
        soft: softplus in place of the hinge.

    In the result's counters a pair is an anchor with its two extremes; ``none`` counts those
    with the negative as near as the positive or nearer.

    Source: Hermans, Beyer, Leibe, "In Defense of the Triplet Loss" (2017), equation 5.
    """

    margin: float = 0.2
    metric: str = "euclidean"
    soft: bool = False

    def __post_init__(self) -> None:
        check_margin(self.margin)
        check_choice("metric", self.metric, METRICS)

    def terms(self, block: Block) -> Terms:
        """Return what a block of distances contributes."""
        is_anchor, d_ap, p_index, d_an, n_index = extremes(block)
        gap = torch.where(is_anchor, d_ap - d_an, -torch.inf)
        if self.soft:
            values, slopes = torch.nn.functional.softplus(gap), gap.sigmoid()
            active = is_anchor
        else:
            values = (gap + self.margin).clamp_min(0)
            active = values > 0
            slopes = active.to(gap.dtype)
        slope = torch.zeros_like(block.distances)
        slope.scatter_(1, p_index[:, None], slopes[:, None])
        slope.scatter_(1, n_index[:, None], -slopes[:, None])
        counts = outcomes(is_anchor, gap, active, margin=self.margin)
        return Terms((values.double().sum(),), (slope,), (counts[0],), counts)


def extremes(block: Block) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return who is an anchor, its farthest positive and its nearest negative.

    Returns:
        Five tensors (R,): whether the anchor has a positive and a negative; distance and index
        of the positive; distance and index of the negative. The index is the anchor's own, and
        the distance 0, where it is no anchor.
    """
    n_pairs = block.is_pair.sum(dim=1)
    is_anchor = n_pairs > 0
    own = block.anchors
    d_an, n_index = block.distances.masked_fill(~block.negative, torch.inf).min(dim=1)
    if not block.d_ap.shape[1]:
        nothing = torch.zeros_like(d_an)
        return is_anchor, nothing, own, nothing, own
    last = (n_pairs - 1).clamp_min(0)[:, None]
    d_ap = block.d_ap.gather(1, last)[:, 0].masked_fill(~is_anchor, 0)
    p_index = torch.where(is_anchor, block.positive_index.gather(1, last)[:, 0], own)
    d_an = d_an.masked_fill(~is_anchor, 0)
    return is_anchor, d_ap, p_index, d_an, torch.where(is_anchor, n_index, own)


def outcomes(is_anchor: Tensor, gap: Tensor, active: Tensor, *, margin: float) -> Tensor:
    """Return the five counters for one triplet an anchor, with ``gap = d_ap - d_an``."""
    none = is_anchor & (gap >= 0)
    easy = is_anchor & (gap <= -margin)
    semi = is_anchor & ~none & ~easy
    return torch.stack([flags.sum() for flags in (is_anchor, semi, easy, none, active)])
