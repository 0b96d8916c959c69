"""Quadruplet loss: the triplet, and a second *negative* pair that the positive must beat too."""

from dataclasses import dataclass

import torch
from torch import Tensor

from facegate.errors import InputError
from facegate.models.losses.batch_hard import extremes, outcomes
from facegate.models.losses.distances import full_precision, in_full, pair_distances
from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.block import Batch, Block
from facegate.models.losses.engine.options import METRICS, check_choice, check_margin
from facegate.models.losses.engine.streamed import Terms, blocks, streamed
from facegate.models.losses.result import Sums


@dataclass(frozen=True, slots=True)
class QuadrupletLoss(BatchLoss):
    """``mean [d_ap - d_an + margin]+`` plus ``mean [d_ap - d_(n1,n2) + second_margin]+``.

    For each anchor p is its farthest positive and n its nearest negative (the source's online
    hard mining); n1 and n2 are two images of two identities that are not the anchor's, the
    nearest such pair of the batch. The second term asks that a positive pair be closer than a
    negative pair it shares no image with, which is what one threshold for everybody needs.

    Args:
        margin: in the units of the metric.
        second_margin: below ``margin``: the second term is the weaker demand.
        metric: ``euclidean`` or ``squared``.

    With fewer than three identities there is no second pair, and the loss is the first term.

    Source: Chen et al., "Beyond triplet loss", CVPR 2017, equation 8.
    """

    margin: float = 0.2
    second_margin: float = 0.1
    metric: str = "euclidean"

    def __post_init__(self) -> None:
        check_margin(self.margin)
        check_margin(self.second_margin, option="second_margin")
        check_choice("metric", self.metric, METRICS)
        if self.second_margin >= self.margin:
            raise InputError(
                f"second_margin must be below margin, got {self.second_margin} and {self.margin}",
                hint="half the margin is usual",
            )

    def terms(self, block: Block) -> Terms:
        """Return the first term alone; the second needs pairs outside the block."""
        is_anchor, d_ap, p_index, d_an, n_index = extremes(block)
        gap = d_ap - d_an
        values = (gap + self.margin).clamp_min(0).masked_fill(~is_anchor, 0)
        slope = torch.zeros_like(block.distances)
        active = (values > 0).to(slope.dtype)[:, None]
        slope.scatter_(1, p_index[:, None], active).scatter_(1, n_index[:, None], -active)
        counts = outcomes(is_anchor, gap, values > 0, margin=self.margin)
        return Terms((values.double().sum(),), (slope,), (counts[0],), counts)

    def sums(self, embeddings: Tensor, labels: Tensor, anchors: slice = slice(None)) -> Sums:
        """Return the undivided sums of both terms over some anchors of a checked batch."""
        first = streamed(embeddings, labels, self.terms, metric=self.metric, anchors=anchors)
        with full_precision(embeddings.device):
            rows = in_full(embeddings)
            chosen = quadruplets(rows.detach(), labels, metric=self.metric, anchors=anchors)
            a, p, n1, n2 = (rows[index] for index in chosen)
            d_ap = pair_distances(a, p, metric=self.metric)
            apart = pair_distances(n1, n2, metric=self.metric)
            second = (d_ap - apart + self.second_margin).clamp_min(0)
        n_terms = torch.full_like(first.denominators, len(second))
        counts = first.counts.clone()
        counts[-1] += (second.detach() > 0).sum()
        totals = torch.cat([first.totals, second.sum()[None]])
        denominators = torch.cat([first.denominators, n_terms])
        return Sums(totals, denominators, counts, first.d_ap, first.d_an)


@torch.no_grad()
def quadruplets(
    rows: Tensor, labels: Tensor, *, metric: str, anchors: slice
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the indices of a, p, n1 and n2 for the anchors that have all four.

    Every row looks for its nearest row of another identity, and for its nearest of yet another:
    whichever identity an anchor has, one of the two is free of it. So one walk over the
    distances finds the nearest pair of two other identities for all anchors.
    """
    if not len(rows):
        nobody = labels.new_empty(0)
        return nobody, nobody, nobody, nobody
    batch = Batch.of(labels)
    found = []
    for _, block in blocks(rows, batch, metric=metric, anchors=range(len(rows))):
        is_anchor, _, p_index, _, _ = extremes(block)
        distances = block.distances.masked_fill_(~block.negative, torch.inf)
        d_one, one = distances.min(dim=1)
        d_two, two = distances.masked_fill_(labels == labels[one][:, None], torch.inf).min(dim=1)
        found.append((is_anchor, p_index, d_one, one, d_two, two))
    is_anchor, p_index, d_one, one, d_two, two = (
        torch.cat(part) for part in zip(*found, strict=True)
    )
    a = torch.arange(len(rows), device=rows.device)[anchors]
    a = a[is_anchor[a]]
    identities, which = labels[a].unique(return_inverse=True)
    free = labels[one] != identities[:, None]
    apart = torch.where(free, d_one, d_two)
    apart = apart.masked_fill(labels == identities[:, None], torch.inf)
    nearest, n1 = apart.min(dim=1)
    n2 = torch.where(free.gather(1, n1[:, None])[:, 0], one[n1], two[n1])
    has_pair = nearest.isfinite()[which]
    a, which = a[has_pair], which[has_pair]
    return a, p_index[a], n1[which], n2[which]
