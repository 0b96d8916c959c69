"""The figures of a verification protocol, each with its interval, and of two models compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facegate.models.metrics.bootstrap import Resampling, Weights, people_draws
from facegate.models.metrics.comparisons import Comparisons
from facegate.models.metrics.difference import Difference
from facegate.models.metrics.errors import (
    Roc,
    fmr_at,
    fnmr_at,
    is_low_confidence,
    is_resolvable,
    roc,
    smallest_rate,
    thresholds_at_fmr,
)
from facegate.models.metrics.intervals import Figure, quantile95, share_interval
from facegate.models.metrics.spread import Spread

FARS = (0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)
"""False accept rates at which the true accept rate is given, where the pairs resolve them."""


@dataclass(frozen=True, slots=True)
class Tar:
    """The true accept rate at a false accept rate.

    Attributes:
        far: the target.
        achieved: the false accept rate at the threshold, at most the target.
        threshold: an order statistic of the impostor scores.
        tar: the share of genuine comparisons accepted there.
        low_confidence: fewer than a hundred false accepts are expected.
    """

    far: float
    achieved: float
    threshold: float
    tar: Figure
    low_confidence: bool


@dataclass(frozen=True, slots=True, eq=False)
class VerificationFigures:
    """What a verification protocol measured.

    Attributes:
        eer: equal error rate; auc: area under the ROC.
        tars: by falling false accept rate, the resolvable ones.
        smallest_far: the smallest rate that the impostor pairs resolve.
        curve: the ROC.
    """

    eer: Figure
    auc: Figure
    tars: tuple[Tar, ...]
    smallest_far: float
    n_genuine: int
    n_impostor: int
    n_people: int
    curve: Roc


def resolvable_fars(n_impostor: int, fars: Sequence[float] = FARS) -> tuple[float, ...]:
    """Return the rates that so many impostor pairs resolve.

    >>> resolvable_fars(3000)
    (0.1, 0.01)
    """
    return tuple(far for far in fars if is_resolvable(far, n_impostor))


def measure(
    comparisons: Comparisons, *, fars: Sequence[float] = FARS, draws: Weights | None = None
) -> VerificationFigures:
    """Measure equal error rate, area under the curve and true accept rates.

    Args:
        comparisons: at least one genuine and one impostor score.
        fars: the false accept rates of interest; those that cannot be resolved are passed over.
        draws: of people; the thousand of ``people_draws`` where None.

    Cost: 2 s for a million impostor scores and 4 s for ten million, 1,000 draws included.
    """
    c = comparisons
    usable = resolvable_fars(c.impostor.size, fars)
    curve = roc(c.genuine, c.impostor, c.genuine_weight)
    spread = Resampling(c, usable).spread(draws)
    n_people = c.n_genuine_people

    def figure(name: str, value: float) -> Figure:
        return share_interval(value, spread[name].variance, n_people, _degrees(name, spread[name]))

    thresholds = thresholds_at_fmr(c.impostor, usable)
    tars = tuple(
        Tar(
            far=far,
            achieved=fmr_at(c.impostor, threshold),
            threshold=threshold,
            tar=figure(f"tar@{far:g}", 1 - fnmr_at(c.genuine, threshold, c.genuine_weight)),
            low_confidence=is_low_confidence(far, c.impostor.size),
        )
        for far, threshold in zip(usable, thresholds, strict=True)
    )
    return VerificationFigures(
        eer=figure("eer", curve.eer),
        auc=figure("auc", curve.auc),
        tars=tars,
        smallest_far=smallest_rate(c.impostor.size),
        n_genuine=int(c.genuine.size),
        n_impostor=int(c.impostor.size),
        n_people=c.n_people,
        curve=curve,
    )


def compare(
    first: Comparisons, second: Comparisons, *, fars: Sequence[float] = FARS
) -> tuple[Difference, ...]:
    """Compare two models on the same comparisons, under the same draws of people.

    Raises:
        ValueError: the two do not compare the same people.
    """
    same = np.array_equal(first.genuine_person, second.genuine_person) and np.array_equal(
        first.person_a, second.person_a
    )
    if not same:
        raise ValueError("the two models were measured on different comparisons")
    usable = resolvable_fars(first.impostor.size, fars)
    weights = people_draws(first.n_people)
    spread_1 = Resampling(first, usable).spread(weights)
    spread_2 = Resampling(second, usable).spread(weights)
    values_1, values_2 = _values(first, usable), _values(second, usable)
    return tuple(
        difference(name, values_1[name], values_2[name], spread_2[name] - spread_1[name])
        for name in values_1
    )


def difference(name: str, first: float, second: float, spread: Spread) -> Difference:
    """Return the difference of two figures with the interval of its spread."""
    half = quantile95(_degrees(name, spread)) * spread.variance**0.5
    return Difference(name, first, second, second - first - half, second - first + half)


def _degrees(name: str, spread: Spread) -> float:
    # A true accept rate is a mean over people; the others are made of pairs of two.
    return spread.degrees(of_pairs=not name.startswith("tar"))


def _values(c: Comparisons, fars: Sequence[float]) -> dict[str, float]:
    curve = roc(c.genuine, c.impostor, c.genuine_weight)
    thresholds = thresholds_at_fmr(c.impostor, fars)
    tars = {
        f"tar@{far:g}": 1 - fnmr_at(c.genuine, threshold, c.genuine_weight)
        for far, threshold in zip(fars, thresholds, strict=True)
    }
    return {"eer": curve.eer, "auc": curve.auc, **tars}
