import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.data.sampler import PKSampler, UniformSampler
from facegate.errors import InputError


def labels_of(counts: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts).astype(np.int64)


@settings(deadline=None, derandomize=True)
@given(
    counts=st.lists(st.integers(1, 12), min_size=2, max_size=40).filter(
        lambda counts: sum(count >= 2 for count in counts) >= 2
    ),
    p=st.integers(2, 12),
    k=st.integers(2, 6),
    extra=st.integers(0, 4),
    step=st.integers(0, 50),
)
def test_a_batch_repeats_no_image_and_everybody_in_it_has_a_positive(
    counts: list[int], p: int, k: int, extra: int, step: int
) -> None:
    labels = labels_of(counts)
    sampler = PKSampler(labels, n_identities=p, n_images=k, n_extra=extra, seed=3)
    rows = sampler.batch(step)
    assert len(set(rows.tolist())) == len(rows)
    n_extra = min(extra, counts.count(1))
    main = rows[: len(rows) - n_extra]
    _, each = np.unique(labels[main], return_counts=True)
    assert each.min() >= 2
    assert each.max() <= k
    assert len(main) <= p * k
    assert all(counts[label] == 1 for label in labels[rows[len(main) :]])


def test_batches_are_a_function_of_seed_and_step() -> None:
    labels = labels_of([5] * 30)
    one, two = (PKSampler(labels, n_identities=8, n_images=4, seed=1) for _ in range(2))
    later = [one.batch(step) for step in range(9)]
    assert np.array_equal(two.batch(8), later[8])
    assert not np.array_equal(
        PKSampler(labels, n_identities=8, n_images=4, seed=2).batch(8), later[8]
    )


def test_a_pass_gives_everybody_a_turn() -> None:
    labels = labels_of([6] * 32)
    sampler = PKSampler(labels, n_identities=8, n_images=4)
    assert sampler.steps_a_pass == 4
    seen = np.concatenate([labels[sampler.batch(step)] for step in range(4)])
    assert np.unique(seen).size == 32


def test_few_images_are_made_up_for_by_further_people_not_by_repeats() -> None:
    labels = labels_of([2] * 40)
    rows = PKSampler(labels, n_identities=4, n_images=8).batch(0)
    assert len(rows) == 32
    assert np.unique(labels[rows]).size == 16


def test_many_images_bring_more_turns() -> None:
    labels = labels_of([100] * 10 + [4] * 90)
    sampler = PKSampler(labels, n_identities=10, n_images=4, power=0.5)
    seen = np.concatenate([labels[sampler.batch(step)] for step in range(200)])
    rich = np.isin(seen, np.arange(10)).mean()
    assert 0.25 < rich < 0.45  # 10 * 5 turns of 50 + 90 * 1, the rest by chance


def test_look_alikes_come_together() -> None:
    labels = labels_of([4] * 64)
    sampler = PKSampler(labels, n_identities=16, n_images=4, alike=0.5)
    near = {i: np.array([(i // 8) * 8 + (i + n) % 8 for n in range(1, 8)]) for i in range(64)}
    plain = [np.unique(labels[sampler.batch(step)] // 8).size for step in range(20)]
    sampler.set_neighbours(near)
    alike = [np.unique(labels[sampler.batch(step)] // 8).size for step in range(20)]
    assert np.mean(alike) < np.mean(plain) - 0.5
    assert all(len(set(r)) == len(r) for r in (sampler.batch(s).tolist() for s in range(20)))


def test_unlabelled_rows_are_never_drawn() -> None:
    labels = np.array([0, 0, 1, 1, -1, -1])
    rows = PKSampler(labels, n_identities=2, n_images=2, n_extra=5).batch(0)
    assert sorted(rows.tolist()) == [0, 1, 2, 3]


def test_one_person_is_refused() -> None:
    with pytest.raises(InputError, match="1 identities have two images or more"):
        PKSampler(labels_of([5, 1, 1]), n_identities=2, n_images=2)


def test_uniform_batches_cover_everything_once_a_pass() -> None:
    sampler = UniformSampler(np.arange(10, 22), size=4)
    seen = np.concatenate([sampler.batch(step) for step in range(3)])
    assert sorted(seen.tolist()) == list(range(10, 22))
    assert len(set(sampler.batch(3).tolist())) == 4


def test_nothing_to_draw_from_is_refused() -> None:
    with pytest.raises(InputError, match="no image to draw from"):
        UniformSampler([], size=4)
