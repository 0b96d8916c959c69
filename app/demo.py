"""The main job on two portraits that come with the libraries: no camera, no network.

Short films are made of the portraits of Eileen Collins (in the scikit-image wheel) and Grace
Hopper (in the matplotlib wheel), both public-domain works of NASA and the US Navy, and played
through the same road that a camera takes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from facegate.capture import open_camera
from facegate.capture.film_writer import write_film
from facegate.clips import Portrait, film, portrait
from facegate.data.images import read_photo, write_image
from facegate.draw.live import live_picture
from facegate.errors import NoFaceError
from facegate.guide import Advice
from facegate.guided import Sitting
from facegate.live import Event, Moment, Watch
from facegate.models.values import Pixels
from facegate.recognizer import Recognizer
from facegate.results import Enrolment
from facegate.scenes import passing_by, sitting_down, through

ENROLLED, STRANGER = "Eileen Collins", "Grace Hopper"
FPS = 10.0
PICTURE = "facegate-demo.jpg"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class DemoResult:
    """What the demo saw.

    Attributes:
        enrolment: of the first person.
        poses: the looks that the coach got from her.
        quality: of the kept frames, the worst and the best.
        recognised, refused: the last event of the first person's second film, and of the
            stranger's; None where there was none.
        picture: an annotated frame of each.
        seconds: by stage, and in total.
        ok: she was recognised and the stranger refused.
    """

    enrolment: Enrolment
    poses: tuple[str, ...]
    quality: tuple[float, float]
    recognised: Event | None
    refused: Event | None
    picture: Path
    seconds: dict[str, float]
    ok: bool

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``demo --json`` prints."""
        return {
            "ok": self.ok,
            "enrolled": self.enrolment.as_json(),
            "poses": list(self.poses),
            "recognised": self.recognised.as_json() if self.recognised else None,
            "refused": self.refused.as_json() if self.refused else None,
            "picture": str(self.picture),
            "model": self.enrolment.model,
            "seconds": {stage: round(spent, 3) for stage, spent in self.seconds.items()},
        }


@dataclass(slots=True)
class _Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def stop(self, stage: str) -> float:
        now = time.perf_counter()
        spent, self.last = now - self.last, now
        self.seconds[stage] = spent
        return spent


def run_demo(recognizer: Recognizer, folder: Path, say: Say) -> DemoResult:
    """Enrol one of two people from a film, find her in another one, refuse the other person.

    Args:
        recognizer: with a gallery of its own that does not exist yet.
        folder: where films and picture go.
        say: is told what happens, one line at a time.
    """
    clock = _Clock()
    recognizer.reader.pipeline.embedder  # noqa: B018  (loaded here, so that its time is seen)
    hers, theirs = _portraits(recognizer)
    say(f"model {recognizer.model_id}, ready in {clock.stop('load'):.1f} s")
    sitting_film, passing_film, stranger_film = (
        folder / name for name in ("sitting.mp4", "passing.mp4", "stranger.mp4")
    )
    stops = sitting_down(seed=1)
    write_film(sitting_film, film(hers, through(stops, fps=FPS), seed=1), fps=FPS)
    for path, person, seed in ((passing_film, hers, 2), (stranger_film, theirs, 3)):
        shots = through(passing_by(seed=seed, seconds=2.5), fps=FPS)
        write_film(path, film(person, shots, seed=seed), fps=FPS)
    say(f"three short films made of two portraits in {clock.stop('films'):.1f} s")

    say(f"{ENROLLED} sits down before the camera ({sitting_film.name})")
    enrolment, advice, quality = _enrol(recognizer, sitting_film, say)
    poses = tuple(sorted(direction.value for direction in advice.covered)) if advice else ()
    say(f"enrolled from {enrolment.kept} frames in {clock.stop('enrol'):.1f} s")

    recognised, first = _watch(recognizer, passing_film)
    say(f"{passing_film.name}: {_describe(recognised)}, {clock.stop('recognise'):.1f} s")
    refused, second = _watch(recognizer, stranger_film)
    say(f"{stranger_film.name}: {_describe(refused)}, {clock.stop('refuse'):.1f} s")
    picture = folder / PICTURE
    write_image(picture, np.hstack([first, second]))
    ok = (
        recognised is not None
        and recognised.identity is not None
        and recognised.identity.name == ENROLLED
        and refused is not None
        and refused.decision == "unknown"
    )
    seconds = {**clock.seconds, "total": sum(clock.seconds.values())}
    return DemoResult(enrolment, poses, quality, recognised, refused, picture, seconds, ok)


def _portraits(recognizer: Recognizer) -> tuple[Portrait, Portrait]:
    import matplotlib
    import skimage.data

    grace = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    found = []
    for source, name in ((skimage.data.astronaut(), ENROLLED), (grace, STRANGER)):
        photo = read_photo(source, name=name)
        faces = recognizer.reader.pipeline.find(photo).faces
        if not faces:
            raise NoFaceError(f"no face found in the portrait of {name}", hint="run doctor")
        found.append(portrait(photo.pixels, faces[0].landmarks))
    return found[0], found[1]


def _enrol(
    recognizer: Recognizer, path: Path, say: Say
) -> tuple[Enrolment, Advice | None, tuple[float, float]]:
    advice: Advice | None = None
    said = ""
    with open_camera(str(path)) as frames:
        sitting = Sitting(recognizer, ENROLLED, frames)
        for step in sitting:
            advice = step.advice
            if advice.text != said:
                say(f"  {step.frame.time_s:4.1f} s  {advice.text}")
                said = advice.text
        qualities = [kept.quality for kept in sitting.coach.kept] or [0.0]
        return sitting.save(), advice, (min(qualities), max(qualities))


def _watch(recognizer: Recognizer, path: Path) -> tuple[Event | None, Pixels]:
    """Return the last event of a film, and its frame with the answer drawn on it."""
    event: Event | None = None
    shown: Moment | None = None
    picture: Pixels | None = None
    with open_camera(str(path)) as frames:
        for moment in Watch(recognizer, frames):
            event = moment.events[-1] if moment.events else event
            decided = any(track.vote is not None for track in moment.tracks)
            if decided or shown is None:
                shown = moment
                picture = live_picture(moment.frame.pixels, moment.tracks)
    assert picture is not None  # a film without frames raises
    return event, picture


def _describe(event: Event | None) -> str:
    if event is None:
        return "nobody was seen"
    who = event.identity.name if event.identity is not None else event.decision
    if event.score is None or event.threshold is None:
        return who
    sign = ">=" if event.score >= event.threshold else "<"
    return f"{who}, score {event.score:.3f} {sign} threshold {event.threshold:.3f}"
