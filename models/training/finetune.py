"""Make a model of facegate's own better on the user's people, without spoiling it for others.

Most of the user's people are trained on, except for a third of each one's photographs; the rest
of the people are not trained on at all. The first show whether the model improved where it
should, the second whether strangers pay for it. The model as it was is the teacher.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from facegate.data.dataset import Dataset
from facegate.data.splits import place_of
from facegate.errors import InputError
from facegate.models.shelf.weights import checked_weights
from facegate.models.training.alignment import TEMPLATE_PX
from facegate.models.training.config import Config
from facegate.models.training.loop import Trainer
from facegate.models.training.material import (
    Material,
    Progress,
    Sources,
    apart,
    check_trainable,
    decode,
    hash_of,
)
from facegate.models.training.net import make_net
from facegate.models.training.teacher import ask
from facegate.models.training.validation import (
    Held,
    Look,
    check_held,
    check_people,
    embed,
    look,
)
from facegate.models.values import Pixels
from facegate.models.zoo import card

SALT = "facegate finetune 1"
HELD_OUT = 3
"""Every third photograph of a person is not trained on."""

LEAST_IMAGES = 3
LEAST_PEOPLE = 4
OWN, STRANGERS = "of your people", "of strangers"
MOST_LOST = 0.01
"""True accept rate that strangers may lose before the tuned model is refused."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What fine-tuning came to.

    Attributes:
        own_before, own_after: on photographs of the trained people that were not trained on.
        strangers_before, strangers_after: on people that were not trained on.
    """

    own_before: Look
    own_after: Look
    strangers_before: Look
    strangers_after: Look

    @property
    def is_better(self) -> bool:
        """Say whether the tuned model is worth keeping."""
        lost = self.strangers_before.tar - self.strangers_after.tar
        return self.own_after.worth > self.own_before.worth and lost <= MOST_LOST


def tuned_config(config: Config) -> Config:
    """Return the settings with net, sizes and weights of the model that is to be tuned.

    Settings that name none come back as they are.

    Raises:
        InputError: no such model, or one that facegate cannot train; settings that say of the
            start or the teacher something else.
        ModelMissingError, WeightsError: its weights are not here, or damaged.
    """
    if not config.finetune:
        return config
    base = card(config.finetune)
    trainable = base.architecture.startswith("plain-")
    if not trainable or base.mean != (127.5,) * 3 or base.std != (127.5,) * 3:
        raise InputError(
            f"{base.name} cannot be fine-tuned", hint="only models that facegate trained can be"
        )
    if len(config.stages) > 1:
        raise InputError("finetune takes one stage", hint="leave the others out")
    tuned = replace(
        config,
        net=base.architecture,
        dim=base.dim,
        size=base.input_size,
        crop=_crop_for(config, base.input_size),
        weights=str(checked_weights(base).path),
        teacher=(base.name,),
        unlabelled=(),
        # One look, at the end: the photographs that judge the outcome must not choose it.
        evaluate=config.stages[0].steps,
        licence=f"as {base.name}: {base.licence}"
        if config.licence == "not stated"
        else config.licence,
    )
    plain = Config()
    for key in ("net", "weights", "teacher", "unlabelled", "evaluate"):
        if getattr(config, key) not in (getattr(plain, key), getattr(tuned, key)):
            raise InputError(
                f"{key} does not go with finetune", hint=f"leave it out: {base.name} is tuned"
            )
    return tuned


def _crop_for(config: Config, size: int) -> int:
    """Return the side to store: as asked, else as much room as the usual 128 leave around 112."""
    if config.crop != Config().crop:
        return max(config.crop, size)
    return round(config.crop * size / TEMPLATE_PX)


def gather_own(config: Config, sources: Sources, *, progress: Progress | None = None) -> Material:
    """Decode the user's people and deal them out.

    Raises:
        InputError: too few people, or too few photographs of each.
    """
    dataset = sources.dataset
    mine, theirs = _deal(dataset)
    both = [(decode(mine.files, config, "photographs", progress), mine)]
    both.append((decode(theirs.files, config, "photographs of strangers", progress), theirs))
    (crops, others), conflicts = apart(both)
    labels = mine.labels[crops.rows]
    held = _is_held_out(labels)
    for name, n in (("your people", int((~held).sum())), ("strangers", len(others.rows))):
        if n < 4:
            raise InputError(
                f"only {n} photographs of {name} show a face", hint="run --audit to see why"
            )
    check_trainable(config, labels[~held])
    trained: Pixels = np.ascontiguousarray(crops.pixels[~held])
    val = Held(crops.pixels[held], labels[held])
    away = Held(others.pixels, theirs.labels[others.rows])
    # Held-out photographs are few: a person's trained ones stand beside them as the other half
    # of genuine pairs, as an enrolled photograph would.
    val = Held(
        np.concatenate([val.crops, _firsts(trained, labels[~held])]),
        np.concatenate([val.people, np.unique(labels[~held])]),
    )
    check_held(val, OWN)
    check_held(away, STRANGERS)
    return Material(
        crops=trained,
        labels=labels[~held],
        n_identities=len(mine.identities),
        val=val,
        cal=away,
        targets=ask(config.teacher, trained, size=config.size)[0],
        facts={
            "people": len(mine.identities),
            "strangers": len(theirs.identities),
            "left_out": len(crops.left_out) + len(others.left_out),
            "conflicts": conflicts,
            "data_hash": hash_of(dataset, sources.unlabelled),
        },
    )


def judge(trainer: Trainer) -> Judgement:
    """Compare the model before and after, on both kinds of people."""
    before = make_net(trainer.config).to(trainer.device).eval()
    material = trainer.material

    def see(net: torch.nn.Module, held: Held, split: str) -> Look:
        rows = embed(
            net,
            held.crops,
            trainer.config.size,
            device=trainer.device,
            autocast=trainer.autocast,
        )
        return look(rows, held.people, check_held(held, split))

    after = trainer.average.net
    return Judgement(
        own_before=see(before, material.val, "val"),
        own_after=see(after, material.val, "val"),
        strangers_before=see(before, material.cal, "cal"),
        strangers_after=see(after, material.cal, "cal"),
    )


def _deal(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Return the people that are trained on, and the strangers; nothing is decoded for it.

    Raises:
        InputError: too few people or photographs to judge either by.
    """
    counts = dataset.counts
    enough = [i for i in range(len(counts)) if counts[i] >= LEAST_IMAGES]
    order = sorted(enough, key=lambda i: place_of(dataset.identities[i], salt=SALT))
    n_strangers = max(2, len(enough) // 4)
    strangers, own = order[:n_strangers], order[n_strangers:]
    if len(own) < LEAST_PEOPLE - 2 or len(enough) < LEAST_PEOPLE:
        raise InputError(
            f"{len(enough)} people have {LEAST_IMAGES} photographs or more; "
            f"fine-tuning takes {LEAST_PEOPLE} at least",
            hint="add people, and several photographs of each",
        )
    mine, theirs = dataset.only(own), dataset.only(strangers)
    kept = np.concatenate([mine.labels[_is_held_out(mine.labels)], np.arange(len(own))])
    check_people(kept, OWN)  # before anything is decoded
    check_people(theirs.labels, STRANGERS)
    return mine, theirs


def _is_held_out(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which photographs are not trained on; labels (n,) stand in rising order."""
    place = np.concatenate([np.arange(n) for n in np.bincount(labels, minlength=1)])
    held: NDArray[np.bool_] = place % HELD_OUT == HELD_OUT - 1
    return held


def _firsts(crops: Pixels, labels: NDArray[np.int64]) -> Pixels:
    """Return the first crop of each label, in the order of the labels."""
    _, first = np.unique(labels, return_index=True)
    return crops[first]
