import numpy as np
import pytest

from facegate.models.metrics.spread import Spread


def test_variance_takes_off_two_thirds_of_the_pairs_own_luck() -> None:
    people, pairs = np.array([0.0, 2.0]), np.array([0.0, 1.0])
    spread = Spread(people, pairs, np.zeros(3), 4)
    assert spread.variance == pytest.approx(2 * 4 / 3 - 2 * 0.25)
    assert (spread - spread).variance == 0


def test_variance_is_half_of_the_pairs_own_luck_at_least() -> None:
    spread = Spread(np.array([0.0, 0.1]), np.array([0.0, 1.0]), np.zeros(3), 4)
    assert spread.variance == pytest.approx(0.25 / 2)
