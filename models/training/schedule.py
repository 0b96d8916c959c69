"""The optimiser of a stage, and its rate over the steps."""

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from facegate.errors import InputError
from facegate.models.training.config import Stage
from facegate.models.training.muon import Muon

LAST_SHARE = 0.002
"""The rate ends at this share of its peak."""


def rate_at(step: int, stage: Stage) -> float:
    """Return the learning rate of a step: linear warm-up, then half a cosine to almost nothing.

    Args:
        step: 0 for the first of ``stage.steps``.
        stage: its rate is the peak.
    """
    warm = min(1.0, (step + 1) / stage.warm_up) if stage.warm_up else 1.0
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, step / stage.steps)))
    return stage.lr * warm * (falling + (1 - falling) * LAST_SHARE)


def make_optimizer(modules: Iterable[nn.Module], stage: Stage) -> Optimizer:
    """Return an optimiser over all weights that take part in training.

    Weight decay acts on matrices and kernels alone: a scale or a shift that is drawn to zero
    only fights the batch normalisation that it belongs to.

    Raises:
        InputError: no such optimiser.
    """
    weights = [weight for module in modules for weight in module.parameters()]
    weights = [weight for weight in weights if weight.requires_grad]
    groups = [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": stage.weight_decay},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    if stage.optimizer == "adamw":
        return AdamW(groups, lr=stage.lr, betas=(0.9, 0.99))
    if stage.optimizer == "sgd":
        return SGD(groups, lr=stage.lr, momentum=0.9, nesterov=True)
    if stage.optimizer == "muon":
        return Muon(groups, lr=stage.lr)
    raise InputError(f"no optimizer is called {stage.optimizer!r}", hint="adamw, muon or sgd")
