"""A long film with 20 enrolled people and 20 strangers: wrong names, flicker, memory.

    FACEGATE_TEST_DATA=../data uv run benchmarks/camera/hour.py --minutes 60

Visits of 4 to 9 seconds, one or two people at a time, moved, turned and lit at random, in minutes
of film that are written, read back by the film reader and thrown away. People are enrolled from
one photograph's short sitting and visit as their other photographs.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from people import people_with, portraits

from facegate.capture import Frame, open_camera
from facegate.capture.film_writer import write_film
from facegate.clips import Portrait, Shot, film, passing_by, sitting_down, take, through
from facegate.guided import Sitting
from facegate.live import Event, Watch
from facegate.models.pipeline import Pipeline
from facegate.models.values import Pixels
from facegate.recognizer import Recognizer

FPS = 10.0
Truth = list[tuple[float, float, str, float]]  # from, to, name or "", x of the face's middle


def visits(
    cast: list[tuple[str, Portrait]], seconds: float, rng: np.random.Generator, truth: Truth
) -> Iterator[Pixels]:
    """Yield the frames of one minute; note who is where in ``truth``."""
    now = 0.0
    while now < seconds:
        length = float(rng.uniform(4, 9))
        pair = [cast[i] for i in rng.choice(len(cast), size=2, replace=False)]
        together = rng.random() < 0.25
        seeds = [int(rng.integers(1 << 30)) for _ in range(2)]
        rolls = [
            film(person, through(passing_by(seed=seed, seconds=length), fps=FPS), seed=seed)
            for (_, person), seed in zip(pair, seeds, strict=True)
        ]
        truth.append((now, now + length, pair[0][0], 160.0 if together else 320.0))
        if together:
            truth.append((now, now + length, pair[1][0], 480.0))
            for left, right in zip(*rolls, strict=True):
                yield np.ascontiguousarray(np.hstack([left[:, 160:480], right[:, 160:480]]))
        else:
            yield from rolls[0]
        empty = round(float(rng.uniform(0.5, 3.5)) * FPS)
        background = take(cast[0][1], Shot(x=-1.5, y=-1.5), seed=seeds[0])
        for _ in range(empty):
            yield background
        now += (len(range(round(length * FPS) + 1)) + empty) / FPS


def enrol(recognizer: Recognizer, folder: Path) -> list[tuple[str, Portrait]]:
    """Enrol 20 people from films, and return them and 20 strangers in other photographs."""
    finder = Pipeline(min_face_px=32)
    cast: list[tuple[str, Portrait]] = []
    for name, paths in people_with(3, 60, seed=8):
        people = list(portraits(finder, paths[:3]))
        if len(people) < 2 or len(cast) == 40:
            continue
        if len(cast) >= 20:
            cast.append(("", people[1]))
            continue
        path = folder / "sitting.avi"
        write_film(path, film(people[0], through(sitting_down(seed=1), fps=8), seed=1), fps=8)
        with open_camera(path) as frames:
            sitting = Sitting(recognizer, name, frames)
            for _ in sitting:
                pass
        if not sitting.coach.finish().code:
            sitting.save()
            cast.append((name, people[1]))
    return cast


class LongFilm:
    """Minute after minute of visits, written to a file and read back."""

    def __init__(self, cast: list[tuple[str, Portrait]], minutes: float, folder: Path) -> None:
        self.cast, self.minutes, self.folder = cast, minutes, folder
        self.truth: Truth = []
        self.rss_mb: list[float] = []

    def __iter__(self) -> Iterator[Frame]:
        rng = np.random.default_rng(60)
        process = psutil.Process()
        offset, index = 0.0, 0
        while offset < 60 * self.minutes:
            path = self.folder / "minute.mp4"
            here: Truth = []
            write_film(path, visits(self.cast, 60, rng, here), fps=FPS)
            self.truth += [(a + offset, b + offset, who, x) for a, b, who, x in here]
            with open_camera(path) as frames:
                for frame in frames:
                    yield Frame(frame.pixels, offset + frame.time_s, index)
                    index += 1
            offset += frame.time_s + 1 / FPS
            self.rss_mb.append(process.memory_info().rss / 1e6)

    def was_there(self, event: Event) -> bool:
        """Return whether the named person was before the camera at that moment or just before."""
        assert event.identity is not None
        return any(
            start - 0.5 <= event.time_s <= end + 3.0 and who == event.identity.name
            for start, end, who, _ in self.truth
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    started = time.time()
    with tempfile.TemporaryDirectory() as text:
        recognizer = Recognizer(Path(text) / "people.db")
        cast = enrol(recognizer, Path(text))
        long_film = LongFilm(cast, options.minutes, Path(text))
        names: dict[int, set[str]] = {}
        tally, wrong = Counter[str](), Counter[str]()
        for moment in Watch(recognizer, long_film, again_s=0.0):
            for track in moment.tracks:
                if track.vote is not None and track.vote.identity is not None:
                    names.setdefault(track.number, set()).add(track.vote.identity.name)
            for event in moment.events:
                tally[event.decision] += 1
                if event.identity is not None and not long_film.was_there(event):
                    wrong[event.identity.name] += 1
    visits_of_known = sum(bool(visit[2]) for visit in long_film.truth)
    changed = sum(len(known) > 1 for known in names.values())
    print(
        f"{sum(bool(name) for name, _ in cast)} enrolled, {sum(not n for n, _ in cast)} strangers"
    )
    print(
        f"{options.minutes:g} minutes, {len(long_film.truth)} visits, {visits_of_known} of enrolled"
    )
    print(f"events: {dict(tally)}; {time.time() - started:.0f} s of work")
    print(f"wrong names: {sum(wrong.values())}")
    print(f"tracks whose name changed: {changed} of {len(names)} named ones")
    print(
        "resident memory after each minute in MB: " + " ".join(f"{v:.0f}" for v in long_film.rss_mb)
    )


if __name__ == "__main__":
    main()
