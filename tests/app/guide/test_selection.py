"""The best few frames, good and different."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.guide.selection import DUPLICATE, POOL, Kept, Pool, choose

DETERMINISTIC = settings(deadline=None, derandomize=True)


def kept(seed: int, quality: float, direction: str = "straight") -> Kept:
    row = np.random.default_rng(seed).standard_normal(32)
    unit = (row / np.linalg.norm(row)).astype(np.float32)
    return Kept(seed, unit, quality, direction, float(seed))


FRAMES = st.lists(
    st.builds(
        kept,
        st.integers(0, 60),
        st.floats(0, 1),
        st.sampled_from(["straight", "left", "up", ""]),
    ),
    max_size=70,
)


@DETERMINISTIC
@given(FRAMES, st.integers(1, 10))
def test_chosen_frames_are_some_of_the_offered_and_the_first_is_the_best(
    frames: list[Kept], k: int
) -> None:
    chosen = choose(frames, k)
    assert len(chosen) == min(k, len(frames))
    assert all(any(c is f for f in frames) for c in chosen)
    assert len({id(c) for c in chosen}) == len(chosen)
    if frames:
        assert chosen[0].quality == max(f.quality for f in frames)


@DETERMINISTIC
@given(FRAMES)
def test_every_direction_there_is_gets_a_place(frames: list[Kept]) -> None:
    chosen = choose(frames, 4)
    there = {f.direction for f in frames if f.direction}
    if len(frames) >= 4:
        assert there <= {c.direction for c in chosen} | {""} or len(there) > 4


@DETERMINISTIC
@given(FRAMES)
def test_a_pool_stays_small_and_without_duplicates(frames: list[Kept]) -> None:
    pool = Pool(8)
    for frame in frames:
        pool.offer(frame)
    assert len(pool) <= POOL
    best = pool.best()
    for i, one in enumerate(best):
        for other in best[:i]:
            assert float(one.embedding @ other.embedding) < DUPLICATE


def test_a_better_frame_takes_the_place_of_its_duplicate() -> None:
    pool = Pool(8)
    assert pool.offer(kept(1, 0.4))
    assert not pool.offer(kept(1, 0.3))
    assert pool.offer(kept(1, 0.9))
    assert [frame.quality for frame in pool.best()] == [0.9]


def test_an_empty_pool_is_like_nobody() -> None:
    pool = Pool(3)
    assert pool.best() == []
    assert pool.nearest(kept(1, 1).embedding) == -1
    assert pool.likeness(kept(1, 1).embedding) == -1


def test_one_that_is_like_a_single_frame_of_many_is_not_like_the_pool() -> None:
    pool = Pool(8)
    axes = np.eye(6, dtype=np.float32)
    for i in range(1, 6):  # all alike by the first axis, each with one of its own
        row = 0.7 * axes[0] + 0.714 * axes[i]
        pool.offer(Kept(i, row / np.linalg.norm(row), 0.5, "", 0.0))
    assert pool.nearest(axes[1]) > 0.7
    assert pool.likeness(axes[1]) < 0.4
    assert pool.likeness(axes[0]) > 0.69
