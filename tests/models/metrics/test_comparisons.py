import numpy as np
import pytest

from facegate.models.metrics import comparisons
from facegate.models.metrics.comparisons import compare_people
from facegate.models.metrics.pairs import impostor_scores


def test_impostor_scores_know_their_people() -> None:
    random = np.random.default_rng(2)
    people = [f"p{k}" for k in random.integers(0, 6, 40)]
    rows = random.normal(size=(40, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    c = compare_people(rows, people)
    names = sorted(set(people))
    assert np.array_equal(np.sort(c.impostor), np.sort(impostor_scores(rows, people)))
    assert (c.person_a != c.person_b).all()
    means = np.zeros((len(names), len(names)))
    for i in range(40):
        for j in range(i + 1, 40):
            if people[i] != people[j]:
                means[names.index(people[i]), names.index(people[j])] += rows[i] @ rows[j]
    got = np.zeros_like(means)
    np.add.at(got, (c.person_a, c.person_b), c.impostor)
    np.testing.assert_allclose(got + got.T, means + means.T, atol=1e-5)
    assert c.n_people == len(names)
    assert c.n_impostor_people == len(names)


def test_refuses_more_pairs_than_memory_should_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparisons, "MAX_PAIRS", 2)
    with pytest.raises(ValueError, match="3 impostor pairs are more"):
        compare_people(np.eye(3, dtype=np.float32), [0, 1, 2])
