import doctest
import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models.metrics import pairs
from facegate.models.metrics.pairs import genuine_pairs, impostor_blocks, impostor_scores
from facegate.models.values import Floats

SETTINGS = settings(deadline=None, derandomize=True)
PEOPLE = st.lists(st.sampled_from("abcd"), max_size=30)


def rows(n: int) -> Floats:
    vectors = np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_doctests() -> None:
    assert doctest.testmod(pairs).failed == 0


@SETTINGS
@given(PEOPLE, st.integers(1, 12))
def test_genuine_pairs_are_distinct_and_at_most_the_limit_a_person(
    people: list[str], limit: int
) -> None:
    chosen = genuine_pairs(people, limit=limit)
    found = list(zip(chosen.first.tolist(), chosen.second.tolist(), strict=True))
    assert len(set(found)) == len(found)
    for person in set(people):
        mine = [index for index, name in enumerate(people) if name == person]
        possible = set(itertools.combinations(mine, 2))
        kept = [pair for pair in found if people[pair[0]] == person]
        assert set(kept) <= possible
        assert len(kept) == min(limit, len(possible))
        at = [k for k, pair in enumerate(found) if pair in kept]
        assert not kept or abs(chosen.weights[at].sum() - 1) < 1e-12


def test_the_choice_spreads_over_photographs() -> None:
    chosen = genuine_pairs(["a"] * 50)
    assert len(set(chosen.first.tolist())) >= 8


@SETTINGS
@given(PEOPLE)
def test_impostor_scores_are_all_pairs_of_different_people(people: list[str]) -> None:
    vectors = rows(len(people))
    expected = [
        float(vectors[i] @ vectors[j])
        for i, j in itertools.combinations(range(len(people)), 2)
        if people[i] != people[j]
    ]
    got = impostor_scores(vectors, people)
    np.testing.assert_allclose(np.sort(got), np.sort(expected), atol=1e-6)


def test_one_photograph_everywhere_scores_the_same_everywhere() -> None:
    """A product of two rows and a product of matrices differ in their last bits."""
    (one,) = rows(1)
    people = np.repeat(np.arange(40), 3)
    vectors = np.repeat(one[None], people.size, axis=0)
    same = genuine_pairs(people).scores(vectors)
    assert np.unique(np.concatenate([same, impostor_scores(vectors, people)])).tolist() == [1.0]


def test_blocks_cover_each_pair_once_across_their_borders() -> None:
    people = np.arange(2500) % 7
    vectors = rows(2500)
    seen = np.zeros((2500, 2500), np.int8)
    parts = []
    for i, j, scores in impostor_blocks(vectors, people):
        seen[i, j] += 1
        parts.append(scores)
    expected = np.triu(people[:, None] != people[None, :], 1)
    assert (seen == expected).all()
    assert np.array_equal(np.concatenate(parts), impostor_scores(vectors, people))
