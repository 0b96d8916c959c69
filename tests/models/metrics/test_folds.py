import doctest
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models.metrics import folds
from facegate.models.metrics.folds import best_threshold, fold_accuracy

PAIRS = st.lists(
    st.tuples(st.integers(-5, 5).map(lambda k: k / 5), st.booleans()), min_size=1, max_size=20
)


def right(scores: list[float], same: list[bool], threshold: float) -> int:
    return sum((s >= threshold) == is_same for s, is_same in zip(scores, same, strict=True))


def test_doctests() -> None:
    assert doctest.testmod(folds).failed == 0


@settings(deadline=None, derandomize=True)
@given(PAIRS)
def test_no_threshold_is_better(pairs: list[tuple[float, bool]]) -> None:
    scores, same = [p[0] for p in pairs], [p[1] for p in pairs]
    found = best_threshold(np.array(scores), np.array(same))
    most = max(right(scores, same, t) for t in [*scores, max(scores) + 1])
    assert right(scores, same, found) == most


def test_folds_agree_with_doing_it_by_hand() -> None:
    random = np.random.default_rng(0)
    n = 400
    same = np.arange(n) % 2 == 0
    scores = np.where(same, 0.6, 0.0) + random.normal(0, 0.25, n)
    scores[:3] = -np.inf
    fold = np.arange(n) // 40
    a = random.integers(0, 50, n)
    b = np.where(same, a, (a + 1) % 50)
    got = fold_accuracy(scores, same, fold, a, b)
    by_hand = []
    for k in range(10):
        mine, others = fold == k, fold != k
        t = best_threshold(scores[others], same[others])
        wrong = 0
        for s, is_same in zip(scores[mine], same[mine], strict=True):
            wrong += (s >= t) != is_same or s == -np.inf
        by_hand.append(1 - wrong / 40)
    assert got.folds == pytest.approx(tuple(by_hand))
    assert got.accuracy.value == pytest.approx(statistics.mean(by_hand))
    assert got.sem == pytest.approx(statistics.stdev(by_hand) / math.sqrt(10))
    assert got.accuracy.low is not None
    assert got.accuracy.high is not None
    assert got.accuracy.low < got.accuracy.value < got.accuracy.high


def test_a_face_that_was_not_found_is_an_error_in_both_kinds() -> None:
    scores = np.array([0.9, 0.1, -np.inf, -np.inf, 0.9, 0.1])
    same = np.array([True, False, True, False, True, False])
    got = fold_accuracy(scores, same, np.repeat([0, 1], [4, 2]), np.arange(6), np.arange(6) + 1)
    assert got.folds == (0.5, 1.0)


def test_one_fold_cannot_be_judged_by_others() -> None:
    with pytest.raises(ValueError, match="two folds"):
        fold_accuracy(
            np.ones(2), np.ones(2, bool), np.zeros(2, int), np.zeros(2, int), np.ones(2, int)
        )


def test_refuses_to_fit_on_nothing() -> None:
    with pytest.raises(ValueError, match="no score"):
        best_threshold(np.array([-np.inf]), np.array([True]))
