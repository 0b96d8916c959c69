import doctest
import math

import pytest
from scipy import stats

from facegate.models.metrics import intervals
from facegate.models.metrics.intervals import (
    Figure,
    difference_interval,
    effective_degrees,
    set_rate_interval,
    share_interval,
    wilson,
)


@pytest.mark.parametrize("k", [10, 17, 100, 1000])
def test_a_rate_that_its_own_scores_set_has_the_quantiles_of_a_gamma_law(k: int) -> None:
    """The true rate above the k-th highest of n independent scores is a beta of k and n + 1 - k."""
    n = 100_000
    share = k / n
    figure = set_rate_interval(share, share * (1 - share) / n, 60)
    assert figure.low is not None
    assert figure.high is not None
    assert n * figure.low == pytest.approx(n * stats.beta.ppf(0.025, k, n + 1 - k), rel=0.015)
    assert n * figure.high == pytest.approx(n * stats.beta.ppf(0.975, k, n + 1 - k), rel=0.015)


def test_a_rate_that_less_than_one_trial_supports_lies_in_its_interval() -> None:
    figure = set_rate_interval(0.01, 0.01, 5)
    assert (figure.low, figure.value) == (0.0, 0.01)
    assert figure.high is not None
    assert figure.high >= 0.01
    assert set_rate_interval(0.0, 0.0, 5) == share_interval(0.0, 0.0, 5)


def test_doctests() -> None:
    assert doctest.testmod(intervals).failed == 0


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 2000)])
def test_wilson_agrees_with_scipy(k: int, n: int) -> None:
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high))


def test_no_trials_know_nothing() -> None:
    assert wilson(0.0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("of_pairs", [False, True])
def test_few_deciding_people_widen_the_interval(of_pairs: bool) -> None:
    even = share_interval(0.1, 1e-4, 50, effective_degrees([1, -1] * 25, of_pairs=of_pairs))
    few = effective_degrees([50] + [-1] * 49, of_pairs=of_pairs)
    uneven = share_interval(0.1, 1e-4, 50, few)
    assert uneven.low is not None
    assert even.low is not None
    assert uneven.low < even.low
    assert effective_degrees([0.0, 0.0]) == math.inf


def test_figures_read_as_percentages_with_their_interval() -> None:
    assert str(Figure(0.9912, 0.985, 0.9951)) == "99.12 % [98.50, 99.51]"
    assert str(Figure(0.5)) == "50.00 %"
    assert Figure(0.5).ci95 is None


def test_the_difference_of_two_shares_agrees_with_its_paper() -> None:
    """56 of 70 against 48 of 80: Newcombe's table II, method 10, first column."""
    first, second = (Figure(k / n, *wilson(k / n, n)) for k, n in ((48, 80), (56, 70)))
    assert difference_interval(first, second) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_difference_needs_intervals() -> None:
    with pytest.raises(ValueError, match="two shares with intervals"):
        difference_interval(Figure(0.1), Figure(0.1, 0.05, 0.2))
