"""Hard negatives: every positive pair with the anchor's nearest negative, however near."""

from dataclasses import dataclass

import torch

from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.block import Block
from facegate.models.losses.engine.hinge import triplet_terms
from facegate.models.losses.engine.options import METRICS, REDUCES, check_choice, check_margin
from facegate.models.losses.engine.streamed import Terms
from facegate.models.losses.semi_hard import Picks


@dataclass(frozen=True, slots=True)
class HardNegativeLoss(BatchLoss):
    """``max(0, d_ap - min_n d_an + margin)`` over every positive pair (a, p).

    FaceNet reports that this collapses early in training; it is here to be compared with.

    Args:
        margin: in the units of the metric.
        metric: ``euclidean`` or ``squared``.
        reduce: see :class:`facegate.models.losses.triplet.SemiHardTripletLoss`.

    The result's counters tell where the nearest negative of a pair lies: ``none`` counts the
    pairs whose nearest negative is as near as the positive or nearer.

    Source: FaceNet (Schroff et al., CVPR 2015), section 3.2.
    """

    margin: float = 0.2
    metric: str = "euclidean"
    reduce: str = "active"

    def __post_init__(self) -> None:
        check_margin(self.margin)
        check_choice("metric", self.metric, METRICS)
        check_choice("reduce", self.reduce, REDUCES)

    def terms(self, block: Block) -> Terms:
        """Return what a block of distances contributes."""
        picks = pick_nearest(block, margin=self.margin)
        return triplet_terms(block, picks, margin=self.margin, reduce=self.reduce)


def pick_nearest(block: Block, *, margin: float) -> Picks:
    """Pick the anchor's nearest negative for each of its positive pairs that it violates."""
    d_an, index = block.distances.masked_fill(~block.negative, torch.inf).min(dim=1, keepdim=True)
    kept = block.is_pair & (d_an < block.d_ap + margin)
    none = block.is_pair & (d_an <= block.d_ap)
    easy = block.is_pair & ~kept
    semi = kept & ~none
    counts = torch.stack([flags.sum() for flags in (block.is_pair, semi, easy, none)])
    return Picks(index.expand_as(block.positive_index), kept, counts)
