"""The card of what a run trained, and the model that goes with it."""

from pathlib import Path

import numpy as np

from facegate.models.card import Card
from facegate.models.training.alignment import template_for
from facegate.models.training.finish import finish_model
from facegate.models.training.loop import Trainer
from facegate.models.training.material import Material


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
    template = template_for(size, size)
    name = config.name or card_name(folder.name)
    own = ":" in config.net
    card = Card(
        name=name,
        title=f"{name}, trained by facegate",
        architecture="file" if own else config.net,
        file=f"{name}.xml" if own else f"{name}.safetensors",
        dim=config.dim,
        licence=config.licence,
        training_data=config.about or _about(material),
        teacher=", ".join(config.teacher) or None,
        source="facegate train",
        input_size=size,
        colour="RGB",
        mean=(127.5, 127.5, 127.5),
        std=(127.5, 127.5, 127.5),
        alignment="landmarks",
        template=tuple((round(float(x), 4), round(float(y), 4)) for x, y in template),
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
    """
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
    return "-".join(part for part in kept.lower().split("-") if part)[:48] or "mine"


def _about(material: Material) -> str:
    labelled = int((material.labels >= 0).sum())
    text = f"{labelled} images of {material.n_identities} identities"
    free = len(material.labels) - labelled
    return f"{text} and {free} images without identity" if free else text
