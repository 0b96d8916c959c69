"""Which embeddings of a set of people are compared with which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.models.values import Floats

PAIRS_A_PERSON = 10
"""More genuine pairs of one person would let a few much-photographed people decide."""

BLOCK = 1024
"""Rows scored at once. Fixed, because the size of a matrix product changes the last bits."""

SCORE_DIGITS = 6
"""Digits of a score that count. Beyond them it depends on how products are summed up: two scores of
a photograph with itself would differ, and one of one person be above one of two people."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class GenuinePairs:
    """Pairs of rows that show the same person.

    Attributes:
        first, second: int64 (n,), rows; first < second.
        person: int64 (n,), the index of the person among the sorted distinct people.
        weights: float64 (n,), one over the person's number of pairs: each person counts once.
    """

    first: Indices
    second: Indices
    person: Indices
    weights: NDArray[np.float64]

    @property
    def n(self) -> int:
        """Return the number of pairs."""
        return int(self.first.size)

    def scores(self, embeddings: Floats) -> Floats:
        """Return the cosine similarity of each pair, float32 (n,)."""
        product = np.einsum("nd,nd->n", embeddings[self.first], embeddings[self.second])
        return rounded(product)


def rounded(scores: NDArray[Any]) -> Floats:
    """Return scores without the digits that mean nothing, float32.

    >>> bool(rounded(np.float32([0.9999999]))[0] == rounded(np.float32([1.0000001]))[0])
    True
    """
    return np.asarray(np.round(np.asarray(scores, np.float32), SCORE_DIGITS), np.float32)


def person_indices(people: Sequence[Any] | NDArray[Any]) -> Indices:
    """Number people by their sorted labels.

    >>> person_indices(["b", "a", "b"]).tolist()
    [1, 0, 1]
    """
    return np.unique(np.asarray(people), return_inverse=True)[1].reshape(-1).astype(np.int64)


def genuine_pairs(
    people: Sequence[Any] | NDArray[Any], *, limit: int = PAIRS_A_PERSON
) -> GenuinePairs:
    """Choose at most ``limit`` pairs of each person, always the same ones.

    Of more pairs, taken in reading order (0,1) (0,2) … (1,2) …, equally spaced ones are kept, so
    that they involve many photographs.

    >>> pairs = genuine_pairs(["a", "a", "a", "b", "c", "c"])
    >>> list(zip(pairs.first.tolist(), pairs.second.tolist()))
    [(0, 1), (0, 2), (1, 2), (4, 5)]
    >>> pairs.weights.round(2).tolist()
    [0.33, 0.33, 0.33, 1.0]
    """
    index = person_indices(people)
    order = np.argsort(index, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(index[order])) + 1) if order.size else []
    first, second, person, weights = [], [], [], []
    for rows in groups:
        a, b = np.triu_indices(rows.size, 1)
        if a.size > limit:
            kept = np.arange(limit) * a.size // limit
            a, b = a[kept], b[kept]
        first.append(rows[a])
        second.append(rows[b])
        person.append(index[rows[a]])
        weights.append(np.full(a.size, 1 / max(1, a.size)))
    if not first:
        none = np.zeros(0, np.int64)
        return GenuinePairs(none, none, none, np.zeros(0))
    return GenuinePairs(
        np.concatenate(first).astype(np.int64),
        np.concatenate(second).astype(np.int64),
        np.concatenate(person),
        np.concatenate(weights),
    )


def n_impostor_pairs(people: Sequence[Any] | NDArray[Any]) -> int:
    """Count the pairs of rows that show different people.

    >>> n_impostor_pairs(["a", "a", "b"])
    2
    """
    n_each = np.bincount(person_indices(people), minlength=1).astype(np.int64)
    return int((n_each.sum() ** 2 - (n_each**2).sum()) // 2)


def impostor_blocks(
    embeddings: Floats, people: Sequence[Any] | NDArray[Any]
) -> Iterator[tuple[Indices, Indices, Floats]]:
    """Go through all pairs of rows that show different people, each pair once.

    Yields:
        Rows i, rows j > i, and their scores float32, for up to a thousand rows i at a time.
        Memory: about 25 bytes for each pair of one block.
    """
    for start, wanted, scores in _blocks(embeddings, people):
        i, j = np.nonzero(wanted)
        yield i + start, j + start, scores[wanted]


def impostor_scores(embeddings: Floats, people: Sequence[Any] | NDArray[Any]) -> Floats:
    """Return the scores of all pairs of rows that show different people, float32.

    Memory: 4 bytes a pair; 4,475 crops of 618 people are ten million pairs.

    >>> rows = np.eye(3, dtype=np.float32)
    >>> impostor_scores(rows, ["a", "a", "b"]).tolist()
    [0.0, 0.0]
    """
    result = np.empty(n_impostor_pairs(people), np.float32)
    filled = 0
    for _, wanted, scores in _blocks(embeddings, people):
        block = scores[wanted]
        result[filled : filled + block.size] = block
        filled += block.size
    return result


def _blocks(
    embeddings: Floats, people: Sequence[Any] | NDArray[Any]
) -> Iterator[tuple[int, NDArray[np.bool_], Floats]]:
    """Yield the first row of a block, which of its pairs count, and scores from that row on."""
    index = person_indices(people)
    rows = np.ascontiguousarray(embeddings, np.float32)
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        wanted = index[start:stop, None] != index[None, start:]
        wanted[:, : stop - start] &= np.triu(np.ones((stop - start,) * 2, bool), 1)
        yield start, wanted, rounded(rows[start:stop] @ rows[start:].T)
