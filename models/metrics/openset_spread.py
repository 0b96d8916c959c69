"""How well the figures of open-set identification are known: resample mates and strangers.

DIR is a matter of two kinds of people. Mates are found or not, strangers set the threshold, and a
third part z of its variance is in which mates stand beside which strangers: what a threshold that
moves a little accepts or not. Resampling mates alone shows the first part and z, strangers alone
the second and z, and both at once all three parts and z a third time, as pairs of people do
(``dyads``). So 2 z is taken off; z is what a draw of both moves beyond what it moves with either
alone. ``benchmarks/intervals`` counts how often the intervals hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegate.models.metrics.bootstrap import PAIR_SHARE, Weights, rank, rejected_at
from facegate.models.metrics.dyads import LEAST_SHARE
from facegate.models.metrics.errors import Scores
from facegate.models.metrics.intervals import (
    combined_degrees,
    drawn_variance,
    effective_degrees,
)
from facegate.models.metrics.pairs import Indices
from facegate.models.metrics.spread import Draws

CHUNK = 100
"""Draws at a time."""

MOST_LEFT_OUT = 1000
"""People who are left out one by one, to see how much each matters."""


@dataclass(frozen=True, slots=True, eq=False)
class OpenSetSpread:
    """A figure under resampling; draws that say nothing are NaN.

    Attributes:
        value: with everybody as they are.
        both: under each draw of people.
        mates, strangers: under the first of these draws, only one kind being drawn.
        without_mate, without_stranger: without each of some people.
        n_people: how many are drawn.
    """

    value: float
    both: Draws
    mates: Draws
    strangers: Draws
    without_mate: Draws
    without_stranger: Draws
    n_people: int

    def __sub__(self, other: "OpenSetSpread") -> "OpenSetSpread":
        return OpenSetSpread(
            self.value - other.value,
            self.both - other.both,
            self.mates - other.mates,
            self.strangers - other.strangers,
            self.without_mate - other.without_mate,
            self.without_stranger - other.without_stranger,
            self.n_people,
        )

    @property
    def variance(self) -> float:
        """Return the figure's variance: that of the draws, less what they carry twice too often."""
        together = self.both[: self.mates.size]
        interplay = _variance(together - self.mates - self.strangers + self.value)
        whole = drawn_variance(self.both, self.n_people)
        return max(whole - 2 * interplay, LEAST_SHARE * interplay)

    @property
    def degrees(self) -> float:
        """Return the degrees of freedom of the variance, the sum of those of two kinds."""
        return combined_degrees(
            (_variance(self.mates), effective_degrees(_known(self.without_mate))),
            (_variance(self.strangers), effective_degrees(_known(self.without_stranger))),
        )


@dataclass(frozen=True, slots=True, eq=False)
class OpenSetResampling:
    """The answers of a gallery, whose figures any draw of people gives.

    Attributes:
        own: (n,), the score of each mated probe's identity, -inf where another comes first.
        owner: (n,), who is in each of them.
        stranger: (m,), the best score of each non-mated probe.
        other: (m,), who is in each of them.
        n_people: people are numbered 0 to n_people - 1.
        fpirs: the false positive identification rates at which DIR is asked.

    The figures are named ``rank1`` and ``dir@0.01``.
    """

    own: Scores
    owner: Indices
    stranger: Scores
    other: Indices
    n_people: int
    fpirs: Sequence[float]

    def spread(self, people: Weights) -> dict[str, OpenSetSpread]:
        """Return how far each figure moves under draws of people, as ``people_draws`` has them."""
        is_stranger = np.zeros(self.n_people, bool)
        is_stranger[self.other] = True
        some = people[:, : max(2, people.shape[1] // PAIR_SHARE)]
        mates_alone = np.where(is_stranger[:, None], np.float32(1), some)
        strangers_alone = np.where(is_stranger[:, None], some, np.float32(1))
        left_out = np.arange(self.n_people)[:: max(1, self.n_people // MOST_LEFT_OUT)]
        weights = np.ones((self.n_people, left_out.size), np.float32)
        weights[left_out, np.arange(left_out.size)] = 0
        of_stranger = is_stranger[left_out]
        value = self.draw(np.ones((self.n_people, 1), np.float32))
        both, without = self.draw(people), self.draw(weights)
        mates, strangers = self.draw(mates_alone), self.draw(strangers_alone)
        return {
            name: OpenSetSpread(
                float(value[name][0]),
                both[name],
                mates[name],
                strangers[name],
                without[name][~of_stranger],
                without[name][of_stranger],
                self.n_people,
            )
            for name in both
        }

    def draw(self, people: Weights) -> dict[str, Draws]:
        """Return each figure under each draw of people (n_people, draws)."""
        ascending, falling = np.argsort(self.own), np.argsort(self.stranger)[::-1]
        alarms = rank(self.stranger[falling])
        nobody = int(np.searchsorted(self.own[ascending], -np.inf, side="right"))
        parts: dict[str, list[Draws]] = {}
        for start in range(0, people.shape[1], CHUNK):
            w = people[:, start : start + CHUNK]
            missed = np.zeros((self.own.size + 1, w.shape[1]))
            np.cumsum(w[self.owner[ascending]], axis=0, out=missed[1:])
            # A draw may miss every mate; it then says nothing.
            missed /= np.where(missed[-1] > 0, missed[-1], np.nan)
            column = np.arange(w.shape[1])
            parts.setdefault("rank1", []).append(1 - missed[nobody])
            accepted = np.cumsum(w[self.other[falling]], axis=0)
            for fpir in self.fpirs:
                allowed = fpir * accepted[-1] * (1 + 1e-6)
                rejected = rejected_at(self.own[ascending], alarms, accepted, allowed)
                parts.setdefault(f"dir@{fpir:g}", []).append(1 - missed[rejected, column])
        return {name: np.concatenate(values) for name, values in parts.items()}


def _variance(draws: NDArray[np.float64]) -> float:
    known = _known(draws)
    return float(known.var()) if known.size else 0.0


def _known(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    return draws[~np.isnan(draws)]
