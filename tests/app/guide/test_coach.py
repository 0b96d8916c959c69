"""The coach: what it says, keeps and refuses. No camera, no model: views are made by hand."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.guide import Coach, Direction, Instruction, View
from facegate.guide.advice import DIRECTIONS, TEXTS, Advice
from facegate.models.values import Face, Floats
from facegate.quality import Pose, Quality, frontality

STEP_S = 0.1
LOOKS = {
    Direction.STRAIGHT: (0.0, 0.0),
    Direction.LEFT: (18.0, 0.0),
    Direction.RIGHT: (-18.0, 0.0),
    Direction.UP: (0.0, 13.0),
    Direction.DOWN: (0.0, -11.0),
}


def person(number: int, wobble: float, seed: int) -> Floats:
    """An embedding of somebody: frames of one are alike, those of two are not."""
    base = np.random.default_rng(1000 + number).standard_normal(64)
    other = np.random.default_rng(seed).standard_normal(64)
    mixed = base / np.linalg.norm(base) + wobble * other / np.linalg.norm(other)
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def face(size: float = 160, x: float = 320, y: float = 220, score: float = 0.999) -> Face:
    box = np.array([x - size * 0.4, y - size * 0.5, x + size * 0.4, y + size * 0.5])
    marks = np.array([[-0.2, -0.12], [0.2, -0.12], [0, 0.05], [-0.16, 0.22], [0.16, 0.22]])
    placed = (marks * size + (x, y)).astype(np.float32)
    return Face(box.astype(np.float32), placed, score)


def view(
    time_s: float,
    yaw: float = 0,
    pitch: float = 0,
    *,
    who: int = 1,
    sharp: float = 0.6,
    light: float = 0.5,
    eyes: float = 64,
    faces: Sequence[Face] | None = None,
    wobble: float = 0.7,
) -> View:
    pose = Pose(yaw, pitch, 0)
    overall = min(1, sharp / 0.55) * frontality(pose)
    seed = round(time_s * 1000) + 7919 * who
    return View(
        time_s,
        640,
        480,
        tuple(faces) if faces is not None else (face(),),
        Quality(sharp, light, eyes, frontality(pose), overall, pose),
        person(who, wobble, seed),
        time_s,
    )


def sitting(order: Iterable[Direction] = DIRECTIONS, *, each_s: float = 0.8) -> list[View]:
    """Views of somebody who looks straight, then every way in turn."""
    looks = [Direction.STRAIGHT, *order]
    frames = math.ceil(each_s / STEP_S)
    return [
        view((i * frames + j) * STEP_S, *LOOKS[look])
        for i, look in enumerate(looks)
        for j in range(frames)
    ]


def play(coach: Coach, views: Iterable[View]) -> list[Advice]:
    """Show views until the coach ends."""
    advice = []
    for seen in views:
        advice.append(coach.see(seen))
        if advice[-1].state != "going":
            break
    return advice


def test_somebody_who_follows_is_enrolled_with_every_look() -> None:
    coach = Coach(same_person=0.3)
    advice = play(coach, sitting())
    assert advice[-1].state == "done"
    assert advice[-1].instruction is Instruction.DONE
    assert coach.covered == set(DIRECTIONS)
    verdict = coach.finish()
    assert verdict.code == ""
    assert 3 <= len(verdict.kept) <= 8
    assert {kept.direction for kept in verdict.kept} >= {d.value for d in DIRECTIONS}


def test_the_looks_may_come_in_any_order() -> None:
    coach = Coach(same_person=0.3)
    order = [Direction.UP, Direction.RIGHT, Direction.DOWN, Direction.LEFT]
    assert play(coach, sitting(order))[-1].state == "done"


def test_it_asks_for_the_first_look_that_is_missing() -> None:
    coach = Coach(same_person=0.3)
    advice = play(coach, sitting([Direction.LEFT]))
    assert advice[0].instruction is Instruction.STRAIGHT
    said = [a.instruction for a in advice]
    assert Instruction.LEFT in said
    assert said[-1] is Instruction.RIGHT
    assert advice[-1].wanted is Direction.RIGHT
    assert advice[-1].progress == pytest.approx(2 / 5)


def test_somebody_who_always_looks_up_a_little_has_that_as_straight() -> None:
    coach = Coach(same_person=0.3)
    views = [view(i * STEP_S, 0, 12) for i in range(8)]
    advice = play(coach, views)
    assert Direction.STRAIGHT in coach.covered
    assert Direction.UP not in coach.covered
    assert advice[-1].pose is not None
    assert advice[-1].pose.pitch == pytest.approx(0)


@pytest.mark.parametrize(
    ("instruction", "bad"),
    [
        (Instruction.NO_FACE, view(0, faces=())),
        (Instruction.CLOSER, view(0, eyes=20)),
        (Instruction.FURTHER, view(0, faces=(face(460, y=240),))),
        (Instruction.CENTRE, view(0, faces=(face(x=40),))),
        (Instruction.TOO_DARK, view(0, light=0.05)),
        (Instruction.TOO_BRIGHT, view(0, light=0.95)),
        (Instruction.BLURRED, view(0, sharp=0.2)),
        (Instruction.ONE_PERSON, view(0, faces=(face(), face(140, x=120)))),
    ],
)
def test_a_fault_is_said_and_the_frame_refused(instruction: Instruction, bad: View) -> None:
    coach = Coach(same_person=0.3)
    advice = coach.see(bad)
    assert advice.instruction is instruction
    assert advice.refused == instruction.value
    assert advice.text == TEXTS[instruction]
    assert advice.kept is None
    assert not coach.kept


def test_a_fold_of_cloth_is_nobody() -> None:
    coach = Coach(same_person=0.3)
    advice = coach.see(view(0, faces=(face(), face(100, x=80, score=0.8), face(40, x=600))))
    assert advice.refused == ""


def test_frames_of_faults_alone_enrol_nobody_and_name_the_fault() -> None:
    coach = Coach(same_person=0.3)
    play(coach, [view(i * STEP_S, light=0.05) for i in range(40)])
    verdict = coach.finish()
    assert verdict.kept == ()
    assert verdict.code == "too_dark"
    assert "too dark" in verdict.message


def test_nothing_at_all_is_too_short() -> None:
    assert Coach(same_person=0.3).finish().code == "too_short"


def test_two_people_from_the_start_enrol_nobody() -> None:
    coach = Coach(same_person=0.3)
    pair = (face(), face(150, x=120))
    advice = play(coach, [view(i * STEP_S, faces=pair) for i in range(400)])
    assert advice[-1].state == "failed"
    assert advice[-1].instruction is Instruction.NOT_ENOUGH
    assert coach.finish().code == "one_person"


def test_somebody_who_passes_behind_only_costs_time() -> None:
    coach = Coach(same_person=0.3)
    views = sitting()
    passing = [view(v.time_s, faces=(face(), face(120, x=100))) for v in views[3:6]]
    advice = play(coach, [*views[:3], *passing, *views[6:]])
    assert advice[-1].state == "done"


def test_a_stranger_who_takes_over_ends_it_and_nothing_is_kept() -> None:
    coach = Coach(same_person=0.3)
    own = [view(i * STEP_S) for i in range(10)]
    theirs = [view((10 + i) * STEP_S, who=2) for i in range(40)]
    advice = play(coach, [*own, *theirs])
    assert advice[-1].state == "failed"
    assert advice[-1].instruction is Instruction.OTHER_PERSON
    verdict = coach.finish()
    assert verdict.code == "other_person"
    assert verdict.kept == ()


def test_a_stranger_who_looks_in_for_a_moment_is_refused_and_forgotten() -> None:
    coach = Coach(same_person=0.3)
    views = sitting()
    moment = [view(v.time_s, who=2) for v in views[8:14]]
    advice = play(coach, [*views[:8], *moment, *views[14:], *sitting_on(views[-1].time_s)])
    assert advice[-1].state == "done"
    assert coach.refused["other_person"] >= len(moment)
    mine = person(1, 0, 0)
    assert all(float(kept.embedding @ mine) > 0.5 for kept in coach.finish().kept)


def sitting_on(after_s: float) -> list[View]:
    views = sitting()
    return [view(after_s + STEP_S + v.time_s, *_look(v)) for v in views]


def _look(seen: View) -> tuple[float, float]:
    assert seen.quality is not None
    return seen.quality.pose.yaw, seen.quality.pose.pitch


def test_opposite_looks_that_are_hardly_alike_are_one_person() -> None:
    """Up is asked for first, and down comes before anything else is kept."""
    straight = person(1, 0, 0)
    aside = person(2, 0, 0)
    aside -= straight * float(aside @ straight)
    aside /= np.linalg.norm(aside)
    bent = {Direction.UP: 0.9, Direction.DOWN: -0.9, Direction.STRAIGHT: 0.0}
    rows = {
        look: ((straight + share * aside) / np.hypot(1, share)).astype(np.float32)
        for look, share in bent.items()
    }
    coach = Coach(same_person=0.3, order=(Direction.UP, Direction.DOWN))
    assert float(rows[Direction.UP] @ rows[Direction.DOWN]) < coach.same_person
    looks = [Direction.STRAIGHT, Direction.UP, Direction.DOWN]
    views = [
        replace(view((20 * i + j) * STEP_S, *LOOKS[look]), embedding=rows[look])
        for i, look in enumerate(looks)
        for j in range(20)
    ]
    play(coach, views)
    assert coach.covered == {Direction.UP, Direction.DOWN}
    assert coach.finish().code == ""


def test_a_stranger_is_found_out_after_a_pause_too() -> None:
    coach = Coach(same_person=0.3)
    own = [view(i * STEP_S) for i in range(10)]
    away = [view((10 + i) * STEP_S, faces=()) for i in range(30)]
    theirs = [view((40 + i) * STEP_S, who=2) for i in range(40)]
    play(coach, [*own, *away, *theirs])
    assert coach.finish().code == "other_person"


def test_two_people_in_turns_are_never_mixed() -> None:
    """Every second frame is somebody else's: one of them may be kept, not both."""
    coach = Coach(same_person=0.3)
    play(coach, [view(i * STEP_S, who=1 + i % 2) for i in range(60)])
    rows = np.stack([kept.embedding for kept in coach.kept] or [person(1, 0, 0)])
    assert (rows @ rows.T).min() > 0.2


