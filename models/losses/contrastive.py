"""Contrastive loss: pull positive pairs together, push negative pairs past a margin."""

from dataclasses import dataclass

import torch

from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.block import Block
from facegate.models.losses.engine.options import METRICS, check_choice, check_margin
from facegate.models.losses.engine.streamed import Terms


@dataclass(frozen=True, slots=True)
class ContrastiveLoss(BatchLoss):
    """``mean of d_ap^2`` plus ``mean of max(0, margin - d_an)^2`` over the pairs inside it.

    The square comes after the hinge. ``max(0, margin^2 - d^2)``, which is seen in the wild, has
    no gradient between two equal embeddings of different people.

    Args:
        margin: how far apart negatives are pushed, in the units of the metric.
        metric: ``euclidean``, as in the source, or ``squared``.

    All ordered pairs of the batch take part, and the two means are over their own pairs: else
    the many easy negatives of a batch would drown its few positives. The counters: ``semi``
    counts the positive pairs of anchors that have a negative inside the margin, ``easy`` the
    others; ``n_active`` counts positive pairs and negative pairs inside the margin.

    Source: Hadsell, Chopra, LeCun, CVPR 2006, equation 4, without its factor 1/2.
    """

    margin: float = 1.0
    metric: str = "euclidean"

    def __post_init__(self) -> None:
        check_margin(self.margin)
        check_choice("metric", self.metric, METRICS)

    def terms(self, block: Block) -> Terms:
        """Return what a block of distances contributes."""
        d_ap = block.d_ap.masked_fill(~block.is_pair, 0)
        pull = torch.zeros_like(block.distances)
        pull.scatter_(1, block.positive_index, 2 * d_ap)
        inside = (self.margin - block.distances).clamp_min(0).masked_fill(~block.negative, 0)
        totals = (d_ap.double().square().sum(), inside.double().square().sum())
        n_inside_of = (inside > 0).sum(dim=1, keepdim=True)
        n_pairs, n_inside = block.is_pair.sum(), n_inside_of.sum()
        n_semi = (block.is_pair & (n_inside_of > 0)).sum()
        nothing = torch.zeros_like(n_pairs)
        counts = torch.stack([n_pairs, n_semi, n_pairs - n_semi, nothing, n_pairs + n_inside])
        return Terms(totals, (pull, -2 * inside), (n_pairs, n_inside), counts)
