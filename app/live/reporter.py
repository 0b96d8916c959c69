"""Which decisions are events: each person once in a while, not once a frame."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from facegate.live.tracks import Track
from facegate.models.values import Floats
from facegate.results import identity_json, rounded

if TYPE_CHECKING:
    from facegate.gallery import Identity

AGAIN_S = 60.0
STRANGERS = 200  # strangers remembered at once, so that memory stays flat for days


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Somebody came.

    Attributes:
        time_s: seconds in the film, or since the camera was opened.
        at: the same as a time of the world, for a camera; None for a film.
        track: the track's number.
        decision: ``match``, ``unknown``, or ``inconclusive`` for a face that left too early.
        box: x1, y1, x2, y2 in pixels of the frame.
    """

    time_s: float
    at: datetime | None
    track: int
    decision: str
    identity: "Identity | None"
    score: float | None
    threshold: float | None
    box: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the line that ``identify --camera --json`` prints."""
        return {
            "time": self.stamp if self.at is not None else round(self.time_s, 2),
            "track": self.track,
            "decision": self.decision,
            "identity": identity_json(self.identity),
            "score": rounded(self.score),
            "threshold": rounded(self.threshold),
            "box": [round(v, 1) for v in self.box],
        }

    @property
    def stamp(self) -> str:
        """Return the time as text: UTC for a camera, seconds for a film."""
        if self.at is None:
            return f"{self.time_s:.2f}"
        return self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Reporter:
    """Turns tracks into events.

    Args:
        same_person: score from which two embeddings are one stranger's.
        again_s: a person is reported once in so many seconds, also while they stay; with 0
            whenever they come.
        started: the time of the world at second 0, or None for a film.
    """

    def __init__(
        self, same_person: float, *, again_s: float = AGAIN_S, started: datetime | None = None
    ) -> None:
        self._same_person, self._again_s, self._started = same_person, again_s, started
        self._people: dict[int, float] = {}
        self._strangers: list[tuple[float, Floats]] = []

    def report(self, tracks: Iterable[Track], ended: Iterable[Track], now: float) -> list[Event]:
        """Return the events of one frame: fresh decisions, and faces that left without one."""
        events = []
        for track in tracks:
            if track.vote is None:
                continue
            is_told = track.reported in ("match", track.vote.decision)
            if is_told and not self._again_s:
                continue
            track.reported = track.vote.decision
            if self._is_news(track, now):
                vote = track.vote
                events.append(
                    self._event(
                        track, vote.decision, now, vote.identity, vote.score, vote.threshold
                    )
                )
        for track in ended:
            if not track.reported and track.samples:
                best = max(answer.score or -1.0 for _, answer in track.samples)
                bound = track.samples[-1][1].threshold
                score = best if best > -1 else None
                events.append(
                    self._event(
                        track,
                        "inconclusive",
                        track.last_s,
                        None,
                        score,
                        bound.score if bound else None,
                    )
                )
        return events

    def _is_news(self, track: Track, now: float) -> bool:
        assert track.vote is not None  # the caller looked
        if track.vote.identity is not None:
            key = track.vote.identity.id
            last = self._people.get(key)
            if last is not None and now - last < self._again_s:
                return False
            self._people[key] = now
            return True
        mean = np.mean([kept.embedding for kept, _ in track.samples], axis=0)
        mean = np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)
        self._strangers = [s for s in self._strangers if now - s[0] < self._again_s][-STRANGERS:]
        known = self._same_person > -1 and any(
            float(other @ mean) >= self._same_person for _, other in self._strangers
        )
        if not known:
            self._strangers.append((now, mean))
        return not known

    def _event(
        self,
        track: Track,
        decision: str,
        now: float,
        identity: "Identity | None",
        score: float | None,
        threshold: float | None,
    ) -> Event:
        at = self._started + timedelta(seconds=now) if self._started is not None else None
        box = tuple(float(v) for v in track.face.box)
        return Event(now, at, track.number, decision, identity, score, threshold, box)


def utc_now() -> datetime:
    """Return the time of the world."""
    return datetime.now(UTC)
