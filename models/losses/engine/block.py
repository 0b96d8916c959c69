"""Some anchors of a batch against the whole batch: the piece that miners and losses work on."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from facegate.errors import InputError

IGNORED = -1  # the label of a row that takes no part


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The distances of R anchors to all B rows, and who is whose positive.

    Attributes:
        distances: (R, B), in the metric.
        anchors: int64 (R,), the rows of the batch that the anchors are.
        negative: bool (R, B), true where the column is another identity.
        positive_index: int64 (R, K), each anchor's positives from near to far; the anchor's own
            index where it has fewer than K.
        d_ap: (R, K), their distances, rising; infinite where there is none.
        is_pair: bool (R, K), true where the anchor has that positive, and a negative at all.
    """

    distances: Tensor
    anchors: Tensor
    negative: Tensor
    positive_index: Tensor
    d_ap: Tensor
    is_pair: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The labels of a batch, sorted once, so that every block finds its positives by slicing.

    Attributes:
        labels: int64 (B,).
        order: int64 (B,), the rows by label.
        start: int64 (B,), where in ``order`` the identity of each row begins.
        n_same: int64 (B,), how many rows share the label of each row, itself included.
        n_positives: the most positives that any row has.
        has_negative: whether two identities are in the batch.
        has_ignored: whether a row takes no part.
    """

    labels: Tensor
    order: Tensor
    start: Tensor
    n_same: Tensor
    n_positives: int
    has_negative: bool
    has_ignored: bool

    @classmethod
    def of(cls, labels: Tensor) -> "Batch":
        """Sort the labels; rows labelled -1 have no positives and are nobody's negative."""
        in_order, order = labels.sort(stable=True)
        start = torch.searchsorted(in_order, labels, right=False)
        n_same = torch.searchsorted(in_order, labels, right=True) - start
        n_same = torch.where(labels == IGNORED, 1, n_same)
        if not len(labels):
            return cls(labels, order, start, n_same, 0, has_negative=False, has_ignored=False)
        # A batch has two identities where the last label differs from the first above -1.
        first = torch.searchsorted(in_order, IGNORED, right=True).clamp_max(len(labels) - 1)
        facts = torch.stack([n_same.max(), in_order[first], in_order[-1], in_order[0]])
        n_most, lowest, highest, smallest = facts.tolist()
        return cls(
            labels,
            order,
            start,
            n_same,
            n_most - 1,
            has_negative=lowest != highest,
            has_ignored=smallest == IGNORED,
        )

    def block(self, distances: Tensor, anchors: Tensor) -> Block:
        """Return the block of these anchors; distances is (R, B)."""
        own = anchors[:, None]
        labels = self.labels[anchors][:, None]
        negative = labels != self.labels
        if self.has_ignored:
            negative &= (labels != IGNORED) & (self.labels != IGNORED)
        index, is_pair = self._positives(own)
        d_ap = distances.gather(1, index).masked_fill(~is_pair, torch.inf)
        d_ap, near_to_far = d_ap.sort(dim=1, stable=True)
        index = index.gather(1, near_to_far)
        is_pair = is_pair.gather(1, near_to_far)
        return Block(distances, anchors, negative, index, d_ap, is_pair)

    def _positives(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows of the same identity but the anchor's own, padded with it."""
        slot = torch.arange(self.n_positives, device=own.device)
        start, n_same = self.start[own], self.n_same[own]
        is_pair = slot < n_same - 1
        # The sort is stable, so the members of an identity stand in rising order and the anchor
        # itself is passed over by adding one from its own place on.
        place = start + slot
        index = self.order[place.clamp_max(len(self.order) - 1)]
        later = self.order[(place + 1).clamp_max(len(self.order) - 1)]
        index = torch.where(index < own, index, later)
        index = torch.where(is_pair, index, own)
        return index, is_pair & self.has_negative


def check_batch(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Return the labels as int64, or refuse a batch that no loss can work on.

    Raises:
        ValueError: shapes or dtypes that do not belong together; a caller's mistake.
        InputError: an embedding that is not finite, named by its row; a label below -1.
    """
    if embeddings.ndim != 2:
        shape = tuple(embeddings.shape)
        raise ValueError(f"embeddings must have shape (batch, dim), got {shape}")
    if labels.shape != embeddings.shape[:1]:
        shape = tuple(labels.shape)
        raise ValueError(f"labels must have shape ({len(embeddings)},), got {shape}")
    if not embeddings.is_floating_point():
        raise ValueError(f"embeddings must be floating, got {embeddings.dtype}")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    labels = labels.long().contiguous()
    _check_finite(embeddings.detach())
    if len(labels) and int(labels.min()) < IGNORED:
        row = int((labels < IGNORED).nonzero()[0, 0])
        raise InputError(
            f"label {int(labels[row])} of row {row} is negative",
            hint="identities count from 0; -1 marks a row to ignore",
        )
    return labels


def _check_finite(embeddings: Tensor) -> None:
    # NaN and infinity survive a sum, so one number clears nearly every batch.
    if math.isfinite(float(embeddings.sum(dtype=torch.float64))):
        return
    finite = torch.isfinite(embeddings).all(dim=1)
    if not finite.all():
        row = int((~finite).nonzero()[0, 0])
        raise InputError(
            f"embedding {row} of {len(embeddings)} is not finite",
            hint="lower the learning rate, or look at that image",
            code="not_finite",
        )
