"""95 % intervals cover the truth 93 to 97 times in a hundred, counted over simulations.

People differ: each has an own shift of the scores, so that pairs which share a person are not
independent, and naive intervals would be far too short. All scores are normal, so that the true
rates follow from the normal distribution alone.

Of 500 simulations an interval that is right to the last digit holds 93 to 97 in a hundred in all
but one series in twenty, so there are 1,000. ``benchmarks/intervals`` has a table of what holds
with how many people.
"""

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from facegate.models.metrics.bootstrap import people_draws
from facegate.models.metrics.dyads import fmr_figure, pair_counts
from facegate.models.metrics.openset import measure_open_set
from facegate.models.metrics.searches import Searches
from facegate.models.metrics.verification import measure

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "intervals" / "run.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark, whose simulated scores are used here too."""
    spec = importlib.util.spec_from_file_location("intervals_run", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("n", "simulations"), [(30, 1000), (60, 1000)])
def test_verification_figures(bench: ModuleType, n: int, simulations: int) -> None:
    shared, own = 0.05, 0.09
    impostor, genuine = np.hypot(own, 2**0.5 * shared), np.hypot(bench.PERSON, bench.PAIR)
    even = brentq(lambda t: norm.cdf((t - bench.MEAN) / genuine) - norm.sf(t / impostor), -1, 2)
    truth = {
        "eer": norm.sf(even / impostor),
        "auc": norm.cdf(bench.MEAN / np.hypot(impostor, genuine)),
        0.1: norm.sf((norm.isf(0.1) * impostor - bench.MEAN) / genuine),
        0.01: norm.sf((norm.isf(0.01) * impostor - bench.MEAN) / genuine),
    }
    fars = (0.1, 0.01) if n > 45 else (0.1,)  # ten false accepts must be expected
    random, draws = np.random.default_rng(1), people_draws(n, n_draws=200)
    covered: Counter[object] = Counter()
    for _ in range(simulations):
        figures = measure(bench.simulate(random, n, shared, own), fars=fars, draws=draws)
        covered["eer"] += bench.holds(figures.eer, truth["eer"])
        covered["auc"] += bench.holds(figures.auc, truth["auc"])
        for tar in figures.tars:
            covered[tar.far] += bench.holds(tar.tar, truth[tar.far])
    assert len(covered) == 2 + len(fars)
    for name in covered:
        assert 0.93 <= covered[name] / simulations <= 0.97, covered


@pytest.mark.parametrize(
    ("shared", "own"), [(0.0, 0.1), (0.03, 0.1), (0.06, 0.08)], ids=["none", "weak", "strong"]
)
def test_false_match_rate_at_a_threshold(bench: ModuleType, shared: float, own: float) -> None:
    n, rate, simulations = 120, 0.01, 1000
    threshold = norm.isf(rate) * np.hypot(own, 2**0.5 * shared)
    random, draws = np.random.default_rng(2), people_draws(n)
    covered = 0
    for _ in range(simulations):
        c = bench.simulate(random, n, shared, own)
        accepted = pair_counts(c.person_a, c.person_b, n, c.impostor >= threshold)
        covered += bench.holds(
            fmr_figure(accepted, pair_counts(c.person_a, c.person_b, n), draws), rate
        )
    assert 0.93 <= covered / simulations <= 0.97


def test_detection_and_identification_rate(bench: ModuleType) -> None:
    """Strangers differ as much between as within; the gallery's other identity never wins."""
    n, fpir, simulations = 160, 0.1, 1000
    threshold = norm.isf(fpir) * np.hypot(0.06, 0.06)
    truth = norm.sf((threshold - bench.MEAN) / np.hypot(bench.PERSON, bench.PAIR))
    random, draws = np.random.default_rng(3), people_draws(2 * n, n_draws=200)
    person = np.repeat(np.arange(2 * n), 3)
    mate = np.where(person < n, 0, -1)
    covered = 0
    for _ in range(simulations):
        shift = np.concatenate(
            [random.normal(bench.MEAN, bench.PERSON, n), random.normal(0, 0.06, n)]
        )
        noise = np.where(mate >= 0, bench.PAIR, 0.06) * random.normal(0, 1, person.size)
        scores = np.full((person.size, 2), -1.0, np.float32)
        scores[:, 0] = shift[person] + noise
        figures = measure_open_set(
            Searches(scores, mate, person), fpirs=(fpir,), draws=draws, with_curve=False
        )
        covered += bench.holds(figures.dirs[0].dir, truth)
    assert 0.93 <= covered / simulations <= 0.97
