"""Open-set identification: who of the enrolled, if anyone, is the probe?

A mated probe shows somebody enrolled, a non-mated one a stranger. At a threshold T:

    FPIR   share of non-mated probes with any candidate at or above T
    FNIR   share of mated probes whose own identity is not first, or is below T
    DIR    1 - FNIR, the detection and identification rate at rank 1

Both are rates for the stated number of identities; FPIR grows with it. A probe without a found
face has score -inf: never a false alarm, always a miss. (NIST's terms, ISO/IEC 19795-1.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facegate.models.metrics.bootstrap import Weights, people_draws
from facegate.models.metrics.difference import Difference
from facegate.models.metrics.errors import (
    Scores,
    fmr_at,
    is_low_confidence,
    is_resolvable,
    smallest_rate,
    thresholds_at_fmr,
)
from facegate.models.metrics.intervals import Figure, quantile95, share_interval
from facegate.models.metrics.openset_spread import OpenSetResampling, OpenSetSpread
from facegate.models.metrics.searches import Searches

FPIRS = (0.1, 0.01, 1e-3)
N_SUBSETS = 20
"""Random galleries of each size behind a point of the curve against gallery size."""


@dataclass(frozen=True, slots=True)
class Dir:
    """The detection and identification rate at a false positive identification rate.

    Attributes:
        fpir: the target; achieved: the rate at the threshold, at most the target.
        threshold: an order statistic of the non-mated probes' best scores.
        low_confidence: fewer than a hundred false alarms are expected.
    """

    fpir: float
    achieved: float
    threshold: float
    dir: Figure
    low_confidence: bool


@dataclass(frozen=True, slots=True)
class SizePoint:
    """DIR at one FPIR in galleries of n identities drawn at random: mean, lowest, highest."""

    n: int
    fpir: float
    dir: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OpenSetFigures:
    """What an open-set protocol measured; the intervals are for this gallery."""

    rank1: Figure
    dirs: tuple[Dir, ...]
    smallest_fpir: float
    n_identities: int
    n_mated: int
    n_nonmated: int
    curve: tuple[SizePoint, ...]


def measure_open_set(
    searches: Searches,
    *,
    fpirs: Sequence[float] = FPIRS,
    draws: Weights | None = None,
    with_curve: bool = True,
) -> OpenSetFigures:
    """Measure rank-1 rate and DIR at each FPIR that the non-mated probes resolve.

    Raises:
        ValueError: there is no mated probe.
    """
    own, stranger, mated = searches.best()
    if not own.size:
        raise ValueError("no probe shows an enrolled person")
    usable = tuple(fpir for fpir in fpirs if is_resolvable(fpir, stranger.size))
    n_people = int(searches.person.max()) + 1
    spread = _resampling(searches, usable).spread(
        people_draws(n_people) if draws is None else draws
    )
    n_mates = int(np.unique(searches.person[mated]).size)

    def figure(name: str, value: float) -> Figure:
        return share_interval(value, spread[name].variance, n_mates, spread[name].degrees)

    dirs = []
    for fpir, threshold in zip(usable, _thresholds(stranger, usable), strict=True):
        value = _found(own, threshold)
        dirs.append(
            Dir(
                fpir=fpir,
                achieved=fmr_at(stranger, threshold),
                threshold=threshold,
                dir=figure(f"dir@{fpir:g}", value),
                low_confidence=is_low_confidence(fpir, stranger.size),
            )
        )
    return OpenSetFigures(
        rank1=figure("rank1", float(np.mean(own > -np.inf))),
        dirs=tuple(dirs),
        smallest_fpir=smallest_rate(stranger.size),
        n_identities=searches.n_identities,
        n_mated=int(own.size),
        n_nonmated=int(stranger.size),
        curve=size_curve(searches, usable) if with_curve else (),
    )


def compare_open_set(
    first: Searches, second: Searches, *, fpirs: Sequence[float] = FPIRS
) -> tuple[Difference, ...]:
    """Compare two models on the same probes and gallery, under the same draws of people.

    Raises:
        ValueError: the two were not asked about the same probes.
    """
    if not np.array_equal(first.mate, second.mate):
        raise ValueError("the two models were measured on different probes")
    n_people = int(first.person.max()) + 1
    n_strangers = int((first.mate < 0).sum())
    usable = tuple(fpir for fpir in fpirs if is_resolvable(fpir, n_strangers))
    people = people_draws(n_people)
    before, after = (_resampling(one, usable).spread(people) for one in (first, second))
    return tuple(difference(name, before[name], after[name]) for name in before)


def difference(name: str, before: OpenSetSpread, after: OpenSetSpread) -> Difference:
    """Return the difference of two figures with the interval of its spread."""
    change = after - before
    half = quantile95(change.degrees) * change.variance**0.5
    gain = change.value
    return Difference(name, before.value, after.value, gain - half, gain + half)


def _resampling(searches: Searches, fpirs: Sequence[float]) -> OpenSetResampling:
    own, stranger, mated = searches.best()
    person = searches.person
    return OpenSetResampling(
        own,
        person[mated],
        stranger,
        person[searches.mate < 0],
        int(person.max()) + 1,
        fpirs,
    )


def size_curve(
    searches: Searches, fpirs: Sequence[float], *, seed: int = 0
) -> tuple[SizePoint, ...]:
    """Return DIR against the number of identities, from random parts of the gallery."""
    random = np.random.default_rng(seed)
    steps = [digit * 10**power for power in range(1, 7) for digit in (1, 2, 5)]
    sizes = [n for n in steps if n < searches.n_identities] + [searches.n_identities]
    points = []
    for n in sizes:
        repeats = 1 if n == searches.n_identities else N_SUBSETS
        rates = []
        for _ in range(repeats):
            own, stranger, _rows = searches.best(random.permutation(searches.n_identities)[:n])
            if own.size:
                rates.append([_found(own, t) for t in _thresholds(stranger, fpirs)])
        for column, fpir in enumerate(fpirs):
            values = np.array([row[column] for row in rates])
            if values.size:
                points.append(
                    SizePoint(
                        n, fpir, *(float(v) for v in (values.mean(), values.min(), values.max()))
                    )
                )
    return tuple(points)


def _found(own: Scores, threshold: float) -> float:
    return float(np.mean((own >= threshold) & (own > -np.inf)))


def _thresholds(stranger: Scores, fpirs: Sequence[float]) -> list[float]:
    return thresholds_at_fmr(stranger, fpirs) if fpirs else []
