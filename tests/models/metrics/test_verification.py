import doctest
from dataclasses import replace

import numpy as np
import pytest

from facegate.models.metrics import verification
from facegate.models.metrics.comparisons import Comparisons
from facegate.models.metrics.errors import fmr_at, fnmr_at
from facegate.models.metrics.verification import compare, measure


def scores(seed: int = 0, *, n: int = 80, gap: float = 3.0) -> Comparisons:
    random = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    person = np.repeat(np.arange(n), 2)
    return Comparisons(
        random.normal(gap, 1, person.size),
        person,
        np.full(person.size, 0.5),
        random.normal(0, 1, i.size),
        i.astype(np.int32),
        j.astype(np.int32),
        n,
    )


def test_doctests() -> None:
    assert doctest.testmod(verification).failed == 0


def test_true_accept_rates_are_given_where_the_pairs_resolve_them() -> None:
    c = scores()
    figures = measure(c)
    assert c.impostor.size == 3160
    assert [tar.far for tar in figures.tars] == [0.1, 0.01]
    assert figures.smallest_far == pytest.approx(10 / 3160)
    assert [tar.low_confidence for tar in figures.tars] == [False, True]
    for tar in figures.tars:
        assert tar.achieved == fmr_at(c.impostor, tar.threshold) <= tar.far
        assert tar.tar.value == pytest.approx(1 - fnmr_at(c.genuine, tar.threshold))
        assert tar.tar.low is not None
        assert tar.tar.high is not None
        assert tar.tar.low < tar.tar.value < tar.tar.high


def test_shuffled_labels_are_at_chance() -> None:
    c = scores(gap=3)
    random = np.random.default_rng(9)
    together = random.permutation(np.concatenate([c.genuine, c.impostor]))
    figures = measure(
        replace(c, genuine=together[: c.genuine.size], impostor=together[c.genuine.size :])
    )
    assert figures.eer.low is not None
    assert figures.eer.high is not None
    assert figures.eer.low < 0.5 < figures.eer.high


def test_a_better_model_is_clearly_better_and_itself_is_not() -> None:
    worse = scores(gap=2)
    better = replace(worse, genuine=worse.genuine + 1)
    found = {d.name: d for d in compare(worse, better)}
    assert found["eer"].is_clear
    assert found["eer"].high < 0
    assert found["tar@0.1"].low > 0
    for same in compare(worse, worse):
        assert not same.is_clear
        assert (same.low, same.high) == (0, 0)


def test_refuses_to_compare_different_comparisons() -> None:
    with pytest.raises(ValueError, match="different comparisons"):
        compare(scores(n=80), scores(n=79))
