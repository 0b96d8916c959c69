"""Which identities look alike, kept up to date from the batches that go by."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facegate.models.training.ranks import Ranks

NEAREST = 8
KEEP = 0.8
"""Share of an identity's old centre that stays when it is seen again."""


class Centres:
    """A running mean embedding of every training identity.

    Costs nothing beside the batches that are embedded anyway; a full pass over all images for
    exact centres would take minutes on a CPU.

    Args:
        n_identities: of the training split.
        dim: length of an embedding.
    """

    def __init__(self, n_identities: int, dim: int) -> None:
        self.rows = torch.zeros(n_identities, dim)
        self.neighbours = torch.full((n_identities, NEAREST), -1, dtype=torch.int64)

    def follow(self, embeddings: Tensor, labels: Tensor) -> None:
        """Take in a batch: any float (B, dim), and labels (B,), -1 for no identity."""
        rows = nn.functional.normalize(embeddings.detach().float(), dim=1).cpu()
        labels = labels.cpu()
        known = labels >= 0
        seen, place = labels[known].unique(return_inverse=True)
        sums = torch.zeros(len(seen), rows.shape[1]).index_add_(0, place, rows[known])
        mean = nn.functional.normalize(sums, dim=1)
        self.rows[seen] = nn.functional.normalize(KEEP * self.rows[seen] + mean, dim=1)

    def share(self, ranks: Ranks) -> None:
        """Join what all processes saw: from other neighbours each would draw another batch."""
        if ranks.size > 1:
            self.rows = nn.functional.normalize(ranks.total(self.rows), dim=1)

    def find(self) -> dict[int, NDArray[np.int64]]:
        """Find the nearest identities of each that was seen, and remember them."""
        seen = (self.rows.norm(dim=1) > 0).nonzero().flatten()
        k = min(NEAREST, len(seen) - 1)
        self.neighbours.fill_(-1)
        for start in range(0, len(seen), 1024) if k > 0 else ():
            part = seen[start : start + 1024]
            likeness = self.rows[part] @ self.rows[seen].T
            likeness[torch.arange(len(part)), torch.arange(start, start + len(part))] = -2
            self.neighbours[part, :k] = seen[likeness.topk(k, dim=1).indices]
        return self.by_identity()

    def by_identity(self) -> dict[int, NDArray[np.int64]]:
        """Return what `find` found last: by identity, the nearest ones, nearest first."""
        table = self.neighbours.numpy()
        return {int(i): table[i][table[i] >= 0] for i in np.flatnonzero((table >= 0).any(axis=1))}

    def state(self) -> dict[str, Tensor]:
        """Return all that `restore` needs."""
        return {"rows": self.rows, "neighbours": self.neighbours}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take on what `state` returned."""
        self.rows.copy_(state["rows"])
        self.neighbours.copy_(state["neighbours"])
