"""The coach of an enrolment: frames in; an instruction, kept and refused frames out.

A state machine without eyes or a clock: the caller finds, measures and embeds the faces, and
times come with the frames. The command line and the server drive the same one.

    coach = Coach(same_person=0.4)
    for frame in frames:
        advice = coach.see(View(...))
        print(advice.text)
        if advice.state != "going":
            break
    verdict = coach.finish()                 # kept frames, or why there are too few
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from facegate.guide.advice import (
    DIRECTIONS,
    TEXTS,
    Advice,
    Direction,
    Instruction,
    Verdict,
    View,
    why_too_few,
)
from facegate.guide.judgement import MAX_PITCH, MAX_YAW, direction_of, look_for_problem
from facegate.guide.selection import Kept, Pool
from facegate.guide.straight import RELEARN_AFTER_S, StraightLook
from facegate.quality import Pose

ENOUGH = 5  # good frames of one person; many of them may be alike and be kept as one sample
BEST = 8
LIMIT_S = 30.0
SKIP_AFTER_S = 5.0  # a direction that somebody cannot or will not turn to is passed over
HOLD_S = 0.3
LONGEST_STEP_S = 0.25  # a gap between two frames counts for no more when a look is held
OTHER_PERSON_S = 1.5  # a stranger for so long has taken over


@dataclass(slots=True)
class Coach:
    """Leads one person through an enrolment.

    Attributes:
        same_person: cosine similarity from which two embeddings count as one person.
        order: directions in a prescribed order, each to be held before the next counts and none
            skipped (a challenge); None lets them come as they will and skips one in time.
        best: how many frames are kept at most.
        hold_s: how long a direction must be held.
        limit_s: seconds from the first frame after which it ends with what it has.
        refused: reasons of refusal, with counts.
        covered, skipped: directions that are done or were passed over.
        n_good: frames of this person that were good enough.
    """

    same_person: float
    order: Sequence[Direction] | None = None
    best: int = BEST
    hold_s: float = HOLD_S
    limit_s: float = LIMIT_S
    refused: Counter[str] = field(default_factory=Counter)
    covered: set[Direction] = field(default_factory=set)
    skipped: set[Direction] = field(default_factory=set)
    n_good: int = 0
    state: Literal["going", "done", "failed"] = "going"
    _pool: Pool = field(init=False)
    _known: Pool = field(init=False)  # whose face this is: other looks than those asked for count
    _started: float | None = None
    _wanted_since: float | None = None
    _straight: StraightLook = field(default_factory=StraightLook)
    _held: dict[Direction, float] = field(default_factory=dict)  # seconds
    _stranger: tuple[float, int] | None = None  # since when, frames
    _last: tuple[float, Any] | None = None  # time and embedding of the last frame with a face
    _good_s: float | None = None  # time of the last good frame, None after a refused one
    _failure: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        self._pool, self._known = Pool(self.best), Pool(self.best)

    @property
    def kept(self) -> list[Kept]:
        """Return the frames that would be enrolled now, the best first."""
        return self._pool.best()

    @property
    def wanted(self) -> Direction | None:
        """Return the direction that is asked for, or None when there is none left."""
        for direction in self.order or DIRECTIONS:
            if direction not in self.covered and direction not in self.skipped:
                return direction
        return None

    @property
    def progress(self) -> float:
        """Return the share of the directions that are covered or passed over, 0 to 1."""
        return (len(self.covered) + len(self.skipped)) / len(self.order or DIRECTIONS)

    def see(self, view: View) -> Advice:
        """Judge one frame and say what the person should do next."""
        if self._started is None:
            self._started = self._wanted_since = view.time_s
        if self.state != "going":
            return self._advice(view, self._end_instruction(), None)
        problem = look_for_problem(view)
        if problem is None:
            problem = self._stranger_problem(view)
        else:
            self._stranger = None
        if problem is not None:
            self.refused[problem] += 1
            self._drop_holds()
            self._end_in_time(view.time_s)
            return self._advice(view, problem, None, refused=problem)
        return self._good_frame(view)

    def finish(self) -> Verdict:
        """End here, and return what was kept or why it is not enough."""
        kept = self.kept
        if self._failure is None and self.order is not None and self.wanted is not None:
            self._failure = ("not_finished", f"the look {self.wanted.value} was not shown in time")
        if self._failure is None and self.n_good < ENOUGH:
            self._failure = why_too_few(self.n_good, self.refused)
        self.state = "done" if self._failure is None else "failed"
        if self._failure is not None:
            return Verdict((), *self._failure)
        return Verdict(tuple(kept), "", "")

    def relative(self, pose: Pose) -> Pose:
        """Return a pose as seen from the person's own straight look."""
        return Pose(pose.yaw, pose.pitch - (self._straight.pitch or 0.0), pose.roll)

    def _good_frame(self, view: View) -> Advice:
        assert view.quality is not None  # no problem was found
        assert view.embedding is not None
        self._last = (view.time_s, view.embedding)
        passed = 0.0 if self._good_s is None else min(view.time_s - self._good_s, LONGEST_STEP_S)
        self._good_s = view.time_s
        self._remember(view)
        if not self._calibrate(view.time_s, view.quality.pose):
            early = self._offer(view, view.quality.pose, "") if self.order is None else None
            self._end_in_time(view.time_s)
            return self._advice(view, Instruction.STRAIGHT, early)
        self._adjust(view.time_s, view.quality.pose)
        pose = self.relative(view.quality.pose)
        direction = direction_of(pose)
        asked = self.order is None or (direction is not None and direction is self.wanted)
        kept: Kept | None = None
        if asked:
            kept = self._offer(view, pose, direction.value if direction is not None else "")
        else:
            self.refused["not_asked"] += 1
        is_held = self._hold(direction if asked else None, passed, view.time_s)
        self._end_in_time(view.time_s)
        return self._advice(view, self._next_instruction(is_held), kept)

    def _remember(self, view: View) -> None:
        """Learn the face from every good frame: from one look alone the opposite one is strange."""
        assert view.quality is not None
        assert view.embedding is not None
        if _is_near(view.quality.pose):
            known = Kept(None, view.embedding, view.quality.overall, "", view.time_s)
            self._known.offer(known)

    def _offer(self, view: View, pose: Pose, word: str) -> Kept | None:
        """Offer a good frame to the pool, unless the head is turned too far."""
        assert view.quality is not None  # no problem was found
        assert view.embedding is not None
        kept: Kept | None = None
        if _is_near(pose):
            frame = Kept(view.item, view.embedding, view.quality.overall, word, view.time_s)
            kept = frame if self._pool.offer(frame) else None
            self.n_good += 1
        if kept is None:
            self.refused["near_duplicate"] += 1
        return kept

    def _calibrate(self, time_s: float, pose: Pose) -> bool:
        """Return whether it is known where this person's straight look points."""
        if self._straight.pitch is not None:
            return True
        assert self._started is not None  # a frame was seen
        watched_s = time_s - self._started if self.order is None else None
        held_s = self._straight.learn(time_s, pose, watched_s=watched_s)
        if held_s is None:
            return False
        if held_s and (self.order is None or self.wanted is Direction.STRAIGHT):
            self._held[Direction.STRAIGHT] = held_s
        self._wanted_since = time_s
        return True

    def _adjust(self, time_s: float, pose: Pose) -> None:
        """Learn the straight look better, and doubt it when a prescribed look does not come."""
        if self.covered <= {Direction.STRAIGHT}:
            self._straight.refine(time_s, pose)
        if self.order is None or not self._straight.watch(time_s, pose):
            return
        if time_s - (self._wanted_since or 0.0) < RELEARN_AFTER_S:
            return
        self._wanted_since = time_s
        if self._straight.relearn(time_s):
            # These were judged by the wrong measure.
            self.covered -= {Direction.STRAIGHT, Direction.UP, Direction.DOWN}
            self._held.clear()

    def _hold(self, direction: Direction | None, passed: float, time_s: float) -> bool:
        """Count the time in a direction; return whether it is held but not yet long enough.

        Estimates of a pose jump now and then, so time outside is taken off the time inside
        rather than ending it.
        """
        for other in self._held:
            if other is not direction:
                self._held[other] = max(0.0, self._held[other] - passed)
        if direction is None or direction in self.covered:
            return False
        self._held[direction] = self._held.get(direction, -passed) + passed
        if self._held[direction] < self.hold_s - 1e-6:
            return self._held[direction] > 0.0  # a single frame may be a slip of the estimate
        self.covered.add(direction)
        self.skipped.discard(direction)
        self._wanted_since = time_s
        return False

    def _next_instruction(self, is_held: bool) -> Instruction:
        if self.state != "going":
            return self._end_instruction()
        if is_held:
            return Instruction.HOLD_STILL
        wanted = self.wanted
        return Instruction(wanted.value) if wanted is not None else Instruction.DONE

    def _stranger_problem(self, view: View) -> Instruction | None:
        """Refuse a face that is not the one of the frames before and of those known."""
        assert view.embedding is not None  # look_for_problem saw to it
        jumped = (
            self._last is not None
            and view.time_s - self._last[0] < 1.0
            and float(self._last[1] @ view.embedding) < self.same_person
        )
        foreign = len(self._known) > 0 and self._known.likeness(view.embedding) < self.same_person
        if not jumped and not foreign:
            self._stranger = None
            return None
        if foreign:
            since, n_frames = self._stranger or (view.time_s, 0)
            self._stranger = (since, n_frames + 1)
            if view.time_s - since >= OTHER_PERSON_S and n_frames >= 3:
                self.state = "failed"
                self._failure = ("other_person", "the face changed to another person's")
        self._last = (view.time_s, view.embedding)
        return Instruction.OTHER_PERSON

    def _drop_holds(self) -> None:
        self._held.clear()
        self._good_s = None
        self._straight.interrupt()

    def _end_in_time(self, time_s: float) -> None:
        """Pass over what takes too long, and end when all is done or the time is up."""
        if self.state != "going" or self._started is None:
            return
        calibrated = self._straight.pitch is not None
        waited = time_s - (self._wanted_since or 0.0)
        if self.order is None and calibrated and waited > SKIP_AFTER_S and self.covered:
            wanted = self.wanted
            if wanted is not None:
                self.skipped.add(wanted)
                self._wanted_since = time_s
        if self.wanted is None and self.n_good >= ENOUGH:
            self.state = "done"
        elif time_s - self._started >= self.limit_s:
            self.state = "failed" if self.finish().code else "done"

    def _end_instruction(self) -> Instruction:
        if self.state == "done":
            return Instruction.DONE
        if self._failure is not None and self._failure[0] == "other_person":
            return Instruction.OTHER_PERSON
        return Instruction.NOT_ENOUGH

    def _advice(
        self, view: View, instruction: Instruction, kept: Kept | None, refused: str = ""
    ) -> Advice:
        if self.state != "going":
            instruction = self._end_instruction()
        pose = self.relative(view.quality.pose) if view.quality is not None else None
        return Advice(
            instruction,
            TEXTS[instruction],
            kept,
            refused,
            self.progress,
            frozenset(self.covered),
            self.wanted,
            pose,
            self.state,
        )


def _is_near(pose: Pose) -> bool:
    return abs(pose.yaw) <= MAX_YAW and abs(pose.pitch) <= MAX_PITCH