def test_a_face_that_drifts_into_another_is_refused() -> None:
    """Each frame is like the one before; the last ones are like none of the first."""
    coach = Coach(same_person=0.6)
    a, b = person(1, 0, 0), person(2, 0, 0)
    b = b - a * float(a @ b)
    b /= np.linalg.norm(b)
    for i in range(60):
        angle = math.radians(min(1.5 * i, 90))
        seen = view(i * STEP_S)
        mixed = (math.cos(angle) * a + math.sin(angle) * b).astype(np.float32)
        coach.see(View(seen.time_s, 640, 480, seen.faces, seen.quality, mixed, i))
    kept = coach.finish().kept
    assert all(float(k.embedding @ kept[0].embedding) > 0.2 for k in kept)


def test_a_prescribed_order_counts_only_what_is_asked() -> None:
    order = [Direction.RIGHT, Direction.STRAIGHT, Direction.UP, Direction.LEFT, Direction.DOWN]
    coach = Coach(same_person=0.3, order=order, hold_s=0.5, limit_s=90)
    play(coach, [view(i * STEP_S) for i in range(10)])
    assert coach.covered == set()
    assert coach.wanted is Direction.RIGHT
    play(coach, [view(1 + i * STEP_S, *LOOKS[Direction.LEFT]) for i in range(20)])
    assert coach.covered == set()
    assert not coach.kept
    rest = [
        view(3 + (i * 10 + j) * STEP_S, *LOOKS[look])
        for i, look in enumerate(order)
        for j in range(10)
    ]
    advice = play(coach, rest)
    assert advice[-1].state == "done"
    assert coach.finish().code == ""


