"""Random triplets, filtered: what most clones of FaceNet do. The baseline to beat, not to use.

Triplets are drawn by their labels alone, before any distance is known; those that the loss
can use are kept afterwards. Nearly all of the batch is thrown away.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.block import Block
from facegate.models.losses.engine.hinge import triplet_terms
from facegate.models.losses.engine.options import METRICS, check_choice, check_margin
from facegate.models.losses.engine.streamed import Terms, streamed
from facegate.models.losses.result import Sums
from facegate.models.losses.semi_hard import Picks

DRAWS = ("thirds", "pairs")
KEEPS = ("semi-hard", "violators")


@dataclass(frozen=True, slots=True)
class RandomFilterLoss(BatchLoss):
    """``max(0, d_ap - d_an + margin)`` over drawn triplets that pass a filter, mean over those.

    Args:
        margin: in the units of the metric.
        metric: ``euclidean`` or ``squared``.
        draw: ``thirds``: one triplet for every three images of the batch, a random anchor with
            a random positive and a random negative; ``pairs``: one random negative for every
            positive pair.
        keep: ``semi-hard`` triplets only, or all ``violators`` of the margin, hard ones too.

    ``thirds`` with ``semi-hard`` is tamerthamoqa/facenet-pytorch-glint360k, where 1,632 images
    give at most 544 triplets; ``pairs`` with ``violators`` is davidsandberg/facenet. Randomness
    comes from torch's global generator.
    """

    margin: float = 0.2
    metric: str = "euclidean"
    draw: str = "thirds"
    keep: str = "semi-hard"

    def __post_init__(self) -> None:
        check_margin(self.margin)
        check_choice("metric", self.metric, METRICS)
        check_choice("draw", self.draw, DRAWS)
        check_choice("keep", self.keep, KEEPS)

    def sums(self, embeddings: Tensor, labels: Tensor, anchors: slice = slice(None)) -> Sums:
        """Return the undivided sums over some anchors of a checked batch."""
        n_rows = len(labels)
        drawn = torch.ones(n_rows, dtype=torch.bool, device=labels.device)
        if self.draw == "thirds":
            order = torch.randperm(n_rows, device=labels.device)
            drawn[order[max(1, n_rows // 3) :]] = False

        def of_drawn(block: Block) -> Terms:
            return self._of_drawn(block, drawn[block.anchors])

        return streamed(embeddings, labels, of_drawn, metric=self.metric, anchors=anchors)

    def terms(self, block: Block) -> Terms:
        """Return what a block contributes when every one of its rows was drawn."""
        return self._of_drawn(block, torch.ones_like(block.anchors, dtype=torch.bool))

    def _of_drawn(self, block: Block, drawn: Tensor) -> Terms:
        pairs = block.is_pair & drawn[:, None]
        if self.draw == "thirds":
            n_pairs = block.is_pair.sum(dim=1, keepdim=True)
            slot = torch.arange(pairs.shape[1], device=pairs.device)
            pairs = pairs & (slot == _uniform(n_pairs))
        nth = _uniform(block.negative.sum(dim=1, keepdim=True).expand_as(pairs))
        so_far = block.negative.cumsum(dim=1)
        index = torch.searchsorted(so_far, nth + 1).clamp_max(so_far.shape[1] - 1)
        d_an = block.distances.gather(1, index)
        hard = pairs & (d_an <= block.d_ap)
        easy = pairs & (d_an >= block.d_ap + self.margin)
        semi = pairs & ~hard & ~easy
        counts = torch.stack([flags.sum() for flags in (pairs, semi, easy, hard)])
        kept = semi if self.keep == "semi-hard" else semi | hard
        return triplet_terms(block, Picks(index, kept, counts), margin=self.margin, reduce="active")


def _uniform(n: Tensor) -> Tensor:
    """Return random integers from 0 to n - 1, and 0 where n is 0."""
    chance = torch.rand(n.shape, dtype=torch.float64, device=n.device)
    return torch.minimum((chance * n).long(), n - 1).clamp_min(0)
