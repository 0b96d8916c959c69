import doctest
import math

import pytest
from scipy import stats

from facegate.models.metrics import intervals
from facegate.models.metrics.intervals import Figure, effective_degrees, share_interval, wilson


def test_doctests() -> None:
    assert doctest.testmod(intervals).failed == 0


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 2000)])
def test_wilson_agrees_with_scipy(k: int, n: int) -> None:
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high))


def test_no_trials_know_nothing() -> None:
    assert wilson(0.0, 0) == (0.0, 1.0)


def test_few_deciding_people_widen_the_interval() -> None:
    even = share_interval(0.1, 1e-4, 50, effective_degrees([1, -1] * 25))
    uneven = share_interval(0.1, 1e-4, 50, effective_degrees([50] + [-1] * 49))
    assert uneven.low is not None
    assert even.low is not None
    assert uneven.low < even.low
    assert effective_degrees([0.0, 0.0]) == math.inf


def test_figures_read_as_percentages_with_their_interval() -> None:
    assert str(Figure(0.9912, 0.985, 0.9951)) == "99.12 % [98.50, 99.51]"
    assert str(Figure(0.5)) == "50.00 %"
    assert Figure(0.5).ci95 is None
