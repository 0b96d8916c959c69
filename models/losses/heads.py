"""Classifiers over the training identities, with a margin: CosFace and ArcFace.

They are for the warm start. Their weights, one row an identity, are thrown away afterwards.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegate.errors import InputError
from facegate.models.losses.distances import full_precision, in_full
from facegate.models.losses.engine.block import IGNORED, check_batch
from facegate.models.losses.result import LossResult, LossStats


class MarginHead(nn.Module):
    """Softmax over scaled cosines; a subclass puts its margin on the cosine of the true class.

    Args:
        dim: length of the embeddings.
        n_identities: labels run from 0 to n_identities - 1.
        scale: the ``s`` of the papers; 64, or 32 below about 2,000 identities.
        margin: may be changed during training, as a ramp does.
    """

    def __init__(self, dim: int, n_identities: int, *, scale: float, margin: float) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin
        self.weight = nn.Parameter(torch.empty(n_identities, dim))
        nn.init.normal_(self.weight, std=0.01)

    def with_margin(self, cosines: Tensor) -> Tensor:
        """Return the cosines of the true classes, (B,), made harder by the margin."""
        raise NotImplementedError

    def cosines(self, embeddings: Tensor) -> Tensor:
        """Return the cosine of each embedding with each identity, (B, n_identities), float32."""
        with full_precision(embeddings.device):
            rows = functional.normalize(in_full(embeddings), dim=1)
            return rows @ functional.normalize(self.weight.to(rows.dtype), dim=1).T

    def forward(self, embeddings: Tensor, labels: Tensor) -> LossResult:
        """Return the mean cross-entropy over the rows that take part.

        Args:
            embeddings: (B, dim), any floating dtype; normalised here.
            labels: integers (B,), the index of the identity, or -1 to ignore a row.

        Raises:
            InputError: an embedding is not finite, or a label has no row in the head.
        """
        labels = check_batch(embeddings, labels)
        n_identities = len(self.weight)
        if len(labels) and int(labels.max()) >= n_identities:
            raise InputError(
                f"label {int(labels.max())} is beyond the head's {n_identities} identities",
                hint="labels of a classifier count from 0 without gaps",
            )
        taking_part = labels != IGNORED
        with full_precision(embeddings.device):
            cosines, truth = self.cosines(embeddings[taking_part]), labels[taking_part][:, None]
            harder = self.with_margin(cosines.gather(1, truth)[:, 0])
            logits = self.scale * cosines.scatter(1, truth, harder[:, None])
            losses = functional.cross_entropy(logits, truth[:, 0], reduction="sum")
        loss = losses / max(1, len(truth))
        stats = LossStats(float(loss.detach()), n_pairs=len(truth), n_active=len(truth))
        return LossResult(loss, stats)


class CosFaceHead(MarginHead):
    """``softmax(s (cos t_y - m))``: the margin is taken off the cosine.

    Source: Wang et al., "CosFace", CVPR 2018, equation 4.
    """

    def __init__(
        self, dim: int, n_identities: int, *, scale: float = 64.0, margin: float = 0.35
    ) -> None:
        super().__init__(dim, n_identities, scale=scale, margin=margin)

    def with_margin(self, cosines: Tensor) -> Tensor:
        """Return ``cos t - m``."""
        return cosines - self.margin


class ArcFaceHead(MarginHead):
    """``softmax(s cos(t_y + m))``: the margin is added to the angle.

    Past ``t + m = pi`` the cosine would rise again; from there on ``cos t - m sin m``, which
    keeps falling, takes its place, as in the authors' code.

    Source: Deng et al., "ArcFace", CVPR 2019, equation 3.
    """

    def __init__(
        self, dim: int, n_identities: int, *, scale: float = 64.0, margin: float = 0.5
    ) -> None:
        super().__init__(dim, n_identities, scale=scale, margin=margin)

    def with_margin(self, cosines: Tensor) -> Tensor:
        """Return ``cos(t + m)``."""
        # The sine's derivative is infinite at cosine 1; 1e-7 is float32's own resolution there.
        sines = (1 - cosines.square()).clamp_min(1e-7).sqrt()
        turned = cosines * math.cos(self.margin) - sines * math.sin(self.margin)
        beyond = cosines <= -math.cos(self.margin)
        return torch.where(beyond, cosines - self.margin * math.sin(self.margin), turned)
