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


def effective_degrees(influences: ArrayLike) -> float:
    """Return the degrees of freedom of a variance that is a sum over people.

    Satterthwaite's: the people's number where all matter alike, and few where a few decide.

    Args:
        influences: (n_people,), how far leaving each out moves the figure, on any scale.

    >>> effective_degrees([1, -1, 1, -1]), effective_degrees([9, 0, 0, 0, 0, 0, 0, 0, 0, -9])
    (4.0, 2.0)
    """
    values: NDArray[Any] = np.asarray(influences, np.float64)
    squares = (values - values.mean()) ** 2
    if squares.max(initial=0.0) == 0:
        return math.inf
    squares = squares / squares.max()
    return max(FEWEST_DEGREES, float(squares.sum() ** 2 / (squares**2).sum()))


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
