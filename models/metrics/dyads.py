"""The false match rate at one threshold as a sum over pairs of people, and its variance.

With A_ij the accepted and N_ij all comparisons of people i and j, the rate is sum(A) / sum(N).
Its residuals e_ij = A_ij - rate * N_ij have the variance

    (4 / n) * Var(mean of e over j) + Var(e)'s own part z = sum over pairs of e_ij^2 / sum(N)^2

up to scale. Resampling people with multinomial weights w estimates the first part plus 3 z: the
means over j carry z twice over, and (w_i - 1)(w_j - 1) carries it once. So 2 z is taken off.
``tests/models/metrics/test_coverage.py`` shows that intervals cover as they say with it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from facegate.models.metrics.intervals import (
    Figure,
    drawn_variance,
    effective_degrees,
    set_rate_interval,
    share_interval,
)

LEAST_SHARE = 0.5
"""Of the pairs' own part z, so much of it is the least variance. The estimate without bias falls
below z half of the time where people do not differ; cut off at z itself, intervals would hold 97
times in a hundred instead of 95 (``benchmarks/intervals``). It only must not reach 0."""

DENSE_PEOPLE = 2500
"""Up to here a full matrix of pairs of people is smaller and faster than a sparse one."""

Matrix = Any
"""A (people, people) array, dense or of scipy.sparse."""


def pair_counts(
    a: NDArray[np.int32],
    b: NDArray[np.int32],
    n_people: int,
    weights: NDArray[Any] | None = None,
) -> Matrix:
    """Sum comparisons by the two people compared, float32 (n_people, n_people).

    Args:
        a, b: (m,), who was compared.
        n_people: people are numbered from 0.
        weights: (m,), how much each counts: False for not at all; 1 where None.

    >>> one, other = np.int32([0, 0, 1]), np.int32([1, 1, 2])
    >>> pair_counts(one, other, 3).tolist()
    [[0.0, 2.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    if weights is not None and weights.dtype == bool:
        a, b, weights = a[weights], b[weights], None
    if n_people <= DENSE_PEOPLE:
        key = a.astype(np.int64) * n_people + b
        sums = np.bincount(key, weights, minlength=n_people * n_people)
        return sums.reshape(n_people, n_people).astype(np.float32)
    values = np.ones(a.size) if weights is None else weights
    shape = (n_people, n_people)
    return sparse.coo_array((values.astype(np.float32), (a, b)), shape=shape).tocsr()


def quadratic(matrix: Matrix, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return sum of w_i * M_ij * w_j for each column w of weights (n_people, draws)."""
    return np.asarray(((matrix @ weights) * weights).sum(axis=0, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Share:
    """A weighted share of comparisons under resampling of people.

    Attributes:
        value: the share; its variance over draws, and that variance's degrees of freedom.
        n_people: how many people are compared.
    """

    value: float
    variance: float
    degrees: float
    n_people: int

    @property
    def figure(self) -> Figure:
        """Return the share with its interval."""
        return share_interval(self.value, self.variance, self.n_people, self.degrees)


def share_of(
    counted: Matrix,
    compared: Matrix,
    draws: NDArray[np.float32],
    own_counted: NDArray[Any] | None = None,
    own_compared: NDArray[Any] | None = None,
) -> Share:
    """Return the share of comparisons that count, and how well it is known.

    Args:
        counted, compared: by pair of two people, as ``pair_counts`` gives them. What is counted
            may be negative, for the difference of two shares.
        draws: (n_people, n_draws), as ``people_draws`` gives them.
        own_counted, own_compared: (n_people,), comparisons of people with themselves.
    """
    none = np.zeros(len(draws))
    mine = none if own_counted is None else own_counted
    mine_all = none if own_compared is None else own_compared
    n = float(compared.sum() + mine_all.sum())
    share = float(counted.sum() + mine.sum()) / n
    under = quadratic(compared, draws) + mine_all @ draws
    shares = (quadratic(counted, draws) + mine @ draws) / np.where(under > 0, under, np.nan)
    residual = counted - share * compared
    residual = residual + residual.T
    # Each pair of people stands twice in the symmetric matrix.
    squares = residual.multiply(residual) if sparse.issparse(residual) else residual**2
    own = float(squares.sum()) / (2 * n * n)
    variance = max(drawn_variance(shares, len(draws)) - 2 * own, LEAST_SHARE * own)
    by_person = np.asarray(residual.sum(axis=0)).reshape(-1) + mine - share * mine_all
    has_any = np.asarray(compared.sum(axis=0) + compared.sum(axis=1)).reshape(-1) + mine_all > 0
    degrees = effective_degrees(by_person[has_any], of_pairs=True)
    return Share(share, variance, degrees, int(np.count_nonzero(has_any)))


def set_rate_figure(accepted: Matrix, compared: Matrix, draws: NDArray[np.float32]) -> Figure:
    """Return the false match rate at a threshold that these comparisons set, and its interval.

    Args:
        accepted, compared, draws: as ``fmr_figure`` has them.
    """
    share = share_of(accepted, compared, draws)
    return set_rate_interval(share.value, share.variance, share.n_people, share.degrees)


def fmr_figure(accepted: Matrix, compared: Matrix, draws: NDArray[np.float32]) -> Figure:
    """Return the false match rate and its interval over resampled people.

    Args:
        accepted, compared: counts by pair of people, as ``pair_counts`` gives them.
        draws: (n_people, n_draws), as ``people_draws`` gives them.
    """
    return share_of(accepted, compared, draws).figure
