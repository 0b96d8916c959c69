"""What resampling mates, strangers or both shows of a figure, and how sure it is."""

import math

import numpy as np
import pytest

from facegate.models.metrics.bootstrap import people_draws
from facegate.models.metrics.openset_spread import OpenSetResampling, OpenSetSpread


def made_up(
    seed: int, n_mates: int = 30, n_strangers: int = 40, fpirs: tuple[float, ...] = (0.2,)
) -> OpenSetResampling:
    """Two probes of each person; scores of mates and of strangers overlap."""
    random = np.random.default_rng(seed)
    return OpenSetResampling(
        own=random.normal(1.5, 1, 2 * n_mates),
        owner=np.repeat(np.arange(n_mates), 2),
        stranger=random.normal(0, 1, 2 * n_strangers),
        other=np.repeat(n_mates + np.arange(n_strangers), 2),
        n_people=n_mates + n_strangers,
        fpirs=fpirs,
    )


def test_the_interplay_of_mates_and_strangers_is_counted_once() -> None:
    """A sum of two parts and their product, drawn as the bootstrap draws it."""
    random = np.random.default_rng(0)
    a, b, c = random.normal(size=(3, 400_000))
    without = np.array([1.0, -1.0])
    spread = OpenSetSpread(
        value=5.0,
        both=5 + 3 * a + 2 * b + c,  # each side alone carries the product of its sample once
        mates=5 + 3 * a,
        strangers=5 + 2 * b,
        without_mate=without,
        without_stranger=without,
        n_people=1_000_000,
    )
    assert spread.variance == pytest.approx(9 + 4 + 1 - 2 * 1, rel=0.02)


def test_the_variance_never_falls_to_nothing_where_the_interplay_is_all() -> None:
    random = np.random.default_rng(0)
    product = random.normal(size=100_000)
    none = np.zeros(product.size)
    spread = OpenSetSpread(0.0, product, none, none, np.zeros(3), np.zeros(3), 1_000_000)
    assert spread.variance == pytest.approx(0.5, rel=0.02)
    assert spread.degrees == math.inf


def test_strangers_say_nothing_about_rank_1() -> None:
    resampling = made_up(1)
    spread = resampling.spread(people_draws(resampling.n_people))
    assert np.ptp(spread["rank1"].strangers) == 0
    assert np.array_equal(spread["rank1"].mates, spread["rank1"].both[:250])
    moved = spread["dir@0.2"]
    assert np.ptp(moved.strangers) > 0
    assert moved.without_mate.shape == (30,)
    assert moved.without_stranger.shape == (40,)
    assert 2 <= moved.degrees <= 68


def test_the_variance_is_that_of_many_samples() -> None:
    """What one sample says of its own doubt is right on average."""
    draws = people_draws(70, n_draws=200)
    found, said = [], []
    for seed in range(400):
        spread = made_up(seed).spread(draws)["dir@0.2"]
        found.append(spread.value)
        said.append(spread.variance)
    assert np.mean(said) == pytest.approx(np.var(found), rel=0.2)


def test_a_figure_less_itself_does_not_move() -> None:
    resampling = made_up(2)
    spread = resampling.spread(people_draws(resampling.n_people, n_draws=40))["dir@0.2"]
    nothing = spread - spread
    assert (nothing.value, nothing.variance, nothing.degrees) == (0.0, 0.0, math.inf)


@pytest.mark.parametrize("n_strangers", [0, 1])
def test_few_strangers_are_no_trouble(n_strangers: int) -> None:
    resampling = made_up(3, n_strangers=n_strangers, fpirs=())
    spread = resampling.spread(people_draws(resampling.n_people, n_draws=40))["rank1"]
    assert (spread.value, spread.variance, spread.degrees) == (1.0, 0.0, math.inf)
