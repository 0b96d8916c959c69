"""A share with its 95 % interval: Wilson's, with the sample size that resampling people shows.

Pairs that share a person are not independent, so their number says too little about how well a
rate is known. The variance comes from resampling people (``bootstrap``). The interval is that of
as many independent trials as have this variance, which stays honest near 0 and 1, where the
percentiles of a bootstrap are far too short (Fogliato et al. 2023, arXiv 2306.01198). Where few
people cause most errors the variance itself is poorly known; Student's quantile then takes the
place of the normal one. ``tests/models/metrics/test_coverage.py`` counts how often it is right.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Z95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""

FEWEST_DEGREES = 2.0
"""Student's quantile is 4.3 there; below, an interval would say nothing at all."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured share and its 95 % interval, all 0 to 1.

    Attributes:
        value: what was measured.
        low, high: the interval; None where it was not asked for.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ci95(self) -> list[float] | None:
        """Return the interval as JSON has it."""
        return None if self.low is None or self.high is None else [self.low, self.high]

    def __str__(self) -> str:
        text = f"{100 * self.value:.2f} %"
        if self.low is None or self.high is None:
            return text
        return f"{text} [{100 * self.low:.2f}, {100 * self.high:.2f}]"


def wilson(share: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's score interval of a share among n independent trials.

    Nothing seen in n trials bounds the rate near 4 / n:

    >>> low, high = wilson(0.0, 96)
    >>> low, round(high, 3)
    (0.0, 0.038)
    """
    if n <= 0:
        return 0.0, 1.0
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(max(0.0, share * (1 - share) / n + z * z / (4 * n * n)))
    low = 0.0 if share <= 0 else max(0.0, centre - half)
    high = 1.0 if share >= 1 else min(1.0, centre + half)
    return low, high


def drawn_variance(draws: NDArray[np.float64], n_people: int) -> float:
    """Return the variance of a figure over draws of people, without the bootstrap's own bias.

    Args:
        draws: of the figure; NaN where a draw says nothing.
        n_people: drawn each time, at least 2. Draws from n people vary by 1 / n less than
            people do.

    >>> drawn_variance(np.array([1.0, 2.0, 3.0]), 5)
    1.25
    """
    return float(np.nanvar(draws, ddof=1)) * n_people / (n_people - 1)


def effective_degrees(influences: ArrayLike, *, of_pairs: bool = False) -> float:
    """Return the degrees of freedom of a variance that is a sum over people.

    Satterthwaite's, 2 n / (kurtosis - 1): less than the people's number where all matter alike,
    and few where a few decide. Where figures are made of pairs, a sample shows the long tail of
    people who resemble many too seldom, and its variance too small more often than Student's law
    has it: n / kurtosis makes up for that. ``benchmarks/intervals`` counts what either holds.

    Args:
        influences: (n_people,), how far leaving each out moves the figure, on any scale.
        of_pairs: the figure depends on pairs of two people: a false match rate, EER, AUC.

    >>> few = [9, 0, 0, 0, 0, 0, 0, 0, 0, -9]
    >>> effective_degrees([1, -1, 1, -1]), effective_degrees(few)
    (3.0, 5.0)
    >>> effective_degrees([1, -1, 1, -1], of_pairs=True), effective_degrees(few, of_pairs=True)
    (4.0, 2.0)
    """
    values: NDArray[Any] = np.asarray(influences, np.float64)
    squares = (values - values.mean()) ** 2 if values.size else values
    if squares.max(initial=0.0) == 0:
        return math.inf
    squares = squares / squares.max()
    n = len(values)
    kurtosis = n * float((squares**2).sum() / squares.sum() ** 2)
    if of_pairs:
        return max(FEWEST_DEGREES, n / kurtosis)
    # Student's own law has n - 1, and a kurtosis near 1 would give more.
    degrees = 2 * n / (kurtosis - 1) if kurtosis > 1 else math.inf
    return max(FEWEST_DEGREES, min(n - 1.0, degrees))


def combined_degrees(*parts: tuple[float, float]) -> float:
    """Return the degrees of freedom of a sum of variances that are independent: Satterthwaite's.

    Args:
        parts: of each variance its size and its own degrees of freedom.

    >>> combined_degrees((2.0, 10.0), (2.0, 10.0)), combined_degrees((3.0, 8.0), (0.0, math.inf))
    (20.0, 8.0)
    """
    total = sum(size for size, _ in parts)
    doubt = sum(size * size / degrees for size, degrees in parts)
    return total * total / doubt if doubt > 0 else math.inf


def quantile95(degrees: float) -> float:
    """Return Student's quantile of a two-sided 95 % interval.

    >>> round(quantile95(10), 3), round(quantile95(math.inf), 3)
    (2.228, 1.96)
    """
    return Z95 if math.isinf(degrees) else float(stdtrit(degrees, 0.975))


def share_interval(
    share: float, variance: float, n_people: float, degrees: float = math.inf
) -> Figure:
    """Return a share with the interval that its variance over resampled people implies.

    Args:
        share: 0 to 1.
        variance: of the share, over draws of people; 0 where no draw erred.
        n_people: how many people stand behind the share. They are the effective sample size
            where the variance says nothing: at a share of exactly 0 or 1.
        degrees: of freedom of the variance.

    >>> figure = share_interval(0.5, 0.0025, 10)
    >>> round(figure.low, 3), round(figure.high, 3)
    (0.404, 0.596)
    """
    spread = share * (1 - share)
    if variance <= 0 or spread <= 0:
        return Figure(share, *wilson(share, n_people))
    return Figure(share, *wilson(share, spread / variance, quantile95(degrees)))


def set_rate_interval(
    share: float, variance: float, n_people: float, degrees: float = math.inf
) -> Figure:
    """Return the rate at a threshold that the same scores set, with its interval.

    The score on which such a threshold stands is accepted by construction: of the trials that
    the variance implies, it is no evidence. The true rate at the k-th highest of independent
    scores follows a gamma law of k, whose quantiles are Wilson's limits of k - 1, not of k.

    Args:
        share, variance, n_people, degrees: as ``share_interval`` has them.

    Seventeen of 1,700 set the threshold; the gamma law of 17 says 9.9 to 26.0:

    >>> figure = set_rate_interval(0.01, 0.0099 / 1700, 60)
    >>> round(1700 * figure.low, 1), round(1700 * figure.high, 1)
    (9.9, 25.9)
    """
    spread = share * (1 - share)
    if variance <= 0 or spread <= 0:
        return share_interval(share, variance, n_people, degrees)
    n = spread / variance
    low, high = wilson(max(0.0, share - 1 / n), n, quantile95(degrees))
    return Figure(share, low, max(share, high))


def difference_interval(first: Figure, second: Figure) -> tuple[float, float]:
    """Return the 95 % interval of ``second - first``, two shares of different people.

    An interval says where the rate of all people lies, not what others will show: they are a
    sample too. Whether two measurements agree is a question about their difference, which has the
    doubt of both: 0 is inside. Source: Newcombe, Statistics in Medicine 17 (1998), method 10.

    Args:
        first, second: with intervals.

    >>> low, high = difference_interval(Figure(0.1, 0.07, 0.14), Figure(0.2, 0.17, 0.23))
    >>> round(low, 3), round(high, 3)
    (0.05, 0.142)
    """
    if first.low is None or first.high is None or second.low is None or second.high is None:
        raise ValueError("a difference needs two shares with intervals")
    gain = second.value - first.value
    below = math.hypot(second.value - second.low, first.high - first.value)
    above = math.hypot(second.high - second.value, first.value - first.low)
    return gain - below, gain + above
