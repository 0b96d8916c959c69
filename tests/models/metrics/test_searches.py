import doctest

import numpy as np
import pytest

from facegate.models.metrics import searches
from facegate.models.metrics.searches import Searches, search


def test_doctests() -> None:
    assert doctest.testmod(searches).failed == 0


def test_a_probe_without_a_face_is_a_miss_and_no_alarm() -> None:
    scores = np.array([[0.9, 0.1], [-np.inf, -np.inf], [-np.inf, -np.inf]], np.float32)
    own, stranger, _ = Searches(scores, np.array([0, 1, -1]), np.arange(3)).best()
    assert own.tolist() == [pytest.approx(0.9), -np.inf]
    assert stranger.tolist() == [-np.inf]


def test_the_best_template_of_an_identity_counts() -> None:
    random = np.random.default_rng(0)
    probes, templates = random.normal(size=(5, 4)), random.normal(size=(11, 4))
    identity = random.integers(0, 3, 11)
    got = search(
        probes.astype(np.float32), np.ones(5, bool), templates.astype(np.float32), identity, 4
    )
    for p in range(5):
        for k in range(4):
            mine = [
                float(probes[p] @ t) for t, i in zip(templates, identity, strict=True) if i == k
            ]
            assert got[p, k] == pytest.approx(max(mine, default=-np.inf), abs=1e-5)
