"""The card of what a run trained, and the model that goes with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from facegate.models.card import MODEL_ID, Card, Part
from facegate.models.card_rules import check_card
from facegate.models.training.alignment import template_for
from facegate.models.training.config import Config
from facegate.models.training.finish import finish_model
from facegate.models.training.loop import Trainer
from facegate.models.training.material import Material


def plan_card(config: Config, folder: Path) -> Card:
    """Return the card of the model that a run will end with, as far as its settings say.

    Args:
        config: the run's settings.
        folder: of the run; its name is the model's where the settings give none.

    Raises:
        CardError: no card may say this; found before the run, not after it.
    """
    size = config.size
    template = template_for(size, size)
    name = config.name or card_name(folder.name)
    own = ":" in config.net
    card = Card(
        name=name,
        title=f"{name}, trained by facegate",
        architecture="file" if own else config.net,
        file=f"{name}.xml" if own else f"{name}.safetensors",
        files=(Part(f"{name}.bin"),) if own else (),
        dim=config.dim,
        licence=config.licence,
        training_data=config.about or "counted at the end",
        teacher=", ".join(config.teacher) or None,
        source="facegate train",
        input_size=size,
        colour="RGB",
        mean=(127.5, 127.5, 127.5),
        std=(127.5, 127.5, 127.5),
        alignment="landmarks",
        template=tuple((round(float(x), 4), round(float(y), 4)) for x, y in template),
    )
    check_card(card, where=f"of {folder}")
    return card


def finish_run(trainer: Trainer, folder: Path) -> Card:
    """Write the best weights of a run as a model: weight file, card, thresholds.

    Raises:
        InputError: split cal is too small to measure a threshold on.
    """
    config, material, best = trainer.config, trainer.material, trainer.place.best
    assert best is not None
    cal, size = material.cal, config.size
    border = (config.crop - size) // 2
    crops = cal.crops[:, border : border + size, border : border + size]
    card = replace(
        plan_card(config, folder),
        training_data=config.about or _about(config, material),
        measured={
            "val": best.facts(),
            "training": {
                "images": trainer.place.images,
                "hours": round(trainer.place.seconds / 3600, 2),
                "seed": config.seed,
            },
        },
    )
    return finish_model(
        folder,
        trainer.average.net,
        card,
        crops=crops,
        people=cal.people,
        protocol=f"split cal, {len(np.unique(cal.people))} people, {len(crops)} crops",
    )


def card_name(text: str) -> str:
    """Return a name that a card may carry, made from the name of a folder.

    >>> card_name("My run (2)")
    'my-run-2'
    >>> card_name("tried-202611252245")
    'tried-202611252245-run'
    """
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
    name = "-".join(part for part in kept.lower().split("-") if part)[:48].strip("-") or "mine"
    # Twelve digits at the end, such as a date with its time, would read as those of a model id.
    return f"{name}-run" if MODEL_ID.fullmatch(name) else name


def _about(config: Config, material: Material) -> str:
    labelled = int((material.labels >= 0).sum())
    text = f"{labelled} images of {material.n_identities} identities"
    if config.finetune:
        return f"that of {config.finetune}, then {text}"
    free = len(material.labels) - labelled
    return f"{text} and {free} images without identity" if free else text
