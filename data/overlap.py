"""Whether people of a training set are also in an evaluation set.

A training set that holds the people of the exam makes the exam worthless; half of LFW's people
are in the large public sets. Names find those who are spelt alike, embeddings the others.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegate.data.dataset import Dataset

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Meeting:
    """One person who may be in both sets.

    Attributes:
        here, there: the identity's key in the training set and in the other.
        score: cosine similarity of the two nearest images, or None where the names are equal.
    """

    here: str
    there: str
    score: float | None


def same_names(here: Dataset, there: Dataset) -> list[Meeting]:
    """Return identities whose keys are alike but for case, accents and punctuation.

    Plain numbers are passed over: two sets that count their people from 1 share no people.
    """
    others = {_bare(key): key for key in there.identities}
    found = ((key, others.get(_bare(key))) for key in here.identities if not key.isdigit())
    return [Meeting(key, other, None) for key, other in found if other is not None]


def look_alikes(
    here: Rows,
    here_names: Sequence[str],
    there: Rows,
    there_names: Sequence[str],
    *,
    threshold: float,
) -> list[Meeting]:
    """Return identities that look like one of the other set, the most alike first.

    Args:
        here, there: float32 (n, d) and (m, d) unit rows of one model.
        here_names, there_names: whose each row is.
        threshold: of the model's card, at a rate such as 1e-4; below it nothing is reported.

    Returns:
        For each identity of the training set the nearest of the other, once.
    """
    best: dict[str, Meeting] = {}
    for start in range(0, len(here), 1024):
        scores = here[start : start + 1024] @ there.T
        nearest = scores.argmax(axis=1)
        for row, column in enumerate(nearest):
            score = float(scores[row, column])
            name = here_names[start + row]
            known = best.get(name)
            if score >= threshold and (known is None or score > (known.score or -1)):
                best[name] = Meeting(name, there_names[int(column)], round(score, 4))
    return sorted(best.values(), key=lambda meeting: -(meeting.score or 0))


def _bare(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())
