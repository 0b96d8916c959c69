"""Where a person looks when they look straight ahead.

Heads and cameras stand at all heights, so up and down mean something only against a person's own
straight look: it is learned before the other looks are asked for.
"""

from collections import deque
from dataclasses import dataclass, field
from statistics import median

from facegate.guide.judgement import STRAIGHT_PITCH, STRAIGHT_YAW
from facegate.quality import Pose

# The straight look is learned from so many frames over so long, once their pitch keeps within so
# many degrees; somebody who never keeps still, or is interrupted again and again, is taken as
# they are in the end.
CALIBRATE_FRAMES, CALIBRATE_S, CALIBRATE_SPREAD, CALIBRATE_AT_MOST_S = 4, 0.5, 6.0, 3.0
CALIBRATE_LATE_S = 8.0
CALIBRATE_SLOW_FRAMES = 3  # where a slow machine sees fewer in that time, the last of them
# Somebody who looked up when straight was asked for never comes to one of the looks after it. When
# a prescribed look has not come for so long, straight is where they looked most of that time.
RELEARN_AFTER_S = 11.0
REFINE_FRAMES, REFINE_PITCH = 20, 7.0
CALIBRATE_YAW, CALIBRATE_PITCH = 11.0, 25.0


@dataclass(slots=True)
class StraightLook:
    """Learns the pitch of a person's straight look from good frames.

    Attributes:
        pitch: in degrees as in ``facegate.quality.Pose``; None until it is known.
    """

    pitch: float | None = None
    _seen: list[tuple[float, float]] = field(default_factory=list)  # time, pitch
    _frontal: deque[tuple[float, float]] = field(default_factory=deque)  # the same, the latest

    def learn(self, time_s: float, pose: Pose, *, watched_s: float | None) -> float | None:
        """Look at one more frame while the straight look is asked for.

        Args:
            time_s: of the frame.
            pose: the head's.
            watched_s: since the first frame, where somebody who never keeps still is taken as
                they are after a while; None where they must keep still.

        Returns:
            For how many seconds the straight look was held, once it is known; else None.
        """
        if abs(pose.yaw) > CALIBRATE_YAW or abs(pose.pitch) > CALIBRATE_PITCH:
            self._seen.clear()
            return None
        self._seen.append((time_s, pose.pitch))
        if watched_s is not None and self._learn_late(time_s, pose.pitch, watched_s):
            return 0.0
        recent = [pitch for at, pitch in self._seen if at >= time_s - CALIBRATE_S - 1e-6]
        lasted = time_s - self._seen[0][0]
        if len(recent) < CALIBRATE_FRAMES:
            recent = [pitch for _, pitch in self._seen[-CALIBRATE_SLOW_FRAMES:]]
        if len(recent) < CALIBRATE_SLOW_FRAMES or lasted < CALIBRATE_S - 1e-6:
            return None
        if max(recent) - min(recent) > CALIBRATE_SPREAD and lasted < CALIBRATE_AT_MOST_S:
            return None
        self.pitch = float(median(recent))
        return CALIBRATE_S

    def refine(self, time_s: float, pose: Pose) -> None:
        """Learn the straight look better from a frame near it."""
        assert self.pitch is not None  # it was learned
        if abs(pose.pitch - self.pitch) <= REFINE_PITCH and abs(pose.yaw) <= STRAIGHT_YAW:
            self._seen = [*self._seen[1 - REFINE_FRAMES :], (time_s, pose.pitch)]
            self.pitch = float(median(pitch for _, pitch in self._seen))

    def watch(self, time_s: float, pose: Pose) -> bool:
        """Keep in mind where somebody looks lately; return whether they look ahead."""
        if abs(pose.yaw) > CALIBRATE_YAW:
            return False
        self._frontal.append((time_s, pose.pitch))
        while time_s - self._frontal[0][0] > RELEARN_AFTER_S:
            self._frontal.popleft()
        return True

    def relearn(self, time_s: float) -> bool:
        """Take where somebody looked lately for straight; return whether that is elsewhere."""
        assert self.pitch is not None  # it was learned
        usual = float(median(pitch for _, pitch in self._frontal))
        if abs(usual - self.pitch) <= STRAIGHT_PITCH:
            return False
        self.pitch = usual
        self._seen = [(time_s, usual)] * REFINE_FRAMES
        return True

    def interrupt(self) -> None:
        """Begin again after a frame that was refused, unless the look is known already."""
        if self.pitch is None:
            self._seen.clear()

    def _learn_late(self, time_s: float, pitch: float, watched_s: float) -> bool:
        """Take the middle of what was seen so far for the straight look."""
        self._frontal.append((time_s, pitch))
        if watched_s < CALIBRATE_LATE_S or len(self._frontal) < CALIBRATE_FRAMES:
            return False
        self.pitch = float(median(pitch for _, pitch in self._frontal))
        return True
