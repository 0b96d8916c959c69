import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models.metrics.openset import measure_open_set, size_curve
from facegate.models.metrics.openset_spread import OpenSetResampling
from facegate.models.metrics.searches import Searches, search


def made_up(seed: int, *, n_probes: int = 40, n_identities: int = 7) -> Searches:
    random = np.random.default_rng(seed)
    scores = random.normal(0, 1, (n_probes, n_identities)).round(1).astype(np.float32)
    mate = random.integers(-1, n_identities, n_probes)
    mate[0] = 0
    own = np.flatnonzero(mate >= 0)
    scores[own, mate[own]] += 1
    scores[random.random(n_probes) < 0.1] = -np.inf
    person = np.where(mate >= 0, mate, n_identities + np.arange(n_probes))
    return Searches(scores, mate, np.unique(person, return_inverse=True)[1])


def oracle(searches: Searches, fpir: float) -> tuple[float, float]:
    """Rank-1 rate and DIR by asking about each probe in turn."""

    def is_identified(probe: int, threshold: float) -> bool:
        mate = int(searches.mate[probe])
        mine = float(searches.scores[probe, mate])
        rivals = [float(s) for k, s in enumerate(searches.scores[probe]) if k != mate]
        return mine > max(rivals) and mine >= threshold and mine > -np.inf

    mated = [p for p in range(len(searches.mate)) if searches.mate[p] >= 0]
    strangers = [p for p in range(len(searches.mate)) if searches.mate[p] < 0]
    rank1 = sum(is_identified(p, -np.inf) for p in mated) / len(mated)
    alarms = sorted(float(searches.scores[p].max()) for p in strangers)
    for threshold in [*alarms, np.inf]:
        raised = sum(1 for score in alarms if score >= threshold)
        if threshold > -np.inf and raised <= fpir * len(strangers) + 1e-9:
            break
    if threshold == np.inf:
        threshold = max(alarms, default=-np.inf) + 1e-6
    return rank1, sum(is_identified(p, threshold) for p in mated) / len(mated)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10_000))
def test_rates_agree_with_asking_about_each_probe(seed: int) -> None:
    searches = made_up(seed, n_probes=200)
    once = np.ones((int(searches.person.max()) + 1, 2), np.float32)
    figures = measure_open_set(searches, draws=once)
    rank1, at_ten = oracle(searches, 0.1)
    assert figures.rank1.value == pytest.approx(rank1)
    found = {d.fpir: d for d in figures.dirs}
    if 0.1 in found:
        assert found[0.1].dir.value == pytest.approx(at_ten)
        assert found[0.1].achieved <= 0.1


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 10_000))
def test_draws_agree_with_repeating_each_probe(seed: int) -> None:
    searches = made_up(seed, n_probes=150)
    n_people = int(searches.person.max()) + 1
    random = np.random.default_rng(seed)
    weights = np.bincount(random.integers(0, n_people, n_people), minlength=n_people)
    rows = np.repeat(np.arange(150), weights[searches.person])
    own, stranger, mated = searches.best()
    resampling = OpenSetResampling(
        own,
        searches.person[mated],
        stranger,
        searches.person[searches.mate < 0],
        n_people,
        [0.2],
    )
    got = resampling.draw(weights[:, None].astype(np.float32))
    repeated = Searches(searches.scores[rows], searches.mate[rows], searches.person[rows])
    if (repeated.mate >= 0).any() and (repeated.mate < 0).any():
        rank1, at_twenty = oracle(repeated, 0.2)
        assert got["rank1"][0] == pytest.approx(rank1)
        assert got["dir@0.2"][0] == pytest.approx(at_twenty)


def test_rates_that_the_strangers_cannot_resolve_are_left_out() -> None:
    searches = made_up(1, n_probes=300)
    figures = measure_open_set(searches)
    assert 10 <= figures.n_nonmated < 100
    assert figures.dirs == ()
    assert figures.smallest_fpir == 10 / figures.n_nonmated


def test_swapped_identities_are_never_found() -> None:
    rows = np.eye(6, dtype=np.float32)
    found = np.ones(6, bool)
    scores = search(rows, found, rows, np.roll(np.arange(6), 1), 6)
    figures = measure_open_set(Searches(scores, np.arange(6), np.arange(6)))
    assert figures.rank1.value == 0
    straight = search(rows, found, rows, np.arange(6), 6)
    assert measure_open_set(Searches(straight, np.arange(6), np.arange(6))).rank1.value == 1


def test_false_alarms_grow_with_the_gallery() -> None:
    random = np.random.default_rng(5)
    mate = np.concatenate([np.arange(200), np.full(400, -1)])
    scores = random.normal(0, 1, (600, 200)).astype(np.float32)
    scores[np.arange(200), np.arange(200)] += 3
    curve = size_curve(Searches(scores, mate, np.arange(600)), [0.1])
    assert [point.n for point in curve] == [10, 20, 50, 100, 200]
    assert curve[0].dir > curve[-1].dir
    for point in curve:
        assert point.low <= point.dir <= point.high
