"""The settings of a training run: presets, a TOML file, flags, in rising order of weight.

A run is a list of stages. A key of a stage that stands outside every stage is the default of all
of them, so that a run of one stage is a flat file:

    net = "plain-t"
    loss = "semi-hard"
    steps = 4000
    lr = 0.002

An unknown key is an error: a misspelt margin would otherwise train with the default for hours.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from facegate.errors import InputError
from facegate.models.toml_text import toml_value
from facegate.models.training.config_rules import check_config, nearest
from facegate.models.training.presets import PRESETS


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: a loss, a batch shape and a schedule.

    Attributes:
        name: word for logs and the run folder.
        weights: file to begin the stage from; "" goes on from the stage before. Those of the first
            stage are the run's.
        loss: ``semi-hard``, ``batch-hard``, ``batch-all``, ``hard-negative``, ``random-filter``,
            ``quadruplet``, ``contrastive``, ``cosface``, ``arcface``, ``none`` (only what
            ``distil`` adds) or ``pml:NAME``, a loss of pytorch-metric-learning.
        steps: batches.
        lr: peak learning rate.
        optimizer: ``adamw``, ``muon`` or ``sgd`` (Nesterov, momentum 0.9).
        weight_decay: of weights with two dimensions or more.
        warm_up: steps in which the rate rises from 0.
        p, k: identities and images of each in a batch; unused by cosface, arcface and none.
        extra: single-image identities added as negatives.
        uniform: rows added to each batch from all training images, labelled or not; they take
            part in distillation, and as negatives where labelled.
        alike: share of P drawn as look-alikes after the warm-up.
        margin: in the metric's units; of cosface in cosine, of arcface in radians.
        metric: ``euclidean`` or ``squared``.
        select, fallback, reduce: of the semi-hard miner.
        soft: whether batch-hard takes the soft margin.
        options: further arguments of the loss, such as ``draw`` of random-filter or those of a
            ``pml:`` loss.
        scale: of cosface and arcface.
        classifier: weight of an auxiliary CosFace classifier beside a triplet loss.
        distil: weight of the teacher's term.
        freeze_bn: keep the statistics of batch normalisation as they are.
        clip: largest norm of the gradient.
        chunk: images a forward pass, the rest by gradient caching; 0 takes a batch whole, and so
            does a classifier with live statistics.
    """

    name: str = "triplet"
    weights: str = ""
    loss: str = "semi-hard"
    steps: int = 1000
    lr: float = 2e-3
    optimizer: str = "adamw"
    weight_decay: float = 0.05
    warm_up: int = 100
    p: int = 32
    k: int = 4
    extra: int = 0
    uniform: int = 0
    alike: float = 0.0
    margin: float = 0.2
    metric: str = "euclidean"
    select: str = "nearest"
    fallback: str = "skip"
    reduce: str = "active"
    soft: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    scale: float = 64.0
    classifier: float = 0.0
    distil: float = 0.0
    freeze_bn: bool = False
    clip: float = 1.0
    chunk: int = 0

    @property
    def compares(self) -> bool:
        """Say whether the loss compares images of a batch, which then holds P x K of them."""
        return self.loss not in ("cosface", "arcface", "none")

    @property
    def is_cached(self) -> bool:
        """Say whether a batch larger than ``chunk`` goes through the net in pieces."""
        return self.chunk > 0 and (self.freeze_bn or self.compares)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run.

    Attributes:
        name: of the finished model; "" takes the run folder's.
        licence: of its weights, for its card.
        about: what it was trained on, for its card; "" counts people and images.
        data: folder of identities.
        manifest: CSV file that says more of them, or "".
        aligned: whether images come ready; else the product's road finds and warps the faces.
        unlabelled: folders and zip files of images without identity.
        crop: side that images are stored at; what is above ``size`` is room to move in.
        net: ``plain-t`` … or ``package:Class``.
        dim: length of the embedding.
        size: side of the net's input.
        weights: file to start from, safetensors or the ``.pt`` of a state dict, or "".
        finetune: a model of facegate's own to make better on these people, or "".
        teacher: models' names, or .npy files with one embedding for each training image, in the
            order of the run: that of ``targets.npy`` in the folder of a run with the same data.
        augment: ``faces``, ``light`` or ``none``.
        ema: decay of the average of weights that is evaluated and kept.
        evaluate: steps between two looks at split val.
        patience: looks without a new best before the run ends; 0 never ends it early.
        checkpoint: seconds between checkpoints.
        seed: of everything random.
        threads: of torch; 0 leaves torch's own choice.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``auto`` (measured at the start), ``f32`` or ``bf16``.
        stages: in order.
    """

    name: str = ""
    licence: str = "not stated"
    about: str = ""
    data: str = ""
    manifest: str = ""
    aligned: bool = False
    unlabelled: tuple[str, ...] = ()
    crop: int = 128
    net: str = "plain-t"
    dim: int = 128
    size: int = 112
    weights: str = ""
    finetune: str = ""
    teacher: tuple[str, ...] = ()
    augment: str = "faces"
    ema: float = 0.999
    evaluate: int = 400
    patience: int = 0
    checkpoint: float = 300.0
    seed: int = 1
    threads: int = 0
    device: str = "auto"
    precision: str = "auto"
    stages: tuple[Stage, ...] = field(default=(Stage(),))


_STAGE_KEYS = tuple(item.name for item in fields(Stage))
_RUN_KEYS = tuple(item.name for item in fields(Config) if item.name != "stages")
_SHARED_KEYS = tuple(key for key in _STAGE_KEYS if key not in _RUN_KEYS)
"""Of a stage, that may stand outside every stage as the default of all."""


def load_config(
    *, preset: str | None = None, file: Path | None = None, flags: Mapping[str, Any] | None = None
) -> Config:
    """Put a run's settings together: preset < file < flags.

    Args:
        preset: a name in `PRESETS`; a file may name one itself with ``preset = "small"``. Where
            a model is fine-tuned and none is named, it is ``finetune``.
        file: TOML.
        flags: key -> value; a stage's key is set in every stage.

    Raises:
        InputError: no such preset or file, an unknown key (with the nearest), a value of the
            wrong type or out of range.
    """
    written = {} if file is None else _read(file)
    where = "the command line" if file is None else str(file)
    own = _text(written.pop("preset", ""), "preset", where)
    flags = {key: value for key, value in (flags or {}).items() if value is not None}
    preset = preset or own or None
    if preset is None and (flags.get("finetune") or written.get("finetune")):
        preset = "finetune"  # rates for a random net would undo what the model knows
    merged: dict[str, Any] = {}
    if preset is not None:
        if preset not in PRESETS:
            raise InputError(f"no preset is called {preset!r}", hint=nearest(preset, PRESETS))
        merged = _merge(merged, PRESETS[preset], "the preset")
    merged = _merge(merged, written, where)
    if not written.get("stages"):  # the stages are the preset's, which the file is above
        merged = _in_every_stage(merged, written)
    return _build(_in_every_stage(_merge(merged, flags, "a flag"), flags))


def _merge(under: dict[str, Any], over: Mapping[str, Any], where: str) -> dict[str, Any]:
    for key in over:
        if key not in (*_RUN_KEYS, *_STAGE_KEYS, "stages"):
            if key == "preset":  # a file's own was taken out of it
                raise InputError("a preset is no setting of --set", hint="use --preset")
            known = (*_RUN_KEYS, *_STAGE_KEYS, "stages", "preset")
            raise InputError(f"{where} has an unknown key {key!r}", hint=nearest(key, known))
    stages: Sequence[Mapping[str, Any]] = over.get("stages", ())
    if not isinstance(stages, list | tuple) or not all(isinstance(s, Mapping) for s in stages):
        raise InputError(
            f"stages in {where} is no array of tables", hint="write [[stages]] above each stage"
        )
    for stage in stages:
        for key in stage:
            if key not in _STAGE_KEYS:
                hint = nearest(key, _STAGE_KEYS)
                raise InputError(f"a stage of {where} has an unknown key {key!r}", hint=hint)
    return {**under, **over}


def _in_every_stage(merged: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in over.items() if key in _SHARED_KEYS}
    if not own or "stages" not in merged:
        return merged
    return {**merged, "stages": [{**stage, **own} for stage in merged["stages"]]}


def _build(merged: dict[str, Any]) -> Config:
    shared = {key: merged[key] for key in _SHARED_KEYS if key in merged}
    written: Sequence[Mapping[str, Any]] = merged.get("stages") or ({},)
    stages = tuple(Stage(**_checked(Stage, {**shared, **stage})) for stage in written)
    own = {key: merged[key] for key in _RUN_KEYS if key in merged}
    if stages[0].weights:  # where a run begins is one thing, said in one place
        own["weights"] = own.get("weights") or stages[0].weights
        stages = (replace(stages[0], weights=""), *stages[1:])
    config = Config(**{**_checked(Config, own), "stages": stages})
    check_config(config)
    return config


_SAID = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple[str, ...]: "a list of texts",
    dict[str, Any]: "a table",
}


def _checked(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of the types that the dataclass states, or refuse the first that is not."""
    hints = get_type_hints(kind)
    result: dict[str, Any] = {}
    for key, value in values.items():
        wanted = hints[key]
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if wanted == tuple[str, ...] and isinstance(value, str):
            value = (value,)
        elif wanted == tuple[str, ...] and isinstance(value, list | tuple):
            value = tuple(_text(item, key, "the settings") for item in value)
        elif type(value) is not (dict if key == "options" else wanted):
            said = _SAID.get(wanted, "text")
            raise InputError(f"{key} must be {said}, got {value!r}", hint="mend the setting")
        result[key] = value
    return result


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{key} in {where} must be text, got {value!r}", hint="put it in quotes")
    return value


def to_toml(config: Config) -> str:
    """Write the settings whole, as a file that `load_config` reads back to the same."""
    values = asdict(config)
    stages = values.pop("stages")
    lines = [f"{key} = {toml_value(value)}" for key, value in values.items()]
    for stage in stages:
        lines += [
            "",
            "[[stages]]",
            *(f"{key} = {toml_value(value)}" for key, value in stage.items()),
        ]
    return "\n".join(lines) + "\n"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"settings {file} cannot be read", hint="check the path") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"settings {file} are no TOML: {error}", hint="mend that line") from error