def test_a_prescribed_look_that_never_comes_fails_in_time() -> None:
    order = [Direction.STRAIGHT, Direction.UP, Direction.LEFT]
    coach = Coach(same_person=0.3, order=order, limit_s=90)
    advice = play(coach, [view(i * 0.25) for i in range(500)])
    assert advice[-1].state == "failed"
    assert coach.finish().code in ("not_finished",)
    assert len(advice) <= 90 / 0.25 + 1


def looping(order: Sequence[Direction], *, fps: float, seconds: float = 90) -> list[View]:
    """Views of a film that shows each look for two seconds, over and over."""
    times = [i / fps for i in range(int(seconds * fps))]
    return [view(t, *LOOKS[order[int(t / 2) % len(order)]]) for t in times]


def test_two_frames_a_second_are_enough() -> None:
    coach = Coach(same_person=0.3, order=DIRECTIONS[::-1], hold_s=0.4, limit_s=90)
    advice = play(coach, looping(DIRECTIONS, fps=2))
    assert advice[-1].state == "done"


@pytest.mark.parametrize("first", [Direction.UP, Direction.DOWN])
def test_who_looked_elsewhere_when_straight_was_asked_for_is_understood_later(
    first: Direction,
) -> None:
    film = [first, *(look for look in DIRECTIONS if look is not first)]
    coach = Coach(same_person=0.3, order=DIRECTIONS, hold_s=0.4, limit_s=90)
    advice = play(coach, looping(film, fps=8))
    assert advice[-1].state == "done"
    assert abs(coach.relative(Pose(0, 0, 0)).pitch) < 2


