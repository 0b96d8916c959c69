"""Losses by name, as a configuration file writes them."""

import dataclasses
from collections.abc import Callable
from typing import Any

from torch import Tensor

from facegate.models.losses.batch_all import BatchAllLoss
from facegate.models.losses.batch_hard import BatchHardLoss
from facegate.models.losses.borrowed import PREFIX, BorrowedLoss
from facegate.models.losses.contrastive import ContrastiveLoss
from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.options import check_choice
from facegate.models.losses.hard_negative import HardNegativeLoss
from facegate.models.losses.quadruplet import QuadrupletLoss
from facegate.models.losses.random_filter import RandomFilterLoss
from facegate.models.losses.result import LossResult
from facegate.models.losses.triplet import SemiHardTripletLoss

Loss = Callable[[Tensor, Tensor], LossResult]

LOSSES: dict[str, type[BatchLoss]] = {
    "semi-hard": SemiHardTripletLoss,
    "batch-hard": BatchHardLoss,
    "batch-all": BatchAllLoss,
    "hard-negative": HardNegativeLoss,
    "quadruplet": QuadrupletLoss,
    "contrastive": ContrastiveLoss,
    "random-filter": RandomFilterLoss,
}


def make_loss(name: str, **options: Any) -> Loss:
    """Return the loss of a name, called with embeddings (B, D) and labels (B,).

    Args:
        name: one of ``LOSSES``, or ``pml:`` and the name of a class of
            pytorch-metric-learning's losses.
        options: the loss's own, such as ``margin`` and ``metric``.

    Raises:
        InputError: an unknown name or option; the nearest known one is named.
        MachineError: the loss needs a package that is not installed.

    >>> from facegate.models.losses.registry import make_loss
    >>> make_loss("batch-hard", soft=True)
    BatchHardLoss(margin=0.2, metric='euclidean', soft=True)
    """
    if name.startswith(PREFIX):
        return BorrowedLoss(name.removeprefix(PREFIX), **options)
    kind = LOSSES[check_choice("loss", name, LOSSES)]
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for option in options:
        check_choice(f"option of loss {name!r}:", option, known)
    return kind(**options)
