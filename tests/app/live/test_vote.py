"""Many frames, one decision."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.live.vote import LEAST_FRAMES, UNKNOWN_FRAMES, vote

DETERMINISTIC = settings(deadline=None, derandomize=True)
BALLOTS = st.lists(st.sampled_from([None, 1, 2, 3]), max_size=9)


@DETERMINISTIC
@given(BALLOTS, st.floats(0, 10))
def test_agrees_with_counting_by_hand(made: Any, ballots: list[int | None], age_s: float) -> None:
    got = vote([made.answer(who) for who in ballots], age_s)
    counts = Counter(ballots)
    names = [who for who in (1, 2, 3) if 2 * counts[who] > len(ballots) and counts[who] >= 3]
    if len(ballots) < LEAST_FRAMES:
        assert got is None
    elif names:
        assert got is not None
        assert got.identity is not None
        assert got.identity.id == names[0]
        assert got.n_for == counts[names[0]]
    elif 2 * counts[None] > len(ballots) and len(ballots) >= UNKNOWN_FRAMES and age_s >= 1.5:
        assert got is not None
        assert got.decision == "unknown"
    else:
        assert got is None


@DETERMINISTIC
@given(BALLOTS)
def test_the_order_of_the_frames_does_not_matter(made: Any, ballots: list[int | None]) -> None:
    one, other = (vote([made.answer(w) for w in b], 9) for b in (ballots, ballots[::-1]))
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.decision == other.decision
        assert (one.identity and one.identity.id) == (other.identity and other.identity.id)


def test_no_name_rests_on_one_frame(made: Any) -> None:
    assert vote([made.answer(1)], 60) is None
    assert vote([made.answer(1)] * 2, 60) is None
    assert vote([made.answer(1), made.answer(None), made.answer(None)], 60) is None


def test_the_score_is_the_median_of_the_frames_that_agree(made: Any) -> None:
    frames = [made.answer(1, s) for s in (0.6, 0.7, 0.9)] + [made.answer(2, 0.99)]
    got = vote(frames, 1)
    assert got is not None
    assert got.score == 0.7
    assert got.threshold == 0.5
    assert (got.n_for, got.n_frames) == (3, 4)


def test_frames_without_a_decision_do_not_vote(made: Any) -> None:
    from dataclasses import replace

    undecided = replace(made.answer(None), decision=None)
    assert vote([undecided] * 9, 60) is None
