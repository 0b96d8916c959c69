"""Which settings of a training run make sense, each alone and together.

A wrong word that is found when it is first needed is found after the images were decoded, or
after hours of training.
"""

import difflib
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from facegate.data.text import printable
from facegate.errors import InputError

if TYPE_CHECKING:
    from facegate.models.training.config import Config, Stage

WORDS = {
    "augment": ("faces", "light", "none"),
    "device": ("auto", "cpu", "cuda"),
    "precision": ("auto", "f32", "bf16"),
    "optimizer": ("adamw", "muon", "sgd"),
}
"""Settings that are one of a few words; those of a loss are checked by the loss."""

_AT_LEAST = {
    **dict.fromkeys(("dim", "evaluate", "steps", "p", "k"), 1),
    **dict.fromkeys(("extra", "uniform", "alike", "classifier", "distil", "warm_up"), 0),
    **dict.fromkeys(("weight_decay", "chunk", "threads", "patience", "seed", "ema"), 0),
    "checkpoint": 0,
    **dict.fromkeys(("size", "crop"), 8),
}
_AT_MOST = {"alike": 1, "seed": 2**32 - 1}


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or all of them where none is near.

    >>> nearest("margn", ["margin", "metric"])
    "did you mean 'margin'?"
    >>> nearest("x", ["b", "a"])
    'one of a, b'
    """
    words = list(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"one of {', '.join(sorted(words))}"


def check_config(config: "Config") -> None:
    """Refuse settings that cannot be, or that contradict each other.

    Raises:
        InputError: the first such setting, with what would do.
    """
    values = asdict(config)
    for part in (values, *values["stages"]):
        for key, value in part.items():
            _check_value(key, value)
    if config.crop < config.size:
        raise InputError(
            f"crop ({config.crop}) is smaller than size ({config.size})",
            hint="images are stored at crop and cut to size",
        )
    if not 0 <= config.ema < 1:
        raise InputError(f"ema must lie in 0..1, got {config.ema}", hint="0.999 is usual")
    for stage in config.stages:
        _check_stage(stage)
        if stage.distil and not (config.teacher or config.finetune):
            raise InputError(f"stage {stage.name} distils without a teacher", hint="set teacher")
    _check_teaching(config)


def _check_value(key: str, value: Any) -> None:
    if isinstance(value, float) and math.isnan(value):
        raise InputError(f"{key} must be a number, got {value}", hint="mend the setting")
    for text in value if isinstance(value, tuple) else (value,):
        if isinstance(text, str) and not text.isascii():
            _check_text(key, text)
    if key in _AT_LEAST and value < _AT_LEAST[key]:
        raise InputError(f"{key} must be at least {_AT_LEAST[key]}, got {value}")
    if key in _AT_MOST and value > _AT_MOST[key]:
        raise InputError(f"{key} must be at most {_AT_MOST[key]}, got {value}")
    if key in WORDS and value not in WORDS[key]:
        raise InputError(f"{key} {value!r} is not known", hint=f"one of {', '.join(WORDS[key])}")


def _check_text(key: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # a file's name may be any bytes, the settings are text
        raise InputError(
            f"{key} {printable(text)} is no UTF-8", hint="rename it, or name a link to it"
        ) from error


def _check_stage(stage: "Stage") -> None:
    if not 0 < stage.lr < math.inf or not stage.clip > 0:
        raise InputError(f"stage {stage.name}: lr and clip must be above 0")
    if stage.loss == "none" and not stage.distil:
        raise InputError(f"stage {stage.name} learns nothing", hint="set loss or distil")
    if not stage.compares and not (stage.scale > 0 and stage.margin >= 0):
        raise InputError(
            f"stage {stage.name}: scale must be above 0 and margin at least 0, "
            f"got {stage.scale} and {stage.margin}",
            hint="scale = 64 and margin = 0.35 are usual",
        )
    if stage.compares and min(stage.p, stage.k) < 2:
        raise InputError(
            f"stage {stage.name} compares images: p and k must be at least 2, "
            f"got {stage.p} and {stage.k}",
            hint="p = 32 and k = 4 are usual",
        )


def _check_teaching(config: "Config") -> None:
    """Refuse teachers whom no stage listens to, and images that nobody speaks of."""
    if config.finetune or any(stage.distil for stage in config.stages):
        return
    hint = "set distil, such as --set distil=1.0"
    if config.teacher:
        raise InputError("a teacher is named, but no stage learns from it", hint=hint)
    if config.unlabelled:
        raise InputError(
            "images without identity teach only through a teacher, and none is listened to",
            hint="name a teacher and set distil, or leave them out",
        )
