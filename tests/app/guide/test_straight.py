"""The straight look: learned from somebody who keeps still, or taken as it was in the end."""

from facegate.guide.straight import CALIBRATE_S, RELEARN_AFTER_S, StraightLook
from facegate.quality import Pose

STEP_S = 0.1


def watch(look: StraightLook, pitches: list[float], *, late: bool = False) -> list[float | None]:
    return [
        look.learn(i * STEP_S, Pose(0, pitch, 0), watched_s=i * STEP_S if late else None)
        for i, pitch in enumerate(pitches)
    ]


def test_who_keeps_still_is_known_after_half_a_second() -> None:
    look = StraightLook()
    assert watch(look, [12.0] * 6) == [None] * 5 + [CALIBRATE_S]
    assert look.pitch == 12.0


def test_a_refused_frame_begins_it_again_until_it_is_known() -> None:
    look = StraightLook()
    watch(look, [3.0] * 5)
    look.interrupt()
    assert watch(look, [5.0] * 5) == [None] * 5
    watch(look, [5.0] * 6)
    look.interrupt()
    assert look.pitch == 5.0


def test_who_never_keeps_still_is_taken_as_they_are_where_that_is_allowed() -> None:
    def restless() -> list[float]:
        return [(-10.0, 0.0, 10.0)[i % 3] for i in range(20)]

    look = StraightLook()
    for second in range(9):  # interrupted every two seconds, so that it never lasts
        for i, pitch in enumerate(restless()):
            held = look.learn(second + i / 20, Pose(0, pitch, 0), watched_s=float(second))
            if held is not None:
                assert (held, look.pitch, second) == (0.0, 0.0, 8)
                return
        look.interrupt()
    raise AssertionError("the straight look was never taken")


def test_a_look_elsewhere_for_long_becomes_straight() -> None:
    look = StraightLook()
    watch(look, [0.0] * 6)
    for i in range(round(RELEARN_AFTER_S / STEP_S)):
        assert look.watch(1 + i * STEP_S, Pose(0, -20.0, 0))
    assert not look.watch(13.0, Pose(30, -20.0, 0))
    assert look.relearn(13.0)
    assert look.pitch == -20.0
    assert not look.relearn(13.0)


def test_it_is_learned_better_from_frames_near_it_alone() -> None:
    look = StraightLook()
    watch(look, [0.0] * 6)
    for i in range(20):
        look.refine(1 + i * STEP_S, Pose(0, 3.0, 0))
        look.refine(1 + i * STEP_S, Pose(0, 25.0, 0))
        look.refine(1 + i * STEP_S, Pose(20, 0.0, 0))
    assert look.pitch == 3.0
