"""The folder of a run: what was asked, with what, on which data, and what happened.

config.toml         all settings, resolved
run.json            versions, machine, data and teacher, seed: written before the first step
splits.csv          who was trained on, who decided, who set thresholds
targets.npy         what the teachers said, one row for each image that was trained on
metrics.jsonl       one JSON object a line: steps, looks at val, warnings
events.out.tfevents…  the same numbers for TensorBoard
last.safetensors    the newest checkpoint, to resume from
best.safetensors    the averaged weights of the best look at val
"""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from facegate.data.dataset import Dataset
from facegate.data.files import NO_SPACE, write_atomically
from facegate.data.splits import as_manifest
from facegate.data.text import counted
from facegate.errors import InputError, MachineError
from facegate.models.training.config import Config, load_config, to_toml

CONFIG, RECORD, METRICS = "config.toml", "run.json", "metrics.jsonl"
SPLITS, TARGETS = "splits.csv", "targets.npy"
LAST, BEST = "last.safetensors", "best.safetensors"
PACKAGES = ("facegate", "torch", "torchvision", "numpy", "pillow", "openvino", "safetensors")


class RunFolder:
    """A run's folder; `start` makes one, `resume` opens one that is there.

    Attributes:
        path: the folder.
        config: the run's settings.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path, self.config = path, config

    @classmethod
    def start(cls, path: Path, config: Config) -> "RunFolder":
        """Make the folder and write the settings.

        Raises:
            InputError: the folder holds something already, or cannot be written to.
            MachineError: the disk is full (code disk_full).
        """
        try:
            check_new(path)
            path.mkdir(parents=True, exist_ok=True)
            write_atomically(path / CONFIG, to_toml(config).encode())
        except OSError as error:
            if error.errno in NO_SPACE:
                raise MachineError(
                    f"no space left for {path}", hint="free some space", code="disk_full"
                ) from error
            reason = (error.strerror or str(error)).lower()
            raise InputError(
                f"run folder {path} cannot be made: {reason}", hint="name another place"
            ) from error
        return cls(path, config)

    @classmethod
    def resume(cls, path: Path, config: Config | None = None) -> "RunFolder":
        """Open the folder of a run that was stopped.

        Args:
            path: the folder.
            config: settings that were asked for now, which must be the run's own; None takes
                those of the run.

        Raises:
            InputError: it holds no run, or a run with other settings; the first that differs is
                named.
        """
        if not (path / CONFIG).is_file():
            raise InputError(f"{path} holds no run", hint="start one without --resume")
        own = load_config(file=path / CONFIG)
        if config is not None and config != own:
            raise InputError(
                f"the run in {path} has other settings: {_difference(own, config)}",
                hint="resume without settings, or start a new run folder",
            )
        return cls(path, own)

    def discard(self) -> None:
        """Take the folder away again when a run could not begin, so that it can be tried anew."""
        for name in (CONFIG, TARGETS):
            (self.path / name).unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def record(self, facts: Mapping[str, Any]) -> None:
        """Write what the run stands on: versions, machine, seed, and the facts given."""
        everything = {
            "versions": {name: _version(name) for name in PACKAGES},
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "seed": self.config.seed,
            **facts,
        }
        # A name that is no UTF-8 has lone surrogates, which JSON writes as escapes.
        text = _dumps(everything, indent=1).encode("utf-8", "backslashreplace")
        write_atomically(self.path / RECORD, text)

    def keep_splits(self, dataset: Dataset) -> None:
        """Write who is in which split: a manifest that keeps everybody there in a later run."""
        write_atomically(self.path / SPLITS, as_manifest(dataset).encode("utf-8", "replace"))

    def read_record(self) -> dict[str, Any]:
        """Return what `record` wrote, or nothing where the run was stopped before that."""
        try:
            found: dict[str, Any] = json.loads((self.path / RECORD).read_text("utf-8"))
        except (OSError, json.JSONDecodeError):
            return {}
        return found

    def append(self, event: Mapping[str, Any]) -> None:
        """Add one line to the metrics; numbers that are not finite become null."""
        line = _dumps(_finite(event)) + "\n"
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(line)

    def forget_after(self, stage: int, step: int) -> None:
        """Drop the lines of steps that a resumed run will walk again."""
        path = self.path / METRICS
        if not path.exists():
            return
        # A line that a kill cut short has no event, and is dropped with those after it.
        lines = path.read_text("utf-8").splitlines()
        kept = [
            line
            for line, event in zip(lines, self.events(), strict=False)
            if (event.get("stage", 0), event.get("step", 0)) <= (stage, step)
        ]
        write_atomically(path, "".join(f"{line}\n" for line in kept).encode())

    def events(self) -> list[dict[str, Any]]:
        """Return the lines of the metrics, but a last one that was cut short by a kill."""
        path = self.path / METRICS
        if not path.exists():
            return []
        found: list[dict[str, Any]] = []
        for line in path.read_text("utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return found


def check_new(path: Path) -> None:
    """Refuse a place for a run that holds something already.

    Raises:
        InputError: it does.
    """
    if path.is_dir() and any(path.iterdir()):
        raise InputError(
            f"run folder {path} is not empty", hint="resume it with --resume, or name another"
        )


def _dumps(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value


def _difference(own: Config, asked: Config) -> str:
    mine, theirs = asdict(own), asdict(asked)
    stages, others = mine.pop("stages"), theirs.pop("stages")
    if len(stages) != len(others):
        return f"it has {counted(len(stages), 'stage')}, not {len(others)}"
    tables = [("", mine, theirs)]
    tables += [(f" of stage {s['name']}", s, o) for s, o in zip(stages, others, strict=True)]
    where, one, other, key = next((w, a, b, k) for w, a, b in tables for k in a if a[k] != b[k])
    return f"{key}{where} is {one[key]!r}, not {other[key]!r}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
