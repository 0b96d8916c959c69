"""The triplet loss with semi-hard negatives mined inside the batch: facegate's main loss."""

from dataclasses import dataclass

import torch
from torch import Tensor

from facegate.errors import InputError
from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.block import Block
from facegate.models.losses.engine.bucket import pick_by_bucket
from facegate.models.losses.engine.hinge import triplet_terms
from facegate.models.losses.engine.options import (
    FALLBACKS,
    METRICS,
    REDUCES,
    SELECTS,
    check_choice,
    check_margin,
)
from facegate.models.losses.engine.streamed import Terms
from facegate.models.losses.engine.window import window_terms
from facegate.models.losses.result import LossResult
from facegate.models.losses.semi_hard import pick_by_sort


@dataclass(frozen=True, slots=True)
class SemiHardTripletLoss(BatchLoss):
    """``max(0, d_ap - d_an + margin)`` over every positive pair and its semi-hard negative.

    All ordered pairs (anchor, positive) of the batch take part; a batch of 45 identities with 40
    images each has 70,200. Each takes the nearest negative beyond its positive and within the
    margin. Nothing is drawn before the forward pass.

    Args:
        margin: in the units of the metric.
        metric: ``euclidean``, or ``squared`` as in the paper.
        select: ``nearest`` in the window; ``random``, uniform in it, forgives label noise;
            ``all`` takes every semi-hard triplet.
        fallback: what a pair with hard negatives only does: ``skip``, or take the ``easiest``
            (the farthest negative) or the ``hardest`` (the nearest).
        reduce: divide the sum by the ``active`` triplets, or by all positive ``pairs`` (fades as
            triplets run out), or not at all (``sum``), or average each ``anchor`` first, so that
            identities with many images weigh no more than their images.

    ``fallback="easiest", reduce="pairs"`` is TensorFlow Addons' ``TripletSemiHardLoss``;
    ``select="all"`` is pytorch-metric-learning's ``semihard`` miner with its triplet loss.

    Source: FaceNet (Schroff et al., CVPR 2015), equation 4.
    """

    margin: float = 0.2
    metric: str = "euclidean"
    select: str = "nearest"
    fallback: str = "skip"
    reduce: str = "active"

    def __post_init__(self) -> None:
        check_margin(self.margin)
        check_choice("metric", self.metric, METRICS)
        check_choice("select", self.select, SELECTS)
        check_choice("fallback", self.fallback, FALLBACKS)
        check_choice("reduce", self.reduce, REDUCES)
        if self.select == "all" and self.fallback != "skip":
            raise InputError(
                f"select 'all' takes no fallback, got {self.fallback!r}",
                hint="a fallback adds one negative to a pair; use select 'nearest' or 'random'",
            )

    def terms(self, block: Block) -> Terms:
        """Return what a block of distances contributes."""
        if self.select == "all":
            return window_terms(block, margin=self.margin, reduce=self.reduce, semi_hard=True)
        if self.select == "nearest" and block.distances.dtype == torch.float32:
            picks = pick_by_bucket(block, margin=self.margin, fallback=self.fallback)
        else:
            picks = pick_by_sort(
                block, margin=self.margin, select=self.select, fallback=self.fallback
            )
        return triplet_terms(block, picks, margin=self.margin, reduce=self.reduce)


def semi_hard_triplet_loss(
    embeddings: Tensor,
    labels: Tensor,
    *,
    margin: float = 0.2,
    metric: str = "euclidean",
    select: str = "nearest",
    fallback: str = "skip",
    reduce: str = "active",
) -> LossResult:
    """Return the semi-hard triplet loss of a batch; see :class:`SemiHardTripletLoss`.

    >>> import torch
    >>> from facegate.models.losses.triplet import semi_hard_triplet_loss
    >>> embeddings = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], requires_grad=True)
    >>> labels = torch.tensor([0, 0, 1])
    >>> result = semi_hard_triplet_loss(embeddings, labels, margin=0.5)
    >>> result.stats.n_pairs, result.stats.n_semi, result.stats.n_none
    (2, 1, 1)
    >>> round(result.loss.item(), 4)
    0.238
    """
    loss = SemiHardTripletLoss(margin, metric, select, fallback, reduce)
    return loss(embeddings, labels)