def test_a_look_must_be_held() -> None:
    coach = Coach(same_person=0.3, hold_s=0.5)
    play(coach, [view(i * STEP_S) for i in range(12)])
    slip = coach.see(view(1.2, *LOOKS[Direction.LEFT]))
    assert slip.instruction is Instruction.LEFT
    glance = coach.see(view(1.3, *LOOKS[Direction.LEFT]))
    assert glance.instruction is Instruction.HOLD_STILL
    coach.see(view(1.4))
    assert Direction.LEFT not in coach.covered


def test_a_look_that_does_not_come_is_passed_over() -> None:
    coach = Coach(same_person=0.3)
    advice = play(coach, [view(i * STEP_S) for i in range(400)])
    assert advice[-1].state == "done"
    assert coach.skipped == set(DIRECTIONS) - {Direction.STRAIGHT}
    assert advice[-1].progress == 1


def test_it_always_ends_in_time() -> None:
    coach = Coach(same_person=0.3)
    advice = play(coach, [view(i * STEP_S, faces=()) for i in range(1000)])
    assert advice[-1].state == "failed"
    assert len(advice) == pytest.approx(30 / STEP_S, abs=2)


def test_alike_frames_are_kept_once() -> None:
    coach = Coach(same_person=0.3)
    play(coach, [view(i * STEP_S, wobble=0.05) for i in range(12)])
    assert len(coach.kept) == 1
    assert coach.refused["near_duplicate"] >= 5
    assert coach.finish().code == ""


def test_a_turned_away_face_has_no_embedding_and_is_asked_back() -> None:
    coach = Coach(same_person=0.3)
    advice = coach.see(View(0.0, 640, 480, (face(),), None, None))
    assert advice.instruction is Instruction.STRAIGHT


def test_somebody_who_is_interrupted_again_and_again_is_enrolled_all_the_same() -> None:
    """Never half a second in peace: every third frame is blurred, and the pitch jumps."""
    coach = Coach(same_person=0.3)
    views = [view(i * STEP_S, 0, 9 * (i % 2), sharp=0.1 if i % 3 == 0 else 0.6) for i in range(120)]
    play(coach, views)
    verdict = coach.finish()
    assert verdict.code == ""
    assert coach.n_good >= 60


def test_after_the_end_nothing_changes() -> None:
    coach = Coach(same_person=0.3)
    play(coach, sitting())
    before = coach.finish()
    after = coach.see(view(60, who=2))
    assert after.state == "done"
    assert [k.time_s for k in coach.finish().kept] == [k.time_s for k in before.kept]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(-60, 60),
            st.floats(-50, 50),
            st.integers(1, 3),
            st.floats(0, 1),
            st.floats(0, 1),
            st.integers(0, 3),
        ),
        max_size=80,
    )
)
def test_whatever_it_sees_it_keeps_one_person(
    frames: list[tuple[float, float, int, float, float, int]],
) -> None:
    coach = Coach(same_person=0.3)
    for i, (yaw, pitch, who, sharp, light, n_faces) in enumerate(frames):
        faces = tuple(face(120, x=100 + 150 * j) for j in range(n_faces))
        advice = coach.see(
            view(i * STEP_S, yaw, pitch, who=who, sharp=sharp, light=light, faces=faces)
        )
        assert 0 <= advice.progress <= 1
        assert advice.text
    verdict = coach.finish()
    assert bool(verdict.code) != bool(verdict.kept)
    assert len(verdict.kept) <= coach.best
    for first in verdict.kept if len(verdict.kept) > 1 else ():
        assert any(
            float(first.embedding @ other.embedding) >= 0.3
            for other in verdict.kept
            if other is not first
        )
