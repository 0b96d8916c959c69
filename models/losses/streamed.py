"""The engine of the losses: distances in blocks of anchors, gradients in closed form.

A loss says what a block of distances is worth and how that changes with each distance; the
engine turns this into the gradient at the embeddings, and keeps nothing of size batch^2. With W
the derivative of the loss by the distances of a block of anchors E_r, each divided by d (or
doubled, for squared distances), the gradient is

    rowsum(W) E_r - W E   for the anchors,   colsum(W) E - W^T E_r   for all rows.

At 1,800 embeddings of 128 dimensions this needs a tenth of the memory of autograd. The result
can be differentiated once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from facegate.models.losses.block import Batch, Block
from facegate.models.losses.distances import TINY, full_precision, in_full, squared_distances
from facegate.models.losses.result import SAMPLE, Sums

# Anchors a block. 256 x 1,800 float32 distances are 1.8 MB, near what a core's cache holds;
# 600 was no faster and took twice the memory.
CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a block contributes to a loss.

    Attributes:
        total: float64, 0-d, the sum of the terms.
        slope: (R, B), the derivative of ``total`` by each distance.
        counts: (6,), see :class:`facegate.models.losses.result.Sums`.
    """

    total: Tensor
    slope: Tensor
    counts: Tensor


class _Attach(torch.autograd.Function):
    """A value whose gradient at the embeddings is known already."""

    @staticmethod
    def forward(ctx: FunctionCtx, embeddings: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_output: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return grad_output * gradient, None, None


def streamed(
    embeddings: Tensor,
    labels: Tensor,
    terms: Callable[[Block], Terms],
    *,
    metric: str,
    anchors: slice = slice(None),
    chunk: int = CHUNK,
) -> Sums:
    """Sum a loss over the anchors of a batch, block by block.

    Args:
        embeddings: (B, D), any floating dtype; computed in float32, or float64 as they are.
        labels: int64 (B,), -1 for a row that takes no part.
        terms: the loss; called without autograd on each block of at most ``chunk`` anchors.
        metric: ``euclidean`` or ``squared``, what the blocks hold.
        anchors: the rows that are anchors; columns are always the whole batch.
        chunk: anchors a block; bounds the memory to about 60 bytes * chunk * B.

    Returns:
        The sums; ``total`` is connected to the embeddings, in their full precision's dtype.
    """
    rows = in_full(embeddings)
    with torch.no_grad(), full_precision(rows.device):
        batch = Batch.of(labels)
        pass_over = _Pass(rows.detach(), batch, metric, rows.requires_grad)
        start, stop, _ = anchors.indices(len(rows))
        for first in range(start, stop, chunk):
            pass_over.add(terms, first, min(first + chunk, stop))
        sums = pass_over.sums(n_anchors=stop - start)
    if not rows.requires_grad:
        return sums
    total = _Attach.apply(rows, sums.total, pass_over.gradient)
    return Sums(total, sums.counts, sums.d_ap, sums.d_an)


class _Pass:
    """One walk over the blocks: what has been summed so far."""

    def __init__(self, rows: Tensor, batch: Batch, metric: str, with_gradient: bool) -> None:
        self.rows, self.batch, self.metric = rows, batch, metric
        self.gradient = torch.zeros_like(rows) if with_gradient else None
        self.total = torch.zeros((), dtype=torch.float64, device=rows.device)
        self.counts = torch.zeros(6, dtype=torch.float64, device=rows.device)
        self.d_ap: list[Tensor] = []
        self.d_an: list[Tensor] = []

    def add(self, terms: Callable[[Block], Terms], first: int, last: int) -> None:
        """Add the anchors first to last - 1."""
        own = self.rows[first:last]
        distances = squared_distances(own, self.rows)
        if self.metric == "euclidean":
            distances.sqrt_()
        index = torch.arange(first, last, device=own.device)
        block = self.batch.block(distances, index)
        found = terms(block)
        self.total += found.total
        self.counts += found.counts
        self.d_ap.append(block.d_ap[block.is_pair])
        self.d_an.append(_sample_negatives(block, len(self.rows)))
        if self.gradient is not None:
            weight = self._weight(found.slope, distances)
            self.gradient[first:last] += weight.sum(dim=1)[:, None] * own - weight @ self.rows
            self.gradient += weight.sum(dim=0)[:, None] * self.rows - weight.T @ own

    def _weight(self, slope: Tensor, distances: Tensor) -> Tensor:
        """Return W: the slope by d as a factor of the difference of two embeddings."""
        if self.metric == "squared":
            return slope.mul_(2)
        return slope.div_(distances.masked_fill_(distances < TINY, torch.inf))

    def sums(self, *, n_anchors: int) -> Sums:
        """Return what was summed, with samples of the distances in Euclidean units."""
        empty = self.rows.new_empty(0)
        d_ap = torch.cat([*self.d_ap, empty])
        d_an = torch.cat([*self.d_an, empty])
        d_ap = d_ap[:: max(1, len(d_ap) // SAMPLE)]
        if self.metric == "squared":
            d_ap, d_an = d_ap.sqrt(), d_an.sqrt()
        return Sums(self.total.to(self.rows.dtype), self.counts, d_ap, d_an)


def _sample_negatives(block: Block, n_rows: int) -> Tensor:
    """Return about SAMPLE / B negatives of each anchor, from a comb that moves with the anchor."""
    step = max(1, n_rows * n_rows // SAMPLE)
    distances, negative = block.distances.flatten(), block.negative.flatten()
    return distances[::step][negative[::step]]
