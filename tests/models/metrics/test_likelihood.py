import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models.metrics import likelihood
from facegate.models.metrics.comparisons import Comparisons
from facegate.models.metrics.likelihood import (
    cllr,
    cross_fitted,
    fit_score_map,
    min_cllr,
    reliability,
    thinned,
)

RATIOS = st.lists(st.floats(-20, 20), min_size=1, max_size=20)


def oracle_cllr(genuine: list[float], impostor: list[float]) -> float:
    same = sum(math.log2(1 + math.exp(-ratio)) for ratio in genuine) / len(genuine)
    different = sum(math.log2(1 + math.exp(ratio)) for ratio in impostor) / len(impostor)
    return (same + different) / 2


def test_doctests() -> None:
    assert doctest.testmod(likelihood).failed == 0


@settings(deadline=None, derandomize=True)
@given(RATIOS, RATIOS)
def test_cost_agrees_with_its_definition(genuine: list[float], impostor: list[float]) -> None:
    assert cllr(genuine, impostor) == pytest.approx(oracle_cllr(genuine, impostor))


@settings(deadline=None, derandomize=True, max_examples=50)
@given(RATIOS, RATIOS)
def test_no_rising_map_costs_less_than_the_least_cost(
    genuine: list[float], impostor: list[float]
) -> None:
    least = min_cllr(genuine, impostor)
    assert 0 <= least <= 1 + 1e-9
    assert least <= cllr(genuine, impostor) + 1e-9


def test_the_map_of_two_equal_normals_is_the_true_ratio() -> None:
    random = np.random.default_rng(0)
    fitted = fit_score_map(random.normal(1, 1, 100_000), random.normal(-1, 1, 100_000))
    # log N(x; 1, 1) - log N(x; -1, 1) = 2 x
    assert fitted.slope == pytest.approx(2, abs=0.05)
    assert fitted.offset == pytest.approx(0, abs=0.05)


def test_true_ratios_are_honest_and_doubled_ones_are_not() -> None:
    random = np.random.default_rng(1)
    genuine, impostor = random.normal(2, 2, 50_000), random.normal(-2, 2, 50_000)
    honest = reliability(genuine, impostor)
    boastful = reliability(3 * genuine, 3 * impostor)
    assert honest.ece < 0.01
    assert boastful.ece > 0.05
    assert honest.cllr < boastful.cllr
    assert honest.min_cllr == pytest.approx(boastful.min_cllr)
    assert sum(b.weight for b in honest.bins) == pytest.approx(1)


def test_the_prior_moves_what_is_claimed_and_stays_honest() -> None:
    random = np.random.default_rng(2)
    genuine, impostor = random.normal(2, 2, 50_000), random.normal(-2, 2, 50_000)
    rare = reliability(genuine, impostor, prior=0.01)
    claimed = sum(b.claimed * b.weight for b in rare.bins)
    assert claimed == pytest.approx(0.01, abs=0.003)
    assert rare.ece < 0.005


def test_the_halves_judge_each_other() -> None:
    random = np.random.default_rng(3)
    i, j = np.triu_indices(60, 1)
    person = np.repeat(np.arange(60), 3)
    c = Comparisons(
        np.append(random.normal(3, 1, person.size - 1), -np.inf),
        person,
        np.ones(person.size),
        random.normal(0, 1, i.size),
        i.astype(np.int32),
        j.astype(np.int32),
        60,
    )
    judged = cross_fitted(c)
    assert judged is not None
    assert judged.min_cllr <= judged.cllr < 0.5
    few = Comparisons(
        c.genuine[:4], person[:4], c.genuine_weight[:4], c.impostor, c.person_a, c.person_b, 60
    )
    assert cross_fitted(few) is None


def test_thinning_keeps_the_shape() -> None:
    scores = np.random.default_rng(4).normal(size=10_000)
    kept = thinned(scores, most=500)
    assert kept.size == 500
    assert np.median(kept) == pytest.approx(np.median(scores), abs=0.01)
    assert thinned(scores, most=20_000) is scores
