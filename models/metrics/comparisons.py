"""The scores of a protocol, and whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.models.metrics.errors import Counts, Scores
from facegate.models.metrics.pairs import (
    Indices,
    genuine_pairs,
    impostor_blocks,
    n_impostor_pairs,
    person_indices,
)
from facegate.models.values import Floats

MAX_PAIRS = 400_000_000
"""Impostor pairs that are kept at once: 12 bytes each, so 4.8 GB."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Genuine and impostor scores with the people behind them.

    Attributes:
        genuine: (n,) scores of one person with themselves; -inf where a face was not found.
        genuine_person: int (n,), who.
        genuine_weight: float64 (n,), how much each counts: 1 where pairs count, one over the
            person's number of pairs where people count.
        impostor: (m,) scores of two people; -inf where a face was not found.
        person_a, person_b: int32 (m,), who.
        n_people: people are numbered 0 to n_people - 1.
    """

    genuine: Scores
    genuine_person: Indices
    genuine_weight: Counts
    impostor: Scores
    person_a: NDArray[np.int32]
    person_b: NDArray[np.int32]
    n_people: int

    @property
    def n_genuine_people(self) -> int:
        """Return how many people have a genuine pair."""
        return int(np.unique(self.genuine_person).size)

    @property
    def n_impostor_people(self) -> int:
        """Return how many people have an impostor pair."""
        return int(np.unique(np.concatenate([self.person_a, self.person_b])).size)


def compare_people(embeddings: Floats, people: Sequence[Any] | NDArray[Any]) -> Comparisons:
    """Compare a set of people: all impostor pairs, at most ten genuine pairs a person.

    Args:
        embeddings: (n, d) unit rows.
        people: (n,) who is in each row.

    Raises:
        ValueError: more pairs than memory should be spent on.
    """
    index = person_indices(people)
    n_pairs = n_impostor_pairs(people)
    if n_pairs > MAX_PAIRS:
        raise ValueError(f"{n_pairs:,} impostor pairs are more than the {MAX_PAIRS:,} kept at once")
    scores = np.empty(n_pairs, np.float32)
    a, b = np.empty(n_pairs, np.int32), np.empty(n_pairs, np.int32)
    filled = 0
    for i, j, block in impostor_blocks(embeddings, people):
        end = filled + block.size
        scores[filled:end], a[filled:end], b[filled:end] = block, index[i], index[j]
        filled = end
    pairs = genuine_pairs(people)
    n_people = int(index.max()) + 1 if index.size else 0
    return Comparisons(
        pairs.scores(embeddings), pairs.person, pairs.weights, scores, a, b, n_people
    )
