import doctest
import itertools

import numpy as np
import pytest

from facegate.models.metrics import rates
from facegate.models.metrics.rates import rate_grid, rate_table


def test_doctests() -> None:
    assert doctest.testmod(rates).failed == 0


def test_grid_ends_where_ten_errors_are_expected() -> None:
    assert rate_grid(19) == []
    assert rate_grid(20) == [0.5]
    assert rate_grid(10_000_000)[-1] == 1e-6
    assert rate_grid(9_999_999)[-1] == 2e-6


def test_table_agrees_with_counting_comparisons_one_by_one() -> None:
    random = np.random.default_rng(3)
    people = random.integers(0, 12, 60)
    vectors = random.normal(size=(12, 16))[people] + random.normal(size=(60, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    table = rate_table(vectors, people, protocol="made up")
    impostor = [
        float(np.float32(vectors[i] @ vectors[j]))
        for i, j in itertools.combinations(range(60), 2)
        if people[i] != people[j]
    ]
    assert [rate.fmr for rate in table] == rate_grid(len(impostor))
    for rate in table:
        accepted = sum(1 for score in impostor if score >= rate.score - 1e-6)
        assert accepted / len(impostor) <= rate.fmr
        assert (accepted + 1) / len(impostor) > rate.fmr
        assert rate.impostors == len(impostor)
        assert rate.protocol == "made up"
    assert [r.score for r in table] == sorted(r.score for r in table)
    assert [r.fnmr for r in table] == sorted(r.fnmr or 0.0 for r in table)


def test_refuses_what_supports_no_rate() -> None:
    vectors = np.eye(4, dtype=np.float32)
    with pytest.raises(ValueError, match="no person has two"):
        rate_table(vectors, [1, 2, 3, 4], protocol="x")
    with pytest.raises(ValueError, match="support no rate"):
        rate_table(vectors, [1, 1, 3, 4], protocol="x")
