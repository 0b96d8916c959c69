"""The false match rate at one threshold as a sum over pairs of people, and its variance.

With A_ij the accepted and N_ij all comparisons of people i and j, the rate is sum(A) / sum(N).
Its residuals e_ij = A_ij - rate * N_ij have the variance

    (4 / n) * Var(mean of e over j) + Var(e)'s own part z = sum over pairs of e_ij^2 / sum(N)^2

up to scale. Resampling people with multinomial weights w estimates the first part plus 3 z: the
means over j carry z twice over, and (w_i - 1)(w_j - 1) carries it once. So 2 z is taken off.
``tests/models/metrics/test_coverage.py`` shows that intervals cover as they say with it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from facegate.models.metrics.intervals import Figure, effective_degrees, share_interval

DENSE_PEOPLE = 2500
"""Up to here a full matrix of pairs of people is smaller and faster than a sparse one."""

Matrix = Any
"""A (people, people) array, dense or of scipy.sparse."""


def pair_counts(
    a: NDArray[np.int32], b: NDArray[np.int32], n_people: int, keep: NDArray[np.bool_] | None = None
) -> Matrix:
    """Count comparisons by the two people compared, float32 (n_people, n_people).

    Args:
        a, b: (m,), who was compared.
        n_people: people are numbered from 0.
        keep: (m,), which comparisons count; all where None.

    >>> one, other = np.int32([0, 0, 1]), np.int32([1, 1, 2])
    >>> pair_counts(one, other, 3).tolist()
    [[0.0, 2.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    if keep is not None:
        a, b = a[keep], b[keep]
    if n_people <= DENSE_PEOPLE:
        key = a.astype(np.int64) * n_people + b
        counts = np.bincount(key, minlength=n_people * n_people)
        return counts.reshape(n_people, n_people).astype(np.float32)
    ones = np.ones(a.size, np.float32)
    return sparse.coo_array((ones, (a, b)), shape=(n_people, n_people)).tocsr()


def quadratic(matrix: Matrix, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return sum of w_i * M_ij * w_j for each column w of weights (n_people, draws)."""
    return np.asarray(((matrix @ weights) * weights).sum(axis=0, dtype=np.float64))


def fmr_figure(accepted: Matrix, compared: Matrix, draws: NDArray[np.float32]) -> Figure:
    """Return the false match rate and its interval over resampled people.

    Args:
        accepted, compared: counts by pair of people, as ``pair_counts`` gives them.
        draws: (n_people, n_draws), as ``people_draws`` gives them.
    """
    n = float(compared.sum())
    rate = float(accepted.sum()) / n
    under = quadratic(compared, draws)
    rates = quadratic(accepted, draws) / np.where(under > 0, under, np.nan)
    residual = accepted - rate * compared
    residual = residual + residual.T
    by_person = np.asarray(residual.sum(axis=0)).reshape(-1)
    # Each pair of people stands twice in the symmetric matrix.
    own = float((residual.multiply(residual) if sparse.issparse(residual) else residual**2).sum())
    own /= 2 * n * n
    variance = max(float(np.nanvar(rates)) - 2 * own, own)
    has_any = np.asarray(compared.sum(axis=0) + compared.sum(axis=1)).reshape(-1) > 0
    n_people = int(np.count_nonzero(has_any))
    return share_interval(rate, variance, n_people, effective_degrees(by_person[has_any]))
