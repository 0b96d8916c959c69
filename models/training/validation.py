"""How good a net is on people it was not trained on: what checkpoints are chosen by."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from facegate.data.augment import centre
from facegate.errors import InputError
from facegate.models.metrics.errors import fnmr_at, is_resolvable, roc, threshold_at_fmr
from facegate.models.metrics.pairs import genuine_pairs, impostor_scores, n_impostor_pairs
from facegate.models.metrics.rates import rate_grid
from facegate.models.values import Floats, Pixels

WANTED_FMR = 1e-3
BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """People held out of training.

    Attributes:
        crops: uint8 (n, side, side, 3).
        people: int64 (n,), who is on each.
    """

    crops: Pixels
    people: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at split val; means over people, at most ten genuine pairs of each.

    Attributes:
        tar: true accept rate at ``fmr``, 0 to 1; checkpoints are chosen by it (`worth`).
        fmr: 1e-3, or the smallest rate that the number of impostor pairs supports.
        threshold: at ``fmr``.
        eer: equal error rate.
    """

    tar: float
    fmr: float
    threshold: float
    eer: float

    @property
    def worth(self) -> tuple[float, float]:
        """What looks are compared by: ``tar``, and where few pairs give the same one, ``eer``."""
        return self.tar, -self.eer

    def facts(self) -> dict[str, float]:
        """Return the numbers by name."""
        return asdict(self)


def check_held(held: Held, split: str) -> float:
    """Return the false match rate to look at, or refuse people who cannot show one.

    Raises:
        InputError: nobody has two images, or there are too few people.
    """
    return check_people(held.people, split)


def check_people(people: NDArray[np.int64], split: str) -> float:
    """Return the false match rate that images of these people can show.

    Args:
        people: int64 (n,), who is on each image.
        split: for the message.

    Raises:
        InputError: nobody has two images, or there are too few people.
    """
    if not len(people):
        raise InputError(
            f"nobody is left for split {split}",
            hint="add people, of whom a tenth goes there, or name the splits in a manifest",
        )
    if not genuine_pairs(people).n:
        raise InputError(
            f"nobody in split {split} has two images",
            hint="add photographs, or name the splits in a manifest",
        )
    n_impostor = n_impostor_pairs(people)
    if is_resolvable(WANTED_FMR, n_impostor):
        return WANTED_FMR
    grid = rate_grid(n_impostor)
    if not grid:
        raise InputError(
            f"split {split} has {n_impostor} pairs of different people, too few for any rate",
            hint="add people: at least 20 such pairs are needed",
        )
    return grid[-1]


def look(embeddings: Floats, people: NDArray[np.int64], fmr: float) -> Look:
    """Measure unit embeddings at a false match rate that their number supports."""
    pairs = genuine_pairs(people)
    same = pairs.scores(embeddings)
    different = impostor_scores(embeddings, people)
    threshold = threshold_at_fmr(different, fmr)
    curve = roc(same, different, pairs.weights)
    return Look(
        tar=1 - fnmr_at(same, threshold, pairs.weights),
        fmr=fmr,
        threshold=threshold,
        eer=curve.eer,
    )


def embed(
    net: nn.Module,
    crops: Pixels,
    size: int,
    *,
    device: torch.device,
    autocast: Callable[[], AbstractContextManager[object]],
) -> Floats:
    """Return unit embeddings of the middle of each crop, by a net in evaluation mode."""
    found = []
    with torch.inference_mode(), autocast():
        for start in range(0, len(crops), BATCH):
            part = torch.from_numpy(np.ascontiguousarray(crops[start : start + BATCH]))
            images = centre(part.to(device), size).sub_(127.5).div_(127.5)
            rows = net(images.contiguous(memory_format=torch.channels_last)).float()
            found.append(nn.functional.normalize(rows, dim=1).cpu().numpy())
    return np.concatenate(found)
