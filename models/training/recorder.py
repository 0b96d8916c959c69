"""Write down what a run does: metrics, checkpoints, the best weights."""

import hashlib
import time
from dataclasses import asdict
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from facegate.data.files import write_atomically
from facegate.errors import InputError
from facegate.models.training.checkpoint import (
    Checkpoint,
    flatten_optimizer,
    load_checkpoint,
    restore_optimizer,
    save_checkpoint,
)
from facegate.models.training.config import Config, to_toml
from facegate.models.training.loop import Trainer
from facegate.models.training.run_folder import BEST, LAST, RunFolder
from facegate.models.training.state import Listener, Place
from facegate.models.training.tensorboard import EventFile
from facegate.models.training.validation import Look
from facegate.models.training.watchdog import Watchdog

CURVES = (
    *("loss", "main", "classifier", "distil", "semi", "easy", "none", "n_active"),
    *("gradient", "lr", "resultant", "spread", "images_s"),
)


class Recorder:
    """A listener that keeps a run in its folder and passes everything on.

    Args:
        folder: of the run.
        every: seconds between checkpoints.
        screen: who else hears of it, such as the progress on a terminal.
    """

    def __init__(self, folder: RunFolder, *, every: float, screen: Listener | None = None) -> None:
        self.folder, self.every, self.screen = folder, every, screen
        self._last = time.monotonic()
        self._best_changed = False
        self._curves = EventFile(folder.path)
        self._steps_before = [
            sum(stage.steps for stage in folder.config.stages[:index])
            for index in range(len(folder.config.stages))
        ]

    def step(self, event: dict[str, Any]) -> None:
        """Write a step."""
        self.folder.append(event)
        self._curve(event, {key: value for key, value in event.items() if key in CURVES})
        if self.screen is not None:
            self.screen.step(event)

    def look(self, event: dict[str, Any], is_best: bool) -> None:
        """Write a look at split val."""
        self.folder.append({**event, "best": is_best})
        self._curve(event, {f"val/{key}": value for key, value in event["val"].items()})
        self._best_changed = self._best_changed or is_best
        if self.screen is not None:
            self.screen.look(event, is_best)

    def warn(self, event: dict[str, Any]) -> None:
        """Write a warning."""
        self.folder.append(event)
        if self.screen is not None:
            self.screen.warn(event)

    def _curve(self, event: dict[str, Any], values: dict[str, float]) -> None:
        self._curves.add(self._steps_before[event["stage"]] + event["step"], values)

    def keep(self, trainer: Trainer) -> None:
        """Write the best weights when they changed, and a checkpoint when one is due."""
        if self._best_changed:
            # The checkpoint names the best look, so it must never be newer than the weights.
            write_atomically(self.folder.path / BEST, save(trainer.best_state))
            self._best_changed = False
        is_due = time.monotonic() - self._last >= self.every
        if is_due or trainer.parts is None:
            save_checkpoint(self.folder.path / LAST, snapshot(trainer))
            self._last = time.monotonic()


def snapshot(trainer: Trainer) -> Checkpoint:
    """Return everything that `restore` needs."""
    tensors: dict[str, Tensor] = {}

    def add(name: str, state: dict[str, Tensor]) -> None:
        tensors.update({f"{name}.{key}": value for key, value in state.items()})

    add("net", trainer.net.state_dict())
    add("average", trainer.average.net.state_dict())
    add("best", trainer.best_state)
    place = trainer.place
    facts: dict[str, Any] = {
        "config": _mark(trainer.config),
        "place": asdict(place),
        "average_steps": trainer.average.steps,
    }
    parts = trainer.parts
    if parts is not None:
        add("objective", parts.objective.state_dict())
        add("optimizer", flatten_optimizer(parts.optimizer))
        facts["watchdog"] = parts.watchdog.state()
        if parts.centres is not None:
            add("centres", parts.centres.state())
    return Checkpoint(tensors, facts)


def _mark(config: Config) -> str:
    """Return what tells the settings of two runs apart."""
    return hashlib.sha256(to_toml(config).encode()).hexdigest()[:16]


def restore(trainer: Trainer, folder: RunFolder) -> None:
    """Put a trainer where the run's last checkpoint left it; nothing where there is none.

    Raises:
        InputError: the checkpoint is damaged, or was made by a run with other settings.
    """
    path = folder.path / LAST
    if not path.exists():
        folder.forget_after(0, 0)
        return
    checkpoint = load_checkpoint(path)
    facts = checkpoint.facts
    if facts.get("config") != _mark(trainer.config):
        raise InputError(
            f"checkpoint {path} was made by a run with other settings",
            hint="resume in the folder of that run, or start anew",
        )
    kept = dict(facts["place"])
    best = kept.pop("best")
    trainer.place = Place(**kept, best=None if best is None else Look(**best))
    try:
        trainer.net.load_state_dict(checkpoint.part("net"))
        trainer.average.net.load_state_dict(checkpoint.part("average"))
    except RuntimeError as error:  # the code behind package:Class was changed meanwhile
        raise InputError(
            f"checkpoint {path} was made by another {trainer.config.net}",
            hint="put the net back as it was, or start a new run folder",
        ) from error
    trainer.average.steps = facts["average_steps"]
    trainer.best_state = checkpoint.part("best")
    if "watchdog" in facts:
        trainer.prepare()
        parts = trainer.parts
        assert parts is not None
        parts.objective.load_state_dict(checkpoint.part("objective"))
        restore_optimizer(parts.optimizer, checkpoint.part("optimizer"))
        parts.watchdog = Watchdog.restored(facts["watchdog"])
        if parts.centres is not None:
            parts.centres.restore(checkpoint.part("centres"))
            parts.batches.set_neighbours(parts.centres.by_identity())
    folder.forget_after(trainer.place.stage, trainer.place.step)
    torch.manual_seed(trainer.config.seed)
