"""Where a run stands, what belongs to the stage at work, and who listens."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

from facegate.models.training.alike import Centres
from facegate.models.training.batches import Batches
from facegate.models.training.feed import Feed
from facegate.models.training.objective import Objective
from facegate.models.training.validation import Look
from facegate.models.training.watchdog import Watchdog

if TYPE_CHECKING:
    from facegate.models.training.loop import Trainer


class Listener(Protocol):
    """Who hears of a run while it goes."""

    def step(self, event: dict[str, Any]) -> None:
        """Hear of a step: stage, step, rate, losses, shares, distances, images a second."""

    def look(self, event: dict[str, Any], is_best: bool) -> None:
        """Hear of a look at split val."""

    def warn(self, event: dict[str, Any]) -> None:
        """Hear a warning of the watchdog."""

    def keep(self, trainer: "Trainer") -> None:
        """Hear that this is a moment to write a checkpoint, if one is due."""


@dataclass(slots=True, eq=False)
class Place:
    """Where a run stands; all of it goes into a checkpoint.

    Attributes:
        stage, step: the next step to take.
        best: the best look so far.
        since_best: looks since then.
        images: seen since the start of the run.
        seconds: spent in training since the start of the run.
    """

    stage: int = 0
    step: int = 0
    best: Look | None = None
    since_best: int = 0
    images: int = 0
    seconds: float = 0.0


@dataclass(slots=True, eq=False)
class StageParts:
    """What belongs to one stage."""

    objective: Objective
    optimizer: torch.optim.Optimizer
    watchdog: Watchdog
    batches: Batches
    feed: Feed
    centres: Centres | None
