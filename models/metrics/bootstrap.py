"""How well a figure is known: resample people, not pairs.

A draw takes as many people as there are, with replacement. A genuine pair of person i then
counts w_i times and an impostor pair of i and j counts w_i * w_j times, w being how often a
person was drawn; no score is computed twice.

The product w_i * w_j carries a pair's own luck three times (its variance is 3, where an
independent pair's is 1), so plain resampling makes intervals of small rates up to 1.7 times too
wide. Resampling the pairs of people alone measures that part, and two thirds of it are taken off
(``spread``). The derivation is in ``dyads``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from facegate.models.metrics.comparisons import Comparisons
from facegate.models.metrics.dyads import pair_counts, quadratic
from facegate.models.metrics.errors import Scores
from facegate.models.metrics.spread import Draws, Spread

N_DRAWS = 1000

PAIR_SHARE = 4
"""A fourth as many draws measure the pairs' own luck: it corrects a variance, no more."""

KEPT = 10_000
"""Impostor scores that stand for a range of them in a draw: every k-th by size where there are
more. Neighbours by size are nearly equal scores, so that this costs no precision."""

CHUNK = 50
"""Draws at a time."""

SPARE = 50
"""Scores looked at beyond three times the expected number, for draws of few people."""

MIX = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
POISSON_LIMITS = [sum(math.exp(-1) / math.factorial(i) for i in range(k + 1)) for k in range(9)]

Weights = NDArray[np.float32]


def people_draws(n_people: int, *, n_draws: int = N_DRAWS, seed: int = 0) -> Weights:
    """Return how often each draw takes each person: (n_people, n_draws), columns sum to n_people.

    The same arguments give the same draws, so that two models are compared on the same ones.
    """
    random = np.random.default_rng(seed)
    drawn = np.empty((n_people, n_draws), np.float32)
    for draw in range(n_draws):
        picked = random.integers(0, n_people, n_people)
        drawn[:, draw] = np.bincount(picked, minlength=n_people)
    return drawn


