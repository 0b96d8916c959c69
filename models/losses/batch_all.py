"""Batch all: the mean over every triplet of the batch that violates the margin."""

from dataclasses import dataclass

from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.block import Block
from facegate.models.losses.engine.options import METRICS, REDUCES, check_choice, check_margin
from facegate.models.losses.engine.streamed import Terms
from facegate.models.losses.engine.window import window_terms


@dataclass(frozen=True, slots=True)
class BatchAllLoss(BatchLoss):
    """``mean of max(0, d_ap - d_an + margin)`` over all (a, p, n) where it is above 0.

    Args:
        margin: in the units of the metric.
        metric: ``euclidean`` or ``squared``.
        reduce: ``active`` is the mean of the source; see
            :class:`facegate.models.losses.triplet.SemiHardTripletLoss` for the others.

    Counted by window sums: no list of triplets, however many millions are active.

    Source: Hermans, Beyer, Leibe, "In Defense of the Triplet Loss" (2017), equation 6, the
    variant over non-zero terms.
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
        return window_terms(block, margin=self.margin, reduce=self.reduce, semi_hard=False)
