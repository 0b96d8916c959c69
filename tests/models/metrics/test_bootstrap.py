import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models.metrics.bootstrap import (
    Resampling,
    Weights,
    pair_draws,
    people_draws,
)
from facegate.models.metrics.comparisons import Comparisons
from facegate.models.metrics.errors import fnmr_at, roc, threshold_at_fmr


def made_up(seed: int, *, n: int = 12, ties: bool = True) -> Comparisons:
    random = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    person = np.repeat(np.arange(n), 3)
    impostor = random.normal(0, 1, i.size)
    genuine = random.normal(1.5, 1, person.size)
    if ties:
        impostor, genuine = impostor.round(1), genuine.round(1)
    return Comparisons(
        genuine,
        person,
        np.full(person.size, 1 / 3),
        impostor,
        i.astype(np.int32),
        j.astype(np.int32),
        n,
    )


def repeated(c: Comparisons, w: Weights) -> tuple[list[float], list[float], list[float]]:
    """Draw people by writing every comparison as often as its people were drawn."""
    genuine, weight, impostor = [], [], []
    for k, score in enumerate(c.genuine):
        for _ in range(int(w[c.genuine_person[k]])):
            genuine.append(float(score))
            weight.append(float(c.genuine_weight[k]))
    for k, score in enumerate(c.impostor):
        for _ in range(int(w[c.person_a[k]]) * int(w[c.person_b[k]])):
            impostor.append(float(score))
    return genuine, weight, impostor


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 10_000), st.booleans())
def test_draws_agree_with_repeating_each_comparison(seed: int, ties: bool) -> None:
    c = made_up(seed, ties=ties)
    people = people_draws(c.n_people, n_draws=5, seed=seed)
    got = Resampling(c, (0.3, 0.1)).draw(people)
    for draw in range(5):
        genuine, weight, impostor = repeated(c, people[:, draw])
        curve = roc(genuine, impostor, weight)
        assert got["eer"][draw] == pytest.approx(curve.eer)
        assert got["auc"][draw] == pytest.approx(curve.auc)
        for far in (0.3, 0.1):
            threshold = threshold_at_fmr(impostor, far)
            expected = 1 - fnmr_at(genuine, threshold, weight)
            assert got[f"tar@{far:g}"][draw] == pytest.approx(expected)


def test_everyone_drawn_once_gives_the_figures_themselves() -> None:
    c = made_up(3, n=40)
    once = np.ones((40, 1), np.float32)
    got = Resampling(c, (0.1,)).draw(once)
    curve = roc(c.genuine, c.impostor, c.genuine_weight)
    assert got["eer"][0] == pytest.approx(curve.eer)
    assert got["auc"][0] == pytest.approx(curve.auc)


def test_thinning_changes_the_figures_by_less_than_their_intervals() -> None:
    random = np.random.default_rng(0)
    n, m = 300, 400_000
    a, b = random.integers(0, n, (2, m)).astype(np.int32)
    person = np.repeat(np.arange(n), 4)
    c = Comparisons(
        random.normal(2.5, 1, person.size),
        person,
        np.full(person.size, 0.25),
        random.normal(0, 1, m).astype(np.float32),
        a,
        b,
        n,
    )
    got = Resampling(c, (0.1, 0.001)).draw(np.ones((n, 1), np.float32))
    curve = roc(c.genuine, c.impostor, c.genuine_weight)
    assert got["eer"][0] == pytest.approx(curve.eer, abs=1e-4)
    assert got["auc"][0] == pytest.approx(curve.auc, abs=1e-4)
    for far in (0.1, 0.001):
        expected = 1 - fnmr_at(c.genuine, threshold_at_fmr(c.impostor, far), c.genuine_weight)
        assert got[f"tar@{far:g}"][0] == pytest.approx(expected, abs=2e-3)


def test_draws_are_repeatable_and_take_as_many_people() -> None:
    draws = people_draws(17, n_draws=40)
    assert (draws.sum(axis=0) == 17).all()
    assert np.array_equal(draws, people_draws(17, n_draws=40))
    assert not np.array_equal(draws, people_draws(17, n_draws=40, seed=1))


def test_pair_draws_are_poisson_and_depend_on_the_pair_alone() -> None:
    weights = pair_draws(np.arange(20_000), np.arange(40))
    assert weights.mean() == pytest.approx(1, abs=0.01)
    assert weights.var() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(weights[:, 0], weights[:, 1])[0, 1]) < 0.03
    assert abs(np.corrcoef(weights[1:, 0], weights[:-1, 0])[0, 1]) < 0.03
    alone = pair_draws(np.array([7, 19_999]), np.array([3, 39]))
    assert np.array_equal(alone, weights[[7, 19_999]][:, [3, 39]])


def test_a_draw_without_any_genuine_pair_says_nothing() -> None:
    c = made_up(1)
    alone = np.ones((12, 2), np.float32)
    lonely = Comparisons(
        c.genuine[:3],
        c.genuine_person[:3],
        c.genuine_weight[:3],
        c.impostor,
        c.person_a,
        c.person_b,
        12,
    )
    alone[0, 0] = 0
    got = Resampling(lonely).draw(alone)
    assert np.isnan(got["eer"][0])
    assert np.isfinite(got["eer"][1])
