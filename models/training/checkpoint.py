"""Checkpoints: everything that a run needs to go on bit for bit, in one safetensors file.

Batches, augmentation and dropout are functions of (seed, stage, step), so no state of a random
generator is kept: weights, their average, the optimiser's moments and a few numbers are all.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from facegate.data.files import NO_SPACE, write_atomically
from facegate.errors import InputError, MachineError

FORMAT = "facegate checkpoint 1"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A moment of a run.

    Attributes:
        tensors: by name, ``net.…``, ``ema.…``, ``head.…``, ``optimizer.…``.
        facts: plain JSON values: stage, step, best, watchdog and the like.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def part(self, name: str) -> dict[str, Tensor]:
        """Return the tensors whose names start with ``name.``, without that beginning."""
        start = f"{name}."
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole or not at all; the one that was there survives a failure.

    Raises:
        MachineError: the disk is full (code disk_full).
        InputError: the place cannot be written to.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()
    }
    meta = {"format": FORMAT, "facts": json.dumps(checkpoint.facts)}
    with writing(path):
        write_atomically(path, save(tensors, metadata=meta))


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say in one line why a file of a run could not be written; checkpoints there stay whole.

    Raises:
        MachineError: the disk is full (code disk_full).
        InputError: the place cannot be written to.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise MachineError(
                f"no space left for {place}",
                hint="free some space and resume; the last checkpoint is whole",
                code="disk_full",
            ) from error
        reason = (error.strerror or str(error)).lower()
        raise InputError(
            f"{place} cannot be written: {reason}", hint="mend that and go on with --resume"
        ) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InputError: no such file, damaged, or not a checkpoint of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"checkpoint {path} cannot be read", hint="resume from another, or start anew"
        ) from error
    if meta.get("format") != FORMAT:
        raise InputError(f"{path} is no checkpoint", hint="to start from weights, set weights")
    return Checkpoint(tensors, json.loads(meta["facts"]))


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state as named tensors; rates and settings are the stage's own."""
    flat: dict[str, Tensor] = {}
    for index, values in optimizer.state_dict()["state"].items():
        for key, value in values.items():
            flat[f"{index}.{key}"] = torch.as_tensor(value)
    return flat


def restore_optimizer(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    """Give an optimiser the state that `flatten_optimizer` returned.

    Raises:
        InputError: the state belongs to another net.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in flat.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    whole = optimizer.state_dict()
    n_weights = sum(len(group["params"]) for group in whole["param_groups"])
    if state and max(state) >= n_weights:
        raise InputError("the checkpoint belongs to another net", hint="start a new run folder")
    optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
