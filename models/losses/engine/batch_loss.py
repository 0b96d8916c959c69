"""What the losses over a batch's distances have in common: how they are called and divided."""

from abc import ABC, abstractmethod

from torch import Tensor

from facegate.models.losses.engine.block import Block, check_batch
from facegate.models.losses.engine.streamed import Terms, streamed
from facegate.models.losses.result import LossResult, Sums, finish


class BatchLoss(ABC):
    """A loss that is a sum over anchors; a subclass says what a block of distances is worth."""

    __slots__ = ()
    metric: str

    def __call__(self, embeddings: Tensor, labels: Tensor) -> LossResult:
        """Return the loss of a batch.

        Args:
            embeddings: (B, D), any floating dtype, unit rows (see
                :func:`facegate.models.losses.distances.unit_rows`). Computed in float32 also
                under autocast; the gradient has the dtype of the embeddings.
            labels: integers (B,); -1 marks a row that takes no part. An identity with one image
                is a negative to the others and never an anchor.

        Returns:
            The loss: exactly 0, connected, with a gradient of 0, where there is nothing to sum.

        Raises:
            InputError: an embedding is not finite; its row is named.
        """
        return finish(self.sums(embeddings, check_batch(embeddings, labels)))

    def sums(self, embeddings: Tensor, labels: Tensor, anchors: slice = slice(None)) -> Sums:
        """Return the undivided sums over some anchors of a checked batch.

        Several processes share a batch by this; see :mod:`facegate.models.losses.gather`.
        """
        return streamed(embeddings, labels, self.terms, metric=self.metric, anchors=anchors)

    @abstractmethod
    def terms(self, block: Block) -> Terms:
        """Return what a block of distances contributes."""
