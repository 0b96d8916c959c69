"""From a score to the share of strangers who score as high: the false match rate.

A model's impostor statistics are tables of thresholds and rates, one for a single template and
one each for the best of 2, 3, 5 and 10 templates of one person. They hold quantiles and counts
only: no image, and no embedding, from which a face could be rebuilt. They are read and kept by
`facegate.models.impostor_files`.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

from facegate.errors import NoThresholdError

BEST_OF = (1, 2, 3, 5, 10)
"""Numbers of templates of one person that have a table of their own."""


def rounded_up(rate: float) -> float:
    """Return a rate above 0 with three digits: who asks for the smallest as it is told must get it.

    >>> rounded_up(0.12311), rounded_up(0.001), rounded_up(5e-06)
    (0.124, 0.001, 5e-06)
    """
    unit = 10.0 ** (math.floor(math.log10(rate)) - 2)
    return float(f"{math.ceil(rate / unit - 1e-6) * unit:.3g}")


@dataclass(frozen=True, slots=True)
class Line:
    """A threshold and its false match rate.

    Attributes:
        fmr: the rate that the threshold was set for; the measured one is at most that.
        score: the threshold; a score on it is accepted.
        low, high: the 95 % interval of the rate at this score, over resampled people.
    """

    fmr: float
    score: float
    low: float
    high: float

    def times(self, factor: int) -> "Line":
        """Return the line of the best of so many comparisons: a bound, since rates add up."""
        if factor == 1:
            return self
        rates = (min(1.0, factor * rate) for rate in (self.fmr, self.low, self.high))
        fmr, low, high = rates
        return Line(fmr, self.score, low, high)


@dataclass(frozen=True, slots=True)
class Table:
    """Impostor scores of the best of so many templates.

    Attributes:
        best_of: templates of the person compared with.
        lines: by falling rate and rising score.
        n_comparisons: behind the table.
        n_people: who were compared.
    """

    best_of: int
    lines: tuple[Line, ...]
    n_comparisons: int
    n_people: int

    @property
    def smallest_fmr(self) -> float:
        """Return the smallest rate of the table."""
        return self.lines[-1].fmr

    def threshold(self, fmr: float) -> Line:
        """Return the line with the largest rate that is not above ``fmr``.

        Raises:
            NoThresholdError: the table supports no rate that small.
        """
        for line in self.lines:
            if line.fmr <= fmr * (1 + 1e-9):
                return line
        raise NoThresholdError(
            f"{self.n_comparisons:,} comparisons of {self.n_people:,} people support no "
            f"false match rate of {fmr:.3g}",
            hint=f"the smallest they support is {rounded_up(self.smallest_fmr):.3g}; ask for that, "
            "show more people to 'facegate calibrate', or name a score with --threshold",
        )

    def at(self, score: float) -> Line | None:
        """Return the strictest line that a score reaches, or None below the whole table."""
        reached = [line for line in self.lines if line.score <= score]
        return reached[-1] if reached else None

    def band(self, fmr: float) -> tuple[float, float]:
        """Return the scores between which the counts do not tell whether the rate is ``fmr``.

        Below the first the rate is above ``fmr``, from the second on it is not.

        Raises:
            NoThresholdError: the table supports no rate that small.
        """
        own = self.threshold(fmr).score
        low = min(line.score for line in self.lines if line.low <= fmr or line.score == own)
        sure = [line.score for line in self.lines if line.high <= fmr and line.score >= own]
        return low, min(sure, default=max(own, self.lines[-1].score))


@dataclass(frozen=True, slots=True)
class Scale:
    """Tables for several numbers of templates: a score's false match rate as a decision is made.

    Attributes:
        tables: by rising number of templates, the first for one.
    """

    tables: tuple[Table, ...]

    def table(self, templates: int) -> tuple[Table, int]:
        """Return the table for the best of so many templates, and by how much its rates grow.

        The table of the next larger number serves, whose rates are not smaller. Beyond the
        largest, templates count as several people.
        """
        for table in self.tables:
            if table.best_of >= templates:
                return table, 1
        largest = self.tables[-1]
        return largest, math.ceil(templates / largest.best_of)

    def threshold(self, fmr: float, *, templates: int = 1, comparisons: int = 1) -> Line:
        """Return the threshold at which the best of several comparisons errs at most so often.

        Args:
            fmr: the wanted rate.
            templates: of the person compared with.
            comparisons: with people of that many templates, or of several probes.

        Raises:
            NoThresholdError: the counts support no rate that small.
        """
        table, factor = self.table(templates)
        factor *= comparisons
        try:
            return table.threshold(fmr / factor).times(factor)
        except NoThresholdError as error:
            smallest = table.smallest_fmr * factor
            if factor == 1:
                raise
            raise NoThresholdError(
                f"{error.message}, which {fmr:.3g} among so many comparisons needs",
                hint=f"the smallest they support here is {rounded_up(smallest):.3g}",
            ) from error

    def at(self, score: float, *, templates: int = 1, comparisons: int = 1) -> Line | None:
        """Return the rate of the best of several comparisons reaching a score, an upper bound.

        None where the score lies below the whole table, so that the rate is above its largest.
        """
        table, factor = self.table(templates)
        line = table.at(score)
        return None if line is None else line.times(factor * comparisons)

    def search_threshold(self, fpir: float, *, templates: int, identities: int) -> Line:
        """Return the threshold at which a search of a gallery errs at most so often.

        Two bounds hold, and the lower threshold is taken: each template is a comparison, or each
        identity is one with the best of its templates, which resemble each other.

        Args:
            fpir: the wanted false positive identification rate.
            templates, identities: how many are enrolled, each at least 1.

        Raises:
            NoThresholdError: the counts support no rate that small.
        """
        found: list[Line] = []
        smallest: list[float] = []
        for count, times in self._search_options(templates, identities):
            table, factor = self.table(count)
            smallest.append(table.smallest_fmr * factor * times)
            if smallest[-1] <= fpir * (1 + 1e-9):
                found.append(self.threshold(fpir, templates=count, comparisons=times))
        if not found:
            one = self.tables[0]
            raise NoThresholdError(
                f"{one.n_comparisons:,} comparisons of {one.n_people:,} people support no false "
                f"positive identification rate of {fpir:.3g} among {templates:,} templates",
                hint=f"the smallest they support is {rounded_up(min(smallest)):.3g}",
            )
        return min(found, key=lambda line: line.score)

    def search_at(self, score: float, *, templates: int, identities: int) -> Line | None:
        """Return the rate of strangers who reach a score in a search, an upper bound, or None."""
        lines = [
            self.at(score, templates=count, comparisons=times)
            for count, times in self._search_options(templates, identities)
        ]
        return min((line for line in lines if line), key=lambda line: line.fmr, default=None)

    @staticmethod
    def _search_options(templates: int, identities: int) -> list[tuple[int, int]]:
        # The mean number stands for all: the rate of the best of k grows ever slower with k, so
        # that identities of different numbers err no more often than ones of their mean.
        return [(1, templates), (math.ceil(templates / identities), identities)]

    def as_json(self) -> list[dict[str, Any]]:
        """Return the tables as JSON; scores are rounded up, so that no rate grows by it."""
        return [
            {
                "best_of": table.best_of,
                "comparisons": table.n_comparisons,
                "people": table.n_people,
                "lines": [
                    [
                        line.fmr,
                        math.ceil(line.score * 1e6) / 1e6,
                        float(f"{line.low:.3g}"),
                        float(f"{line.high:.3g}"),
                    ]
                    for line in table.lines
                ],
            }
            for table in self.tables
        ]

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read ``as_json``'s value.

        Raises:
            ValueError: it is something else.
        """
        try:
            tables = tuple(
                Table(
                    int(entry["best_of"]),
                    tuple(Line(*(float(number) for number in line)) for line in entry["lines"]),
                    int(entry["comparisons"]),
                    int(entry["people"]),
                )
                for entry in value
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no tables of impostor scores: {error!r}") from error
        if not tables or not all(table.lines for table in tables):
            raise ValueError("no tables of impostor scores: they are empty")
        return cls(tables)
