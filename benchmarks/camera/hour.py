"""A long film with 20 enrolled people and 20 strangers: wrong names, flicker, memory.

    FACEGATE_TEST_DATA=../data uv run benchmarks/camera/hour.py --minutes 60 --keep /tmp/hour

Visits of 4 to 9 seconds, one or two people at a time, moved, turned and lit at random. People are
enrolled from one photograph's short sitting and visit as another of their photographs. The films,
one a minute, are made first and kept, with a list of who is where; then they are watched as one,
as fast as the machine can, every frame.
"""

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
from people import people_with, portraits

from facegate.capture import Frame, open_camera
from facegate.capture.film_writer import write_film
from facegate.clips import Portrait, Shot, film, take
from facegate.decision import Search
from facegate.guided import Sitting
from facegate.live import Event, Moment, Watch
from facegate.models.pipeline import Pipeline
from facegate.models.values import Pixels
from facegate.models.zoo import DEFAULT_MODEL
from facegate.recognizer import Recognizer
from facegate.scenes import passing_by, sitting_down, through

SIZE, SCALE = (480, 360), 0.75  # a film of 640 x 480 takes nearly twice the time
FPS, N_ENROLLED, N_PEOPLE, SEED = 5.0, 20, 40, 60
LEFT, RIGHT, ALONE = "left", "right", "alone"
AFTER_S = 0.7  # a track may get its name so long after its last frame

Cast = list[tuple[str, list[Portrait]]]


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody is before the camera from one second of the film to another, on one side of it."""

    start: float
    end: float
    who: str
    side: str

    def covers(self, event: Event) -> bool:
        """Return whether an event was about this visit."""
        x = (event.box[0] + event.box[2]) / 2
        side = LEFT if x < SIZE[0] / 2 else RIGHT
        return self.start <= event.time_s <= self.end + AFTER_S and self.side in (side, ALONE)


def cast() -> Cast:
    """Return 40 people with two portraits each."""
    finder = Pipeline(DEFAULT_MODEL, min_face_px=32)
    found: Cast = []
    for _, paths in people_with(3, 120, seed=8):
        people = list(islice(portraits(finder, paths), 2))
        if len(people) == 2:
            found.append((f"person {len(found):02}", people))
        if len(found) == N_PEOPLE:
            break
    return found


def walk(person: Portrait, seconds: float, seed: int) -> Iterator[Pixels]:
    """Yield the frames of one person who comes and goes."""
    shots = through(passing_by(seed=seed, seconds=seconds), fps=FPS)
    smaller = (replace(shot, eyes_px=SCALE * shot.eyes_px) for shot in shots)
    return film(person, smaller, seed=seed, size=SIZE)


def visits(people: Cast, rng: np.random.Generator, minute: list[Visit]) -> Iterator[Pixels]:
    """Yield the frames of one minute; note in ``minute`` who is where."""
    n_frames = 0
    while n_frames < 60 * FPS:
        length = float(rng.uniform(4, 9))
        pair = [people[i] for i in rng.choice(len(people), size=2, replace=False)]
        together = rng.random() < 0.25
        seeds = [int(rng.integers(1 << 30)) for _ in range(2)]
        rolls = [
            list(walk(shown[1], length, seed))
            for (_, shown), seed in list(zip(pair, seeds, strict=True))[: 1 + together]
        ]
        start, end = n_frames / FPS, (n_frames + len(rolls[0])) / FPS
        minute.append(Visit(start, end, pair[0][0], LEFT if together else ALONE))
        if together:
            minute.append(Visit(start, end, pair[1][0], RIGHT))
            quarter = SIZE[0] // 4
            halves = [[frame[:, quarter : 3 * quarter] for frame in roll] for roll in rolls]
            rolls = [[np.hstack(both) for both in zip(*halves, strict=True)]]
        empty = take(people[0][1][1], Shot(x=-1.5, y=-1.5), seed=seeds[0], size=SIZE)
        rolls[0] += [empty] * round(float(rng.uniform(0.5, 3.5)) * FPS)
        for frame in rolls[0]:
            yield np.ascontiguousarray(frame)
        n_frames += len(rolls[0])


def make_films(people: Cast, minutes: int, folder: Path) -> None:
    """Make the films that are not there yet, each with the list of its visits."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(minutes):
        listed = folder / f"{number:02}.json"
        if listed.exists():
            continue
        minute: list[Visit] = []
        rng = np.random.default_rng([SEED, number])
        write_film(folder / f"{number:02}.mp4", visits(people, rng, minute), fps=FPS)
        listed.write_text(json.dumps([astuple(visit) for visit in minute]))


def enrol(recognizer: Recognizer, people: Cast) -> set[str]:
    """Enrol people from films; return who could be."""
    enrolled = set()
    with tempfile.TemporaryDirectory() as folder:
        for name, (first, _) in people:
            path = Path(folder) / "sitting.avi"
            write_film(path, film(first, through(sitting_down(seed=1), fps=FPS), seed=1), fps=FPS)
            with open_camera(path) as frames:
                sitting = Sitting(recognizer, name, frames)
                for _ in sitting:
                    pass
            if not sitting.coach.finish().code:
                sitting.save()
                enrolled.add(name)
    return enrolled


