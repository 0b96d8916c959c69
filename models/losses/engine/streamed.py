"""The engine of the losses: distances in blocks of anchors, gradients in closed form.

A loss says what a block of distances is worth and how that changes with each distance; the
engine turns this into the gradient at the embeddings, and keeps nothing of size batch^2. With W
the derivative of the loss by the distances of a block of anchors E_r, each divided by d (or
doubled, for squared distances), the gradient is

    rowsum(W) E_r - W E   for the anchors,   colsum(W) E - W^T E_r   for all rows.

At 1,800 embeddings of 128 dimensions this needs a tenth of the memory of autograd. The result
can be differentiated once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from facegate.models.losses.distances import TINY, full_precision, in_full, squared_distances
from facegate.models.losses.engine.block import IGNORED, Batch, Block
from facegate.models.losses.result import SAMPLE, Sums

# Anchors a block. 256 x 1,800 float32 distances are 1.8 MB, near what a core's cache holds;
# 600 was no faster and took twice the memory.
CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a block contributes to a loss of one or two terms.

    Attributes:
        totals: for each term the sum over the block, float64, 0-d.
        slopes: for each term the derivative of its total by each distance, (R, B); the engine
            may write to them.
        denominators: for each term what its sum will be divided by, counted over this block.
        counts: integers (5,): n_pairs, n_semi, n_easy, n_none, n_active.
    """

    totals: tuple[Tensor, ...]
    slopes: tuple[Tensor, ...]
    denominators: tuple[Tensor, ...]
    counts: Tensor


class _Attach(torch.autograd.Function):
    """Values (T,) whose gradients at the embeddings, (T, B, D), are known already."""

    @staticmethod
    def forward(ctx: Any, embeddings: Tensor, values: Tensor, gradients: Tensor) -> Tensor:
        ctx.save_for_backward(gradients)
        return values.clone()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None]:
        if torch.is_grad_enabled():  # create_graph=True: the answer would be silently constant
            raise RuntimeError(
                "this loss can be differentiated once; for a second derivative build one on "
                "facegate.models.losses.distances.pairwise_distances"
            )
        (gradients,) = ctx.saved_tensors
        return (grad_output[:, None, None] * gradients).sum(dim=0), None, None


def blocks(
    rows: Tensor, batch: Batch, *, metric: str, anchors: range, chunk: int = CHUNK
) -> Iterator[tuple[int, Block]]:
    """Yield the first anchor and the block of each chunk of anchors, at least one block.

    Args:
        rows: (B, D) float32 or float64, without autograd.
        batch: their labels.
        metric: ``euclidean`` or ``squared``.
        anchors: rows that are anchors, without gaps; an empty range yields one empty block.
        chunk: anchors a block.
    """
    for first in range(anchors.start, max(anchors.stop, anchors.start + 1), chunk):
        last = min(first + chunk, anchors.stop)
        index = torch.arange(first, last, device=rows.device)
        distances = squared_distances(rows[first:last], rows)
        if metric == "euclidean":
            distances.sqrt_()
        yield first, batch.block(distances, index)


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
        terms: the loss; called without autograd on each block of at most ``chunk`` anchors,
            and at least once.
        metric: ``euclidean`` or ``squared``, what the blocks hold.
        anchors: the rows that are anchors; columns are always the whole batch.
        chunk: anchors a block; bounds the memory to about 60 bytes * chunk * B.

    Returns:
        The sums; ``totals`` is connected to the embeddings, in their full precision's dtype.
    """
    rows = in_full(embeddings)
    own = range(*anchors.indices(len(rows)))
    if not len(rows):  # a row that takes no part: nothing below has to think of empty columns
        rows = torch.nn.functional.pad(rows, (0, 0, 0, 1))
        labels = torch.nn.functional.pad(labels, (0, 1), value=IGNORED)
    with torch.no_grad(), full_precision(rows.device):
        walk = _Walk(rows.detach(), metric, rows.requires_grad)
        batch = Batch.of(labels)
        for first, block in blocks(walk.rows, batch, metric=metric, anchors=own, chunk=chunk):
            walk.add(first, block, terms(block))
        sums = walk.sums()
    if walk.gradients is None:
        return sums
    totals = _Attach.apply(rows, sums.totals, walk.gradients)
    return Sums(totals, sums.denominators, sums.counts, sums.d_ap, sums.d_an)


class _Walk:
    """One walk over the blocks of a batch: what has been summed so far."""

    def __init__(self, rows: Tensor, metric: str, with_gradient: bool) -> None:
        self.rows, self.metric, self.with_gradient = rows, metric, with_gradient
        self.gradients: Tensor | None = None
        self.found: list[Terms] = []
        self.d_ap: list[Tensor] = []
        self.d_an: list[Tensor] = []

    def add(self, first: int, block: Block, found: Terms) -> None:
        """Add a block that starts at anchor ``first``; its distances are used up."""
        self.d_ap.append(block.d_ap[block.is_pair])
        self.d_an.append(_sample_negatives(block))
        if self.with_gradient:
            self._add_gradients(found.slopes, block.distances, first)
        self.found.append(Terms(found.totals, (), found.denominators, found.counts))

    def _add_gradients(self, slopes: tuple[Tensor, ...], distances: Tensor, first: int) -> None:
        """Carry the derivatives by the distances over to the embeddings."""
        if self.gradients is None:
            self.gradients = self.rows.new_zeros(len(slopes), *self.rows.shape)
        if self.metric == "euclidean":
            distances.masked_fill_(distances < TINY, torch.inf)
        for gradient, slope in zip(self.gradients, slopes, strict=True):
            weight = slope.mul_(2) if self.metric == "squared" else slope.div_(distances)
            self._add_weighted(gradient, weight, first)

    def _add_weighted(self, gradient: Tensor, weight: Tensor, first: int) -> None:
        """Add ``sum over j of W_ij (e_i - e_j)`` to anchors i, and the same to j with -."""
        rows, last = self.rows, first + len(weight)
        if len(weight) == len(rows):  # all anchors at once: both sums are one product
            weight = weight + weight.T
        else:
            gradient.addcmul_(weight.sum(dim=0)[:, None], rows)
            gradient.addmm_(weight.T, rows[first:last], alpha=-1)
        gradient[first:last].addcmul_(weight.sum(dim=1)[:, None], rows[first:last])
        gradient[first:last].addmm_(weight, rows, alpha=-1)

    def sums(self) -> Sums:
        """Return what was summed, with samples of the distances in Euclidean units."""
        totals = torch.stack([torch.stack(found.totals) for found in self.found]).sum(dim=0)
        denominators = torch.stack([torch.stack(found.denominators) for found in self.found])
        counts = torch.stack([found.counts for found in self.found]).sum(dim=0)
        d_ap, d_an = torch.cat(self.d_ap), torch.cat(self.d_an)
        d_ap = d_ap[:: max(1, len(d_ap) // SAMPLE)]
        if self.metric == "squared":
            d_ap, d_an = d_ap.sqrt(), d_an.sqrt()
        return Sums(
            totals.to(self.rows.dtype),
            denominators.sum(dim=0).double(),
            counts.double(),
            d_ap,
            d_an,
        )


def _sample_negatives(block: Block) -> Tensor:
    """Return about SAMPLE negatives of a whole batch, this block's share of them."""
    n_rows = block.distances.shape[1]
    step = max(1, n_rows * n_rows // SAMPLE) | 1  # odd: an even one would meet few columns
    return block.distances.flatten()[::step][block.negative.flatten()[::step]]