def pair_draws(pair: NDArray[np.int64], draw: NDArray[np.int64]) -> Weights:
    """Return Poisson(1) weights (pairs, draws) that depend on nothing but the two numbers.

    The generator is SplitMix64 (Steele et al., OOPSLA 2014) over both, so that pairs can be
    looked at in any order and number.
    """
    state = pair.astype(np.uint64)[:, None] * MIX[0] + draw.astype(np.uint64)[None, :] * MIX[1]
    state ^= state >> np.uint64(30)
    state *= MIX[1]
    state ^= state >> np.uint64(27)
    state *= MIX[2]
    uniform = (state >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
    weights = np.zeros(uniform.shape, np.float32)
    for limit in POISSON_LIMITS:
        weights += uniform >= limit
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Falling scores.

    Attributes:
        scores: (k,), falling.
        ends: the last index of each run of equal scores.
        whole_groups: (k + 1,), the largest count not above the index that splits no such run.
    """

    scores: Scores
    ends: NDArray[np.int64]
    whole_groups: NDArray[np.int64]


def rank(falling: Scores) -> Ranked:
    """Find the runs of equal scores among falling ones."""
    is_end = np.append(falling[1:] != falling[:-1], True) if falling.size else np.zeros(0, bool)
    counts = np.where(is_end, np.arange(1, falling.size + 1), 0)
    whole = np.maximum.accumulate(np.concatenate([[0], counts]))
    return Ranked(falling, np.flatnonzero(is_end), whole)


@dataclass(frozen=True, slots=True, eq=False)
class Tail(Ranked):
    """The impostor scores from the top down to some rank, thinned.

    Attributes:
        a, b: (k,), the people.
        step: how many scores each of them stands for.
        pair: (k,), a number for each pair of people.
    """

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    step: int
    pair: NDArray[np.int64]


class Resampling:
    """A protocol's scores, sorted once, whose figures any draw of people gives.

    Args:
        comparisons: the scores; at least one of each kind.
        fars: the false accept rates at which the true accept rate is asked.

    The figures are named ``eer``, ``auc`` and ``tar@0.01``.
    """

    def __init__(self, comparisons: Comparisons, fars: Sequence[float] = ()) -> None:
        c = comparisons
        self._n_people = c.n_people
        self._pairs = pair_counts(c.person_a, c.person_b, c.n_people)
        self._n_pairs = c.impostor.size
        falling = np.argsort(c.impostor)[::-1]
        self._whole = _tail(c, falling)
        self._tails = {
            far: _tail(c, falling[: int(3 * far * falling.size) + SPARE]) for far in fars
        }
        self._genuine, self._by_person = _between(c, [self._whole, *self._tails.values()])
        self._weight = self._by_person.sum(axis=1, dtype=np.float32).reshape(-1, 1)

    def spread(self, people: Weights | None = None) -> dict[str, Spread]:
        """Return how far each figure moves when people are resampled.

        Args:
            people: draws of people; the thousand of ``people_draws`` where None.
        """
        weights = people_draws(self._n_people) if people is None else people
        pairs = self.draw_pairs(max(2, weights.shape[1] // PAIR_SHARE))
        drawn, without = self.draw(weights), self.leave_out()
        n = self._n_people
        return {name: Spread(drawn[name], pairs[name], without[name], n) for name in drawn}

    def leave_out(self) -> dict[str, Draws]:
        """Return each figure without one person, for each of at most a thousand people."""
        left_out = np.arange(self._n_people)[:: max(1, self._n_people // N_DRAWS)]
        weights = np.ones((self._n_people, left_out.size), np.float32)
        weights[left_out, np.arange(left_out.size)] = 0
        return self.draw(weights)

    def draw(self, people: Weights) -> dict[str, Draws]:
        """Return each figure under each draw of people, as ``people_draws`` gives them."""
        parts = []
        for start in range(0, people.shape[1], CHUNK):
            w = people[:, start : start + CHUNK]
            weights = Weighted(
                genuine=self._by_person @ w,
                impostor=lambda tail, w=w: w[tail.a] * w[tail.b],  # type: ignore[misc]
                n_pairs=quadratic(self._pairs, w),
            )
            parts.append(self._figures(weights))
        return _joined(parts)

    def draw_pairs(self, n_draws: int) -> dict[str, Draws]:
        """Return each figure with the pairs of people resampled, and everyone drawn once.

        A pair of people gets the same weight in each protocol and for each model.
        """
        parts = []
        for start in range(0, n_draws, CHUNK):
            drawn = np.arange(start, min(start + CHUNK, n_draws))
            weights = Weighted(
                genuine=np.repeat(self._weight, drawn.size, axis=1),
                impostor=lambda tail, drawn=drawn: pair_draws(tail.pair, drawn),  # type: ignore[misc]
                n_pairs=np.full(drawn.size, self._n_pairs, np.float64),
            )
            parts.append(self._figures(weights))
        return _joined(parts)

    def _figures(self, weights: "Weighted") -> dict[str, Draws]:
        total = weights.genuine.sum(axis=0, dtype=np.float64)
        rejected = np.zeros((len(self._genuine) + 1, total.size))
        np.cumsum(weights.genuine, axis=0, out=rejected[1:])
        # A draw may miss everyone who has a genuine pair; it then says nothing.
        rejected /= np.where(total > 0, total, np.nan)
        figures = self._areas(weights, rejected)
        for far, tail in self._tails.items():
            figures[f"tar@{far:g}"] = 1 - self._fnmr_at(far, tail, weights, rejected)
        return figures

    def _areas(self, weights: "Weighted", rejected: Draws) -> dict[str, Draws]:
        """Return EER and area under the curve, exactly where no score was thinned out."""
        tail = self._whole
        # Weights are whole numbers, and float32 counts them exactly up to 16 million.
        accepted = np.cumsum(weights.impostor(tail), axis=0)
        accepted /= np.where(accepted[-1] > 0, accepted[-1], np.nan)
        after = accepted[tail.ends]
        before = np.vstack([np.zeros_like(after[:1]), after[:-1]])
        scores = tail.scores[tail.ends]
        at = rejected[np.searchsorted(self._genuine, scores, side="left")]
        above = rejected[np.searchsorted(self._genuine, scores, side="right")]
        auc = ((after - before) * (1 - (at + above) / 2)).sum(axis=0)
        # Going down, the curve passes (before, above) and (after, at) at each score.
        column = np.arange(after.shape[1])
        row = (after - at >= 0).argmax(axis=0)
        f0, f1 = before[row, column], after[row, column]
        gap0, gap1 = f0 - above[row, column], f1 - at[row, column]
        share = np.where(gap0 >= 0, 0.0, -gap0 / np.where(gap1 > gap0, gap1 - gap0, 1.0))
        return {"auc": auc, "eer": f0 + share * (f1 - f0)}

    def _fnmr_at(self, far: float, tail: Tail, weights: "Weighted", rejected: Draws) -> Draws:
        accepted = np.cumsum(weights.impostor(tail), axis=0)
        allowed = far * weights.n_pairs * (1 + 1e-9) / tail.step
        position = rejected_at(self._genuine, tail, accepted, allowed)
        return np.asarray(rejected[position, np.arange(rejected.shape[1])])


def rejected_at(
    ascending: Scores, tail: "Ranked", accepted: NDArray[np.floating[Any]], allowed: Draws
) -> NDArray[np.int64]:
    """Return how many scores each draw's threshold rejects.

    Args:
        ascending: (n,), the scores that are judged.
        tail: the falling scores that set the threshold.
        accepted: (k, draws), the weight accepted down to each of them.
        allowed: (draws,), the most that may be accepted.

    Returns:
        (draws,), 0 to n. The threshold is the lowest score that the draw took and may accept;
        just above the highest that it took where it may accept none.
    """
    column = np.arange(accepted.shape[1])
    count = tail.whole_groups[(accepted <= allowed).sum(axis=0)]
    # Scores that the draw left out carry no weight; the threshold stands on one it took.
    reached = np.where(count > 0, accepted[count - 1, column], 0)
    first_taken = np.minimum((accepted <= 0).sum(axis=0), len(accepted) - 1)
    last_taken = np.minimum((accepted < reached).sum(axis=0), len(accepted) - 1)
    at = np.searchsorted(ascending, tail.scores, side="left")
    above = np.searchsorted(ascending, tail.scores, side="right")
    return np.asarray(np.where(reached > 0, at[last_taken], above[first_taken]))


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """The weights of one chunk of draws: genuine (n, draws), impostor of a tail (k, draws)."""

    genuine: Weights
    impostor: Callable[[Tail], Weights]
    n_pairs: Draws


def _tail(c: Comparisons, falling: NDArray[np.int64]) -> Tail:
    step = max(1, falling.size // KEPT)
    rows = falling[step // 2 :: step]  # the middle of each group of `step` stands for the group
    ranked = rank(c.impostor[rows])
    a, b = c.person_a[rows], c.person_b[rows]
    return Tail(
        ranked.scores,
        ranked.ends,
        ranked.whole_groups,
        a=a,
        b=b,
        step=step,
        pair=np.minimum(a, b).astype(np.int64) * c.n_people + np.maximum(a, b),
    )


def _between(c: Comparisons, tails: Sequence[Tail]) -> tuple[Scores, sparse.csr_array]:
    """Gather the genuine scores between two neighbours among all scores of tails into one.

    No threshold, which is a score of a tail, tells them apart: half a million cost as little as
    those of the tails.

    Returns:
        The lowest of each gathering, ascending; the weight that it has of each person.
    """
    thresholds = np.unique(np.concatenate([tail.scores for tail in tails]))
    place = np.searchsorted(thresholds, c.genuine, side="left")
    place += np.searchsorted(thresholds, c.genuine, side="right")
    order = np.argsort(c.genuine)
    _, first, number = np.unique(place[order], return_index=True, return_inverse=True)
    weights = c.genuine_weight[order].astype(np.float32), (number, c.genuine_person[order])
    by_person = sparse.coo_array(weights, shape=(first.size, c.n_people)).tocsr()
    return c.genuine[order][first], by_person


def _joined(parts: list[dict[str, Draws]]) -> dict[str, Draws]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
