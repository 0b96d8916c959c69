import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models.metrics import errors
from facegate.models.metrics.errors import (
    fmr_at,
    fnmr_at,
    is_low_confidence,
    is_resolvable,
    roc,
    smallest_rate,
    threshold_at_fmr,
)

SETTINGS = settings(deadline=None, derandomize=True)
# Few distinct values, so that ties are the rule; float32 as real scores are.
SCORES = st.lists(st.integers(-8, 8).map(lambda i: i / 8), min_size=1, max_size=40)
RATES = st.floats(0, 1)


def oracle_threshold(impostor: list[float], fmr: float) -> float:
    """Try every score from below; the first that accepts few enough is the threshold."""
    for candidate in sorted(impostor):
        accepted = sum(1 for score in impostor if score >= candidate)
        if accepted <= fmr * len(impostor) + 1e-9:
            return candidate
    return math.inf


def oracle_auc(genuine: list[float], impostor: list[float]) -> float:
    won = 0.0
    for g in genuine:
        for i in impostor:
            won += 1.0 if g > i else 0.5 if g == i else 0.0
    return won / len(genuine) / len(impostor)


def test_doctests() -> None:
    assert doctest.testmod(errors).failed == 0


@SETTINGS
@given(SCORES, RATES)
def test_threshold_agrees_with_trying_every_score(impostor: list[float], fmr: float) -> None:
    expected = oracle_threshold(impostor, fmr)
    got = threshold_at_fmr(np.array(impostor, np.float32), fmr)
    if expected == math.inf:
        assert max(impostor) < got < max(impostor) + 1e-6
    else:
        assert got == expected


@SETTINGS
@given(SCORES, RATES)
def test_achieved_rate_is_never_above_the_target(impostor: list[float], fmr: float) -> None:
    scores = np.array(impostor, np.float32)
    assert fmr_at(scores, threshold_at_fmr(scores, fmr)) <= fmr + 1e-9


def test_a_whole_number_of_comparisons_loses_none_to_rounding() -> None:
    scores = np.arange(100) / 100
    assert 0.29 * 100 < 29
    assert fmr_at(scores, threshold_at_fmr(scores, 0.29)) == 0.29


def test_a_score_on_the_threshold_is_accepted() -> None:
    assert fmr_at([0.5], 0.5) == 1
    assert fnmr_at([0.5], 0.5) == 0


def test_threshold_survives_float32() -> None:
    scores = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    threshold = threshold_at_fmr(scores, 0.01)
    assert np.count_nonzero(scores >= threshold) == 10
    assert np.count_nonzero(scores.astype(np.float64) >= threshold) == 10


@pytest.mark.parametrize(("rate", "n"), [(1e-2, 1000), (1e-3, 10_000), (1e-5, 1_000_000)])
def test_ten_expected_errors_are_resolvable(rate: float, n: int) -> None:
    assert is_resolvable(rate, n)
    assert not is_resolvable(rate, n - 1)
    assert is_low_confidence(rate, 10 * n - 1)
    assert not is_low_confidence(rate, 10 * n)
    assert smallest_rate(n) <= rate * (1 + 1e-9)


def test_nothing_compared_resolves_nothing() -> None:
    assert smallest_rate(0) == 1
    assert not is_resolvable(0.5, 0)


@SETTINGS
@given(SCORES, SCORES)
def test_auc_agrees_with_counting_pairs(genuine: list[float], impostor: list[float]) -> None:
    assert roc(genuine, impostor).auc == pytest.approx(oracle_auc(genuine, impostor))


@SETTINGS
@given(SCORES, SCORES)
def test_roc_agrees_with_the_rates_at_each_threshold(
    genuine: list[float], impostor: list[float]
) -> None:
    curve = roc(genuine, impostor)
    for fmr, fnmr, threshold in zip(curve.fmr, curve.fnmr, curve.thresholds, strict=True):
        assert fmr == pytest.approx(fmr_at(impostor, threshold))
        assert fnmr == pytest.approx(fnmr_at(genuine, threshold))
    assert (curve.fmr[-1], curve.fnmr[-1]) == (1, 0)


@SETTINGS
@given(SCORES, SCORES)
def test_eer_lies_between_the_errors_of_two_neighbouring_thresholds(
    genuine: list[float], impostor: list[float]
) -> None:
    curve = roc(genuine, impostor)
    worse = min(max(pair) for pair in zip(curve.fmr, curve.fnmr, strict=True))
    better = max(min(pair) for pair in zip(curve.fmr, curve.fnmr, strict=True))
    assert better - 1e-12 <= curve.eer <= worse + 1e-12


def test_perfect_and_useless_scores() -> None:
    assert roc([1.0, 0.9], [0.1, 0.2]).eer == 0
    assert roc([1.0, 0.9], [0.1, 0.2]).auc == 1
    assert roc([0.5, 0.5], [0.5, 0.5, 0.5]).eer == 0.5
    assert roc([0.0], [1.0]).eer == 1


def test_a_face_that_was_not_found_is_never_accepted() -> None:
    curve = roc([-np.inf, 0.9], [0.1, -np.inf])
    assert fnmr_at([-np.inf, 0.9], -1.0) == 0.5
    assert curve.thresholds[-1] == -np.inf


def test_weights_count_people_rather_than_pairs() -> None:
    scores, weights = [0.1, 0.1, 0.1, 0.9], [1 / 3, 1 / 3, 1 / 3, 1.0]
    assert fnmr_at(scores, 0.5, weights) == pytest.approx(0.5)
    curve = roc(scores, [0.0, 0.5], weights)
    assert curve.auc == pytest.approx(0.75)


def test_refuses_no_scores_and_nan() -> None:
    with pytest.raises(ValueError, match="impostor scores must have shape"):
        fmr_at([], 0.5)
    with pytest.raises(ValueError, match="genuine scores must have shape"):
        roc([], [0.1])
    with pytest.raises(ValueError, match="not a number"):
        roc([float("nan")], [0.1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        threshold_at_fmr([0.1], 1.5)
