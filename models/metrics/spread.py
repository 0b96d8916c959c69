"""How far a figure moves under resampling, and what of that is the figure's own doubt."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegate.models.metrics.dyads import LEAST_SHARE
from facegate.models.metrics.intervals import drawn_variance, effective_degrees

Draws = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """A figure under resampling; draws that say nothing are NaN.

    Attributes:
        people: under each draw of people.
        pairs: under each draw of pairs of people.
        without: without each of some people.
        n_people: how many are drawn.
    """

    people: Draws
    pairs: Draws
    without: Draws
    n_people: int

    def __sub__(self, other: "Spread") -> "Spread":
        return Spread(
            self.people - other.people,
            self.pairs - other.pairs,
            self.without - other.without,
            self.n_people,
        )

    @property
    def variance(self) -> float:
        """Return the figure's variance: that of the draws, less the pairs' luck counted thrice."""
        own = float(np.nanvar(self.pairs))
        return max(drawn_variance(self.people, self.n_people) - 2 * own, LEAST_SHARE * own)

    def degrees(self, *, of_pairs: bool) -> float:
        """Return the degrees of freedom of the variance, as ``effective_degrees`` has them."""
        return effective_degrees(self.without[~np.isnan(self.without)], of_pairs=of_pairs)
