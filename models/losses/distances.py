"""Distances between the embeddings of a batch, by one Gram matrix, in full precision.

Two metrics: ``euclidean``, ``|a - b|`` (0 to 2 for unit rows), and ``squared``, ``|a - b|^2``
(0 to 4), which is FaceNet's. A margin is always in the units of the metric: 0.2 of squared
distance is only about 0.07 of Euclidean distance near the typical negative at 1.41.

Half precision is never used here: with bfloat16 one pick of a negative in 25 changes, since half
of the values in a row of 1,800 coincide.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

log = logging.getLogger(__name__)

# Below this distance a float32 Gram matrix knows no direction any more, and 1/d only amplifies
# noise: such pairs keep their value and get no gradient.
TINY = 1e-6


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Switch autocast and TF32 (and oneDNN's bfloat16 matmul) off for the body."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device_type=device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def in_full(embeddings: Tensor) -> Tensor:
    """Return embeddings as float32, or float64 as they are; the gradient keeps their dtype."""
    return embeddings if embeddings.dtype == torch.float64 else embeddings.float()


def squared_distances(rows: Tensor, columns: Tensor) -> Tensor:
    """Return squared Euclidean distances, (n_rows, n_columns), never negative, differentiable.

    Source: ``|a - b|^2 = |a|^2 + |b|^2 - 2ab``. The (rows, columns, dim) difference is never
    formed. Error against the exact value at 128 dimensions: 1.2e-6.
    """
    norms = columns.square().sum(dim=1)
    row_norms = rows.square().sum(dim=1, keepdim=True)
    return torch.addmm(norms, rows, columns.T, alpha=-2).add_(row_norms).clamp_min(0)


def root(squared: Tensor) -> Tensor:
    """Return the square root, with a gradient of 0 in place of infinity for tiny distances."""
    tiny = squared < TINY**2
    # The derivative of sqrt at 0 is infinite, and 0 * inf would turn the whole gradient into
    # NaN: put 1 under the root there, and the value itself, without gradient, beside it.
    safe = squared.masked_fill(tiny, 1.0).sqrt()
    return torch.where(tiny, squared.detach().sqrt(), safe)


def pairwise_distances(embeddings: Tensor, *, metric: str = "euclidean") -> Tensor:
    """Return the distance between every two rows of a batch, differentiable.

    Args:
        embeddings: (batch, dim); unit rows give distances in [0, 2], squared [0, 4].
        metric: ``euclidean`` or ``squared``.

    Returns:
        (batch, batch) float32, or float64 for float64 input. Never negative; the diagonal is
        exactly 0. The gradient is finite everywhere, also where two rows are equal.
        Memory: batch^2 values; :mod:`facegate.models.losses.engine.streamed` needs far less.

    Raises:
        ValueError: embeddings is not two-dimensional.
    """
    if embeddings.ndim != 2:
        shape = tuple(embeddings.shape)
        raise ValueError(f"embeddings must have shape (batch, dim), got {shape}")
    with full_precision(embeddings.device):
        rows = in_full(embeddings)
        squared = squared_distances(rows, rows)
        squared = squared.masked_fill(torch.eye(len(rows), dtype=torch.bool, device=rows.device), 0)
        return squared if metric == "squared" else root(squared)


def pair_distances(rows: Tensor, columns: Tensor, *, metric: str) -> Tensor:
    """Return the distance of each row to the row beside it, (n,), differentiable."""
    squared = (rows - columns).square().sum(dim=1)
    return squared if metric == "squared" else root(squared)


def unit_rows(embeddings: Tensor) -> tuple[Tensor, int]:
    """Return rows of unit length in full precision, and how many rows were (almost) zero.

    A zero row stays zero, gets no NaN, and is reported in the log: it means that the network
    put out nothing for that image.

    Args:
        embeddings: (batch, dim), any floating dtype, the raw output of a network.

    Returns:
        float32 (or float64) rows, and the number of rows shorter than 1e-12.
    """
    with torch.autocast(device_type=embeddings.device.type, enabled=False):
        rows = in_full(embeddings)
        n_zero = int((rows.detach().norm(dim=1) < 1e-12).sum())
        if n_zero:
            log.warning("%d of %d embeddings are zero before normalising", n_zero, len(rows))
        return torch.nn.functional.normalize(rows, dim=1, eps=1e-12), n_zero
