"""The same run with several values of one setting, one after the other."""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from facegate.errors import InputError
from facegate.models.training.config import Config, Stage, load_config
from facegate.models.training.finetune import tuned_config
from facegate.models.training.material import find_sources
from facegate.models.training.net import make_net
from facegate.models.training.run_folder import check_new
from facegate.models.training.session import Outcome, check_settings, train
from facegate.models.training.state import Listener
from facegate.models.training.teacher import check_teachers
from facegate.models.training.watchdog import TrainingStopped

OF_DATA = ("data", "manifest", "unlabelled")
"""Settings that say where images lie, which are looked for before the first run."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a sweep.

    Attributes:
        value: of the setting.
        outcome: what the run came to, or None where the watchdog ended it.
        stopped: why it did, or "".
    """

    value: Any
    outcome: Outcome | None
    stopped: str = ""


def parse_sweep(text: str) -> tuple[str, list[Any]]:
    """Read ``KEY=A,B,C``; values are TOML or else plain words.

    >>> parse_sweep("margin=0.1,0.2")
    ('margin', [0.1, 0.2])
    >>> parse_sweep("metric=euclidean,squared")
    ('metric', ['euclidean', 'squared'])

    Raises:
        InputError: it has another form, or fewer than two values.
    """
    key, sign, values = text.partition("=")
    parts = [part.strip() for part in values.split(",")]
    if not sign or len(parts) < 2 or not all(parts):
        raise InputError(f"a sweep is KEY=A,B, got {text!r}", hint="--sweep margin=0.1,0.2,0.3")
    return key.strip(), [_value(part) for part in parts]


def sweep(
    config: Config,
    key: str,
    values: list[Any],
    out: Path,
    *,
    screen: Callable[[Config], AbstractContextManager[Listener]],
) -> Iterator[Row]:
    """Train once for each value, in ``out/KEY=VALUE``, and yield each outcome.

    All settings are checked before the first run starts. A run that the watchdog ends is a row
    as well: where training fails is what a sweep of rates is to find out.

    Args:
        config: what all runs share; with ``finetune`` as it was asked for, since each run takes
            from the model what it needs.
        key, values: of the setting.
        out: a folder for the runs.
        screen: hears of the steps of a run.

    Raises:
        InputError: no such key, a value that it does not take or that stands twice, or a run's
            folder that holds something.
    """
    runs = [(value, _with(config, key, value), out / f"{key}={value}") for value in values]
    for number, (value, changed, folder) in enumerate(runs):
        if changed in [other for _, other, _ in runs[:number]]:
            raise InputError(f"the sweep has {key} = {value} twice", hint="leave one out")
        check_settings(changed, folder)
        check_teachers(changed.teacher)
        make_net(changed)
        if key in OF_DATA:
            find_sources(changed)
        check_new(folder)
    for value, changed, folder in runs:
        try:
            with screen(changed) as listener:
                row = Row(value, train(changed, folder, screen=listener))
        except TrainingStopped as stop:
            row = Row(value, None, stop.message)
        yield row


def _with(config: Config, key: str, value: Any) -> Config:
    # Through the loader, so that the value is checked as one in a file would be.
    whole = {**asdict(config), "stages": [asdict(stage) for stage in config.stages], key: value}
    if key in {item.name for item in fields(Stage)} - {item.name for item in fields(Config)}:
        whole.pop(key)
        whole["stages"] = [{**stage, key: value} for stage in whole["stages"]]
    return tuned_config(load_config(flags=whole))


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
