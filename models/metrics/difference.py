"""One figure of two models on the same comparisons, and whether they differ."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two models under the same draws of people.

    Attributes:
        name: ``accuracy``, ``eer``, ``auc``, ``tar@0.01``, ``rank1``, ``dir@0.01``.
        first, second: the figure of each model.
        low, high: the 95 % interval of ``second - first``.
    """

    name: str
    first: float
    second: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Return whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    @property
    def is_better(self) -> bool:
        """Return whether the second model's figure is the better one; of errors, the smaller."""
        gain = self.second - self.first
        return gain < 0 if self.name == "eer" else gain > 0

    def verdict(self, first: str, second: str) -> str:
        """Return what the comparison says, as a sentence.

        >>> Difference("tar@0.001", 0.91, 0.95, 0.02, 0.06).verdict("a", "b")
        'b is better than a: tar@0.001 95.00 % against 91.00 %, a difference of +4.00 points \
[+2.00, +6.00]'
        >>> Difference("eer", 0.02, 0.018, -0.006, 0.002).verdict("a", "b")
        'no clear difference between a and b: eer 2.00 % against 1.80 %, a difference of \
-0.20 points [-0.60, +0.20] that may be chance'
        """
        if not self.is_clear:
            shares = f"{_percent(self.first)} against {_percent(self.second)}"
            return (
                f"no clear difference between {first} and {second}: {self.name} {shares}, "
                f"a difference of {self._spread(1)} that may be chance"
            )
        if self.is_better:
            names, values, sign = (second, first), (self.second, self.first), 1
        else:
            names, values, sign = (first, second), (self.first, self.second), -1
        return (
            f"{names[0]} is better than {names[1]}: {self.name} {_percent(values[0])} against "
            f"{_percent(values[1])}, a difference of {self._spread(sign)}"
        )

    def _spread(self, sign: int) -> str:
        low, high = sorted((sign * self.low, sign * self.high))
        gain = sign * (self.second - self.first)
        return f"{100 * gain:+.2f} points [{100 * low:+.2f}, {100 * high:+.2f}]"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
