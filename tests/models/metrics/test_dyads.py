import doctest

import numpy as np
import pytest

from facegate.models.metrics import dyads
from facegate.models.metrics.bootstrap import people_draws
from facegate.models.metrics.dyads import fmr_figure, pair_counts, quadratic


def test_doctests() -> None:
    assert doctest.testmod(dyads).failed == 0


def some_pairs(n: int = 9, m: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    a = random.integers(0, n, m)
    b = (a + random.integers(1, n, m)) % n
    return a.astype(np.int32), b.astype(np.int32), random.random(m) < 0.2


def test_sums_agree_with_going_through_the_comparisons() -> None:
    a, b, accepted = some_pairs()
    draws = people_draws(9, n_draws=6)
    got = quadratic(pair_counts(a, b, 9, accepted), draws)
    for draw in range(6):
        w = draws[:, draw]
        expected = sum(w[a[k]] * w[b[k]] for k in range(a.size) if accepted[k])
        assert got[draw] == pytest.approx(expected)


def test_sparse_and_dense_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, accepted = some_pairs()
    draws = people_draws(9, n_draws=200)
    dense = fmr_figure(pair_counts(a, b, 9, accepted), pair_counts(a, b, 9), draws)
    monkeypatch.setattr(dyads, "DENSE_PEOPLE", 0)
    sparse = fmr_figure(pair_counts(a, b, 9, accepted), pair_counts(a, b, 9), draws)
    assert dense.value == accepted.mean()
    assert (sparse.value, sparse.low, sparse.high) == pytest.approx(
        (dense.value, dense.low, dense.high), rel=1e-5
    )


def test_nothing_accepted_still_has_an_upper_bound() -> None:
    a, b, _ = some_pairs()
    figure = fmr_figure(
        pair_counts(a, b, 9, np.zeros(a.size, bool)), pair_counts(a, b, 9), people_draws(9)
    )
    assert figure.low == 0
    assert figure.high is not None
    assert 0.1 < figure.high < 0.5
