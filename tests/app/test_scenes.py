"""Scenes: shots at times and all between them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.clips import Shot
from facegate.scenes import between, sitting_down, through

DETERMINISTIC = settings(deadline=None, derandomize=True)


@DETERMINISTIC
@given(st.floats(0, 1))
def test_between_stays_between(share: float) -> None:
    first, second = Shot(yaw=-20, light=0.5), Shot(yaw=20, light=1.5)
    mixed = between(first, second, share)
    assert -20 <= mixed.yaw <= 20
    assert 0.5 <= mixed.light <= 1.5


def test_through_meets_its_stops() -> None:
    stops = [(0.0, Shot(yaw=0)), (1.0, Shot(yaw=10)), (2.0, Shot(yaw=-10))]
    shots = list(through(stops, fps=10))
    assert len(shots) == 21
    assert [shots[i].yaw for i in (0, 10, 20)] == pytest.approx([0, 10, -10])


def test_somebody_who_sits_down_looks_every_way() -> None:
    shots = list(through(sitting_down(seed=0)))
    assert max(s.yaw for s in shots) > 15
    assert min(s.yaw for s in shots) < -15
    assert max(s.pitch for s in shots) > 12
    assert min(s.pitch for s in shots) < -10
