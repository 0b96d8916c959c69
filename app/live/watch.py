"""The loop of live identification: frames in, moments with tracks and events out.

with open_camera("auto") as frames:
    for moment in Watch(recognizer, frames, started=utc_now()):
        for event in moment.events:
            print(event.as_json())
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from facegate.capture import Frame
from facegate.data.images import Photo
from facegate.guided import same_person
from facegate.live.reporter import AGAIN_S, Event, Reporter
from facegate.live.tracker import Tracker
from facegate.live.tracks import Track
from facegate.models.pipeline import Pipeline
from facegate.models.values import Found
from facegate.reader import Reader
from facegate.recognizer import Recognizer
from facegate.results import EmbeddedFace, IdentifiedFace

FILM_STEP_S = 0.09  # of a film at full speed, 10 frames a second are enough to link faces
# Faces smaller than this share of the picture's short side are too far away to be named, and
# looking for them takes most of a detector's time.
LEAST_FACE, LEAST_FACE_PX = 1 / 14, 32


@dataclass(slots=True)
class Budget:
    """Where the time goes.

    Attributes:
        n_used: frames looked at.
        seconds: by stage.
        started: ``time.perf_counter`` at the first frame.
    """

    n_used: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def spend(self, stage: str, before: float) -> None:
        """Count the time since ``before`` for a stage."""
        spent = time.perf_counter() - before
        self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

    def line(self, n_seen: int, n_dropped: int) -> str:
        """Return the budget as one line of text."""
        used = max(self.n_used, 1)
        rate = self.n_used / max(time.perf_counter() - self.started, 1e-9)
        stages = " · ".join(f"{k} {1000 * v / used:.0f} ms" for k, v in self.seconds.items())
        return (
            f"{n_seen} frames seen, {self.n_used} used, {n_dropped} dropped · {stages} · "
            f"{rate:.1f} a second"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame and what is known at it.

    Attributes:
        frame: the picture.
        tracks: the faces in it.
        events: what is new.
    """

    frame: Frame
    tracks: tuple[Track, ...]
    events: tuple[Event, ...]


class Watch:
    """Who is before a camera, moment by moment.

    Args:
        recognizer: whom it knows.
        frames: what ``open_camera`` gives.
        again_s: a person is reported once in so many seconds.
        started: the time of the world at second 0 of a camera; None for a film.
        step_s: frames closer to the last one are passed over.

    Attributes:
        budget: where the time went so far.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        frames: Iterable[Frame],
        *,
        again_s: float = AGAIN_S,
        started: datetime | None = None,
        step_s: float = 0.0,
    ) -> None:
        same = same_person(recognizer.card)
        self.budget = Budget()
        self._recognizer, self._frames = recognizer, frames
        self._tracker = Tracker(same)
        self._reporter = Reporter(same, again_s=again_s, started=started)
        self._step_s = step_s
        self._reader: Reader | None = None

    def __iter__(self) -> Iterator[Moment]:
        """Yield a moment a frame until the frames end, then one for what is left undecided."""
        last: Frame | None = None
        for frame in self._frames:
            if last is not None and 0 <= frame.time_s - last.time_s < self._step_s:
                continue
            last = frame
            yield self._look(frame)
        if last is not None:
            open_tracks = [track for track in self._tracker.tracks if track.number]
            left = self._reporter.report((), open_tracks, last.time_s)
            yield Moment(last, (), tuple(left))

    def _look(self, frame: Frame) -> Moment:
        reader = self._reader or self._make_reader(frame)
        photo = Photo(frame.pixels, f"{frame.time_s:.2f} s", "", *frame.pixels.shape[1::-1])
        before = time.perf_counter()
        found = reader.pipeline.find(photo, rotate=reader.rotate)
        self.budget.spend("detect", before)

        def embed(numbers: Sequence[int]) -> dict[int, tuple[EmbeddedFace, IdentifiedFace]]:
            return self._embed(reader, photo, found, numbers)

        ended = self._tracker.update(found.faces, frame.time_s, embed)
        self.budget.n_used += 1
        tracks = self._tracker.visible(frame.time_s)
        events = self._reporter.report(tracks, ended, frame.time_s)
        return Moment(frame, tuple(t for t in tracks if t.last_s == frame.time_s), tuple(events))

    def _embed(
        self, reader: Reader, photo: Photo, found: Found, numbers: Sequence[int]
    ) -> dict[int, tuple[EmbeddedFace, IdentifiedFace]]:
        if not numbers:
            return {}
        before = time.perf_counter()
        embedded, _ = reader.embed(photo, found, numbers)
        self.budget.spend("embed", before)
        before = time.perf_counter()
        answers = self._recognizer.search(embedded)
        self.budget.spend("search", before)
        return {e.face_no: (e, a) for e, a in zip(embedded, answers, strict=True)}

    def _make_reader(self, frame: Frame) -> Reader:
        short = min(frame.pixels.shape[:2])
        road = self._recognizer.reader
        embedder = road.pipeline.embedder
        least = max(LEAST_FACE_PX, short * LEAST_FACE)
        pipeline = Pipeline(embedder, device=embedder.device, min_face_px=least)
        self._reader = Reader(pipeline, rotate=road.rotate)
        return self._reader
