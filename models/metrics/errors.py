"""Error rates of scores, and the thresholds that keep them.

A score is a cosine similarity: higher is more alike, and a score on the threshold is accepted.
``*_rate``, ``fmr`` and ``fnmr`` shrink with quality; ``auc`` and ``tar`` grow with it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.floating[Any]]
Counts = NDArray[np.float64]

PAIRS_PER_ERROR_RATE = 10
"""A rate is resolvable from n impostor comparisons when n >= 10 / rate."""


def smallest_rate(n_impostor: int) -> float:
    """Return the smallest FMR that this many impostor comparisons can resolve, at most 1.

    >>> smallest_rate(3000) <= 0.0034
    True
    """
    return min(1.0, PAIRS_PER_ERROR_RATE / n_impostor) if n_impostor else 1.0


def is_resolvable(rate: float, n_impostor: int) -> bool:
    """Say whether at least ten of n comparisons are expected to err at this rate.

    >>> is_resolvable(1e-2, 1000), is_resolvable(1e-3, 1000)
    (True, False)
    """
    # 10 / 0.01 is 1000 and 10 / 1e-5 is 1000000.0000000001: the rule is about whole numbers.
    return rate > 0 and n_impostor >= round(PAIRS_PER_ERROR_RATE / rate, 6)


def is_low_confidence(rate: float, n_impostor: int) -> bool:
    """Say whether fewer than a hundred of n comparisons are expected to err at this rate."""
    return n_impostor < round(10 * PAIRS_PER_ERROR_RATE / rate, 6)


def fmr_at(impostor: ArrayLike, threshold: float) -> float:
    """Return the share of impostor scores that are accepted.

    >>> fmr_at([0.1, 0.2, 0.3, 0.4], 0.3)
    0.5
    """
    scores = np.asarray(impostor)
    _some(scores, "impostor")
    return float(np.count_nonzero(scores >= threshold) / scores.size)


def fnmr_at(genuine: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> float:
    """Return the share of genuine scores that are rejected, by weight where weights are given.

    >>> fnmr_at([0.3, 0.5, 0.9, 0.9], 0.5)
    0.25
    """
    scores = np.asarray(genuine)
    _some(scores, "genuine")
    weight = None if weights is None else np.asarray(weights, np.float64)
    return float(np.average(scores < threshold, weights=weight))


def threshold_at_fmr(impostor: ArrayLike, fmr: float) -> float:
    """Return the smallest threshold on an impostor score that accepts at most this share of them.

    An order statistic: nothing is interpolated, and the achieved rate is never above the target.
    Where even the largest score would accept too many, the next number above it is returned.

    Args:
        impostor: shape (n,), any order; infinities are allowed, NaN is not.
        fmr: the target, 0 to 1.

    >>> threshold_at_fmr([0.1, 0.2, 0.3, 0.4], 0.5)
    0.3
    >>> threshold_at_fmr([0.1, 0.4, 0.4, 0.4], 0.5) > 0.4
    True
    """
    return thresholds_at_fmr(impostor, [fmr])[0]


def thresholds_at_fmr(impostor: ArrayLike, fmrs: ArrayLike) -> list[float]:
    """Return ``threshold_at_fmr`` for several targets from one sort of the scores."""
    scores = np.asarray(impostor)
    if scores.dtype.kind != "f":
        scores = scores.astype(np.float64)
    _some(scores, "impostor")
    ascending = np.sort(scores)
    return [_threshold(ascending, float(fmr)) for fmr in np.asarray(fmrs).ravel()]


def _threshold(ascending: Scores, fmr: float) -> float:
    if not 0 <= fmr <= 1:
        raise ValueError(f"a false match rate lies between 0 and 1, got {fmr}")
    n = ascending.size
    # 0.29 * 100 is 28.999999999999996: a whole number of comparisons must not lose one.
    n_allowed = int(np.floor(fmr * n + 1e-9 * max(1.0, fmr * n)))
    if n_allowed == 0:
        return _above(ascending[-1])
    candidate = ascending[n - n_allowed]
    n_accepted = n - int(np.searchsorted(ascending, candidate, side="left"))
    # -inf is the score of a face that was not found, which no threshold accepts.
    if n_accepted <= n_allowed and candidate > -np.inf:
        return float(candidate)
    # Equal scores stand on both sides of the cut: step to the next larger score.
    position = int(np.searchsorted(ascending, candidate, side="right"))
    return float(ascending[position]) if position < n else _above(ascending[-1])


def _above(score: Any) -> float:
    return float(np.nextafter(score, score.dtype.type(np.inf)))


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """The two errors by falling threshold; straight lines join the points.

    Attributes:
        fmr, fnmr: float64 (n,), from (0, 1) to (1, 0).
        thresholds: float64 (n,), at which they hold, from inf to -inf.
    """

    fmr: Counts
    fnmr: Counts
    thresholds: Counts

    @property
    def auc(self) -> float:
        """Return the probability that a genuine score is above an impostor's; ties count half."""
        return float(np.trapezoid(1 - self.fnmr, self.fmr))

    @property
    def eer(self) -> float:
        """Return the rate at which the two errors are equal, on the line between two thresholds.

        Constant scores give 0.5, as guessing does.
        """
        gap = self.fmr - self.fnmr
        after = int(np.argmax(gap >= 0))
        if after == 0:
            return float(self.fmr[0])
        before = after - 1
        share = -gap[before] / (gap[after] - gap[before])
        return float(self.fmr[before] + share * (self.fmr[after] - self.fmr[before]))


def roc(genuine: ArrayLike, impostor: ArrayLike, weights: ArrayLike | None = None) -> Roc:
    """Return the receiver operating characteristic of two sets of scores.

    Args:
        genuine: shape (n,); infinities are allowed (a face that was not found), NaN is not.
        impostor: shape (m,).
        weights: shape (n,), of the genuine scores; equal where None.

    >>> curve = roc([0.8, 0.6], [0.7, 0.1])
    >>> curve.auc, curve.eer
    (0.75, 0.5)
    """
    same, different = np.asarray(genuine), np.asarray(impostor)
    _some(same, "genuine")
    _some(different, "impostor")
    if np.isnan(same).any() or np.isnan(different).any():
        raise ValueError("a score is not a number")
    # Between two genuine scores only the false matches change, along a straight line: its two
    # ends, just above and at each genuine score, are the whole curve.
    weight = np.ones(same.size) if weights is None else np.asarray(weights, np.float64)
    scores, group = np.unique(same.astype(np.float64), return_inverse=True)
    rejected = np.concatenate([[0.0], np.cumsum(np.bincount(group.reshape(-1), weight))])
    rejected /= rejected[-1]
    ascending = np.sort(different)
    at = 1 - np.searchsorted(ascending, scores, side="left") / different.size
    above = 1 - np.searchsorted(ascending, scores, side="right") / different.size
    fmr = np.stack([at, above], axis=1).ravel()[::-1]
    fnmr = np.stack([rejected[:-1], rejected[1:]], axis=1).ravel()[::-1]
    limits = np.stack([scores, np.nextafter(scores, np.inf)], axis=1).ravel()[::-1]
    return Roc(
        fmr=np.concatenate([[0.0], fmr, [1.0]]),
        fnmr=np.concatenate([[1.0], fnmr, [0.0]]),
        thresholds=np.concatenate([[np.inf], limits, [-np.inf]]),
    )


def _some(scores: NDArray[Any], what: str) -> None:
    if scores.ndim != 1 or scores.size == 0:
        raise ValueError(f"{what} scores must have shape (n,) with n >= 1, got {scores.shape}")
