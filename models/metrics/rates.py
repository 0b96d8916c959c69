"""The table of thresholds that a model's card carries: one threshold for each false match rate."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from facegate.models.card import Rate
from facegate.models.metrics.errors import fnmr_at, is_resolvable, thresholds_at_fmr
from facegate.models.metrics.pairs import genuine_pairs, impostor_scores
from facegate.models.values import Floats

LARGEST_RATE = 0.5


def rate_grid(n_impostor: int) -> list[float]:
    """Return 0.5, 0.2, 0.1, 0.05 … down to the smallest rate that n comparisons resolve.

    >>> rate_grid(1000)
    [0.5, 0.2, 0.1, 0.05, 0.02, 0.01]
    """
    steps = (float(f"{digit}e-{power}") for power in range(1, 16) for digit in (5, 2, 1))
    return [rate for rate in steps if rate <= LARGEST_RATE and is_resolvable(rate, n_impostor)]


def rate_table(
    embeddings: Floats, people: Sequence[Any] | NDArray[Any], *, protocol: str
) -> tuple[Rate, ...]:
    """Measure the thresholds of a model on people that it was not trained on.

    False matches are counted over all pairs of different people; false non-matches are the mean
    over people, with at most ten genuine pairs of each.

    Args:
        embeddings: (n, d) unit rows.
        people: (n,) who is in each row.
        protocol: what was compared, in words, such as "people, split cal, 618 people".

    Returns:
        One rate a step of the 1-2-5 grid, from 0.5 down to the smallest that the number of
        impostor pairs supports (ten expected errors). 4,475 rows take about two seconds.

    Raises:
        ValueError: if nobody has two rows, or there are fewer than twenty impostor pairs.
    """
    pairs = genuine_pairs(people)
    if not pairs.n:
        raise ValueError("no person has two embeddings, so no false non-match rate exists")
    same = pairs.scores(embeddings)
    different = impostor_scores(embeddings, people)
    grid = rate_grid(different.size)
    if not grid:
        raise ValueError(f"{different.size} impostor pairs support no rate: at least 20 are needed")
    thresholds = thresholds_at_fmr(different, grid)
    return tuple(
        Rate(
            fmr=fmr,
            score=threshold,
            fnmr=fnmr_at(same, threshold, pairs.weights),
            impostors=int(different.size),
            genuine=pairs.n,
            protocol=protocol,
        )
        for fmr, threshold in zip(grid, thresholds, strict=True)
    )
