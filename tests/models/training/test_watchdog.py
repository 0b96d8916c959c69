import math
from dataclasses import replace

import pytest

from facegate.models.losses.result import LossStats
from facegate.models.training.watchdog import Signals, TrainingStopped, Watchdog

HEALTHY = Signals(
    loss=0.12,
    gradient=1.0,
    stats=LossStats(
        loss=0.12,
        n_pairs=384,
        n_semi=200,
        n_easy=150,
        n_none=34,
        n_active=200,
        d_ap=(0.5, 0.8, 1.2),
        d_an=(1.0, 1.3, 1.5),
    ),
    resultant=0.1,
    spread=0.5,
    margin=0.2,
)


def stats(**changes: object) -> Signals:
    assert HEALTHY.stats is not None
    return replace(HEALTHY, stats=replace(HEALTHY.stats, **changes))  # type: ignore[arg-type]


def feed(signals: Signals, steps: int, dog: Watchdog | None = None) -> list[str]:
    dog = dog or Watchdog()
    return [text for _ in range(steps) for text in dog.look(signals)]


def test_a_healthy_run_hears_nothing() -> None:
    assert feed(HEALTHY, 2000) == []


@pytest.mark.parametrize(
    ("signals", "steps", "cause"),
    [
        (stats(d_an=(0.0, 0.012, 0.05)), 60, "the embeddings collapsed"),
        (stats(loss=0.2, d_an=(0.1, 0.15, 0.2)), 60, "the loss is stuck at 0.200"),
        (stats(loss=math.log(2), d_an=(0.1, 0.15, 0.2)), 60, "the loss is stuck at 0.693"),
        (replace(HEALTHY, resultant=0.95), 60, "all embeddings point one way"),
        (replace(HEALTHY, spread=0.005), 60, "use 0.5% of their dimensions"),
        (stats(n_none=380, n_semi=4, n_easy=0), 600, "only negatives nearer"),
        (stats(n_pairs=0), 12, "no positive pair"),
        (replace(HEALTHY, loss=math.nan), 6, "were not finite"),
    ],
)
def test_each_failure_stops_with_its_cause_and_an_advice(
    signals: Signals, steps: int, cause: str
) -> None:
    with pytest.raises(TrainingStopped, match=cause) as caught:
        feed(signals, steps)
    assert caught.value.hint
    assert caught.value.exit_status == 3


def test_a_stage_that_has_learnt_all_is_no_failure() -> None:
    dog, idle = Watchdog(), stats(n_active=0, n_easy=384, n_semi=0, n_none=0)
    feed(idle, 99, dog)
    assert not dog.is_saturated
    [said] = dog.look(idle)
    assert "the stage ends, it has learnt what it can; raise p or margin" in said
    assert dog.is_saturated
    assert Watchdog.restored(dog.state()).is_saturated
    dog.look(HEALTHY)
    assert not dog.is_saturated


def test_a_count_that_wavers_is_no_new_spell_at_each_step() -> None:
    dog = Watchdog()
    said = [text for step in range(400) for text in feed(stats(n_active=25 + step % 2 * 8), 1, dog)]
    assert said == ["fewer than 32 active terms in a batch: the gradient is noisy"]


@pytest.mark.parametrize(
    ("signals", "warning"),
    [
        (stats(d_an=(0.3, 0.45, 0.6)), "negatives are getting very near"),
        (replace(HEALTHY, resultant=0.6), "more and more one way"),
        (replace(HEALTHY, spread=0.03), "few of their dimensions"),
        (stats(n_easy=370, n_semi=14, n_none=0), "past the margin"),
        (stats(n_active=5), "fewer than 32"),
    ],
)
def test_a_warning_is_said_once_a_spell(signals: Signals, warning: str) -> None:
    dog = Watchdog()
    said = feed(signals, 100, dog)
    assert len([text for text in said if warning in text]) == 1
    feed(HEALTHY, 400, dog)
    assert any(warning in text for text in feed(signals, 400, dog))


def test_one_broken_step_is_left_out_and_said() -> None:
    dog = Watchdog()
    feed(HEALTHY, 50, dog)
    broken = replace(HEALTHY, gradient=math.inf)
    assert not dog.is_sound(broken)
    assert any("not finite" in text for text in dog.look(broken))
    assert feed(HEALTHY, 200, dog) == []


def test_a_spike_of_the_gradient_is_not_stepped_on() -> None:
    dog = Watchdog()
    feed(HEALTHY, 50, dog)
    assert dog.is_sound(replace(HEALTHY, gradient=20.0))
    assert not dog.is_sound(replace(HEALTHY, gradient=200.0))
    assert any("ten times" in text for text in dog.look(replace(HEALTHY, gradient=20.0)))


def test_a_restored_watchdog_goes_on_as_the_other_would() -> None:
    one = Watchdog()
    feed(stats(d_an=(0.3, 0.45, 0.6)), 40, one)
    two = Watchdog.restored(one.state())
    bad = stats(d_an=(0.0, 0.02, 0.05))
    assert feed(bad, 20, one) == feed(bad, 20, two)
    assert one.state() == two.state()