@dataclass
class LongFilm:
    """Film after film as one, with all its visits and the memory after each."""

    folder: Path
    minutes: int
    visits: list[Visit] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    n_frames: int = 0

    def __iter__(self) -> Iterator[Frame]:
        process = psutil.Process()
        for number in range(self.minutes):
            offset = self.n_frames / FPS
            for start, end, who, side in json.loads(
                (self.folder / f"{number:02}.json").read_text()
            ):
                self.visits.append(Visit(start + offset, end + offset, who, side))
            with open_camera(self.folder / f"{number:02}.mp4") as frames:
                for frame in frames:
                    yield Frame(frame.pixels, self.n_frames / FPS, self.n_frames)
                    self.n_frames += 1
            self.rss_mb.append(process.memory_info().rss / 1e6)


@dataclass
class Tally:
    """What was said during the film, held against what was so."""

    decisions: Counter[str] = field(default_factory=Counter)
    names: dict[int, set[str]] = field(default_factory=dict)
    right: set[Visit] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    scores: list[tuple[float, bool]] = field(default_factory=list)

    def see(self, moment: Moment, there: list[Visit]) -> None:
        """Count what is said at one frame."""
        for track in moment.tracks:
            if track.vote is not None and track.vote.identity is not None:
                self.names.setdefault(track.number, set()).add(track.vote.identity.name)
        for event in moment.events:
            self._count(event, there)

    def _count(self, event: Event, there: list[Visit]) -> None:
        self.decisions[event.decision] += 1
        if event.identity is None:
            return
        meant = [visit for visit in there if visit.covers(event)]
        right = [visit for visit in meant if visit.who == event.identity.name]
        self.right.update(right)
        self.scores.append((event.score or 0.0, bool(right)))
        if not right:
            who = ", ".join(visit.who for visit in meant) or "nobody"
            self.wrong.append(
                f"{event.time_s:.1f} s: {who} called {event.identity.name}, "
                f"score {event.score:.3f}, threshold {event.threshold:.3f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--films-only", action="store_true", help="make the films, watch nothing")
    options = parser.parse_args()
    people = cast()
    make_films(people, options.minutes, options.keep)
    if options.films_only:
        return
    with tempfile.TemporaryDirectory() as text:
        recognizer = Recognizer(Path(text) / "people.db", model=options.model)
        enrolled = enrol(recognizer, people[:N_ENROLLED])
        long_film, tally = LongFilm(options.keep, options.minutes), Tally()
        wall, cpu = time.perf_counter(), time.process_time()
        watch = Watch(recognizer, long_film, again_s=0.0)
        with suppress(KeyboardInterrupt):  # Ctrl-C ends it with the figures so far
            for moment in watch:
                tally.see(moment, long_film.visits)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        counted = recognizer.gallery.count() if recognizer.gallery is not None else (0, 0)
        print(f"model {recognizer.model_id}; {os.cpu_count()} cores")
        print(f"{counted[0]} people enrolled with {counted[1]} templates, seed {SEED}")
        print_figures(long_film, tally, enrolled)
        for fpir in (1e-2, 1e-3, 1e-4):
            bound = recognizer.basis.identification(fpir, Search(counted[1], counted[0])).score
            named = [right for score, right in tally.scores if score >= bound]
            wrong = len(named) - sum(named)
            print(f"  names at --fpir {fpir:g}, {bound:.3f} and above: {len(named)}, {wrong} wrong")
    print(watch.budget.line(long_film.n_frames, 0))
    print(f"{wall:.0f} s of wall time, {cpu:.0f} s of CPU")


def print_figures(long_film: LongFilm, tally: Tally, enrolled: set[str]) -> None:
    """Print what the issue of names, flicker and memory came to."""
    known = [visit for visit in long_film.visits if visit.who in enrolled]
    changed = sum(len(names) > 1 for names in tally.names.values())
    seconds = long_film.n_frames / FPS
    print(f"{seconds / 60:.1f} minutes at {FPS:g} frames a second: {long_film.n_frames} frames")
    print(f"{len(long_film.visits)} visits, {len(known)} of them of enrolled people")
    print(f"visits of enrolled people that got their name: {len(tally.right)} of {len(known)}")
    print(f"events: {dict(tally.decisions)}")
    print(f"wrong names: {len(tally.wrong)}", *tally.wrong, sep="\n  ")
    print(f"tracks whose name changed: {changed} of {len(tally.names)} named ones")
    first, last = long_film.rss_mb[0], long_film.rss_mb[-1]
    print(f"resident memory after the first minute {first:.0f} MB, after the last {last:.0f} MB")
    print("every fifth minute: " + " ".join(f"{value:.0f}" for value in long_film.rss_mb[::5]))


if __name__ == "__main__":
    main()
