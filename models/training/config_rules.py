"""Which settings of a training run make sense, each alone and together."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from facegate.errors import InputError

if TYPE_CHECKING:
    from facegate.models.training.config import Config

_AT_LEAST = {
    **dict.fromkeys(("dim", "evaluate", "steps", "p", "k"), 1),
    **dict.fromkeys(("extra", "uniform", "alike", "classifier", "distil", "warm_up"), 0),
    **dict.fromkeys(("weight_decay", "chunk", "threads", "patience", "seed", "ema"), 0),
    **dict.fromkeys(("size", "crop"), 8),
}


def check_config(config: "Config") -> None:
    """Refuse settings that cannot be, or that contradict each other.

    Raises:
        InputError: the first such setting, with what would do.
    """
    values = asdict(config)
    for part in (values, *values["stages"]):
        for key, value in part.items():
            if key in _AT_LEAST and value < _AT_LEAST[key]:
                raise InputError(f"{key} must be at least {_AT_LEAST[key]}, got {value}")
    if config.crop < config.size:
        raise InputError(
            f"crop ({config.crop}) is smaller than size ({config.size})",
            hint="images are stored at crop and cut to size",
        )
    if not 0 <= config.ema < 1:
        raise InputError(f"ema must lie in 0..1, got {config.ema}", hint="0.999 is usual")
    for stage in config.stages:
        if not stage.lr > 0 or not stage.clip > 0:
            raise InputError(f"stage {stage.name}: lr and clip must be above 0")
        if stage.distil and not (config.teacher or config.finetune):
            raise InputError(f"stage {stage.name} distils without a teacher", hint="set teacher")
        if stage.loss == "none" and not stage.distil:
            raise InputError(f"stage {stage.name} learns nothing", hint="set loss or distil")
        if stage.compares and min(stage.p, stage.k) < 2:
            raise InputError(
                f"stage {stage.name} compares images: p and k must be at least 2, "
                f"got {stage.p} and {stage.k}",
                hint="p = 32 and k = 4 are usual",
            )
    _check_teaching(config)


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
