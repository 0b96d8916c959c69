"""What the coach buys: FNMR of its templates against that of random frames.

Each of 50 people of LFW sits before a recorded camera for half a minute: photographs of the person
are moved and turned over the frame in stretches, mixed with blur, darkness, noise, somebody beside
them, and exits. Templates are made (a) of the K frames that the coach keeps, (b) of K random frames
in which a face was found, (c) of all frames, (d) of one frame each. Probes are the person's other
photographs, as they are.

    FACEGATE_TEST_DATA=../data uv run benchmarks/camera/enrol.py --people 50 --keep /tmp/enrol

``--keep`` names a folder for what was measured of each person: run again, it goes on where it was.
``--model`` may be given several times; all models see the same frames and faces.
"""

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from enrol_figures import Session, print_figures
from people import beside, people_with, portraits

from facegate.clips import Portrait, Shot, take
from facegate.data.images import read_photo
from facegate.errors import NoAnswerError
from facegate.guided import same_person, view_of
from facegate.models.pipeline import Pipeline
from facegate.models.values import Floats, Pixels
from facegate.models.zoo import DEFAULT_MODEL
from facegate.reader import Reader

FPS, SECONDS, SEED = 4.0, 28.0, 15
STRETCH = 5  # frames, 1.25 s
FAULTS = ("none", "none", "none", "blur", "dark", "bright", "motion", "far", "beside", "away")


def shots(rng: np.random.Generator) -> list[tuple[str, Shot]]:
    """Return the frames of one stretch: a fault, and shots that move."""
    fault = str(rng.choice(FAULTS))
    calm = Shot(
        yaw=float(rng.uniform(-18, 18)),
        pitch=float(rng.uniform(-10, 10)),
        roll=float(rng.uniform(-6, 6)),
        eyes_px=float(rng.uniform(50, 80)),
        x=float(rng.uniform(0.35, 0.6)),
        light=float(rng.uniform(0.7, 1.2)),
        side=float(rng.uniform(-0.4, 0.4)),
        jpeg=float(rng.uniform(50, 85)),
    )
    spoilt = {
        "blur": replace(calm, blur_px=float(rng.uniform(2.5, 5))),
        "dark": replace(calm, light=float(rng.uniform(0.08, 0.25)), noise=9.0),
        "bright": replace(calm, light=float(rng.uniform(1.9, 2.6))),
        "motion": replace(calm, motion_px=float(rng.uniform(12, 26))),
        "far": replace(calm, eyes_px=float(rng.uniform(13, 22))),
    }.get(fault, calm)
    return [(fault, replace(spoilt, yaw=spoilt.yaw + 0.6 * i)) for i in range(STRETCH)]


def record(
    people: list[Portrait], others: list[Portrait], rng: np.random.Generator
) -> list[Pixels]:
    """Return the frames of one session."""
    frames: list[Pixels] = []
    while len(frames) < FPS * SECONDS:
        person = people[int(rng.integers(len(people)))]
        for fault, shot in shots(rng):
            seed = int(rng.integers(1 << 30))
            frame = take(person, shot, seed=seed)
            if fault == "away":
                frame = np.full_like(frame, 110)
            if fault == "beside":
                frame = beside(frame, others[int(rng.integers(len(others)))], seed=seed)
            frames.append(frame)
    return frames[: round(FPS * SECONDS)]


def measure(readers: list[Reader], frames: list[Pixels], probes: list[Path]) -> list[Session]:
    """Find, measure and embed the faces of one person's frames and probes, one session a model."""
    photos = [read_photo(frame) for frame in frames]
    found = [readers[0].pipeline.find(photo) for photo in photos]
    measured = []
    for reader in readers:
        views = []
        for i, (photo, faces) in enumerate(zip(photos, found, strict=True)):
            view = view_of(reader, photo, i / FPS, faces)
            views.append(replace(view, item=i))
        rows = [row for path in probes if (row := probe(reader, path)) is not None]
        empty = np.zeros((0, reader.pipeline.embedder.dim), np.float32)
        same = same_person(reader.pipeline.embedder.card)
        measured.append(Session(views, np.stack(rows) if rows else empty, same))
    return measured


def probe(reader: Reader, path: Path) -> Floats | None:
    """Return the embedding of a photograph's largest face, or None where it cannot be had."""
    try:
        return reader.faces(read_photo(path), face="largest")[0].embedding
    except NoAnswerError:
        return None


def sessions(readers: list[Reader], n_people: int, keep: Path | None) -> Iterator[list[Session]]:
    """Yield what was measured of each person, one a model; the next film is made meanwhile."""
    pipeline = readers[0].pipeline
    chosen = people_with(9, n_people + 10, seed=SEED)
    others = [p for _, paths in chosen[n_people:] for p in portraits(pipeline, paths[:2])]

    def film(number: int) -> list[Pixels]:
        people = list(islice(portraits(film_finder, chosen[number][1][:-5]), 4))
        return record(people, others, np.random.default_rng([SEED, number]))

    def files(number: int) -> list[Path]:
        assert keep is not None
        return [keep / f"{number:03}-{r.pipeline.model_id}.pickle" for r in readers]

    def is_done(number: int) -> bool:
        return keep is not None and all(path.exists() for path in files(number))

    film_finder = Pipeline(pipeline.embedder, min_face_px=32)  # for the other thread
    missing = [number for number in range(n_people) if not is_done(number)]
    with ThreadPoolExecutor(1) as ahead:
        films = {number: ahead.submit(film, number) for number in missing[:1]}
        for number in range(n_people):
            if is_done(number):
                yield [Session.load(path) for path in files(number)]
                continue
            later = missing[missing.index(number) + 1 :][:1]
            frames = films.pop(number).result()
            films.update({n: ahead.submit(film, n) for n in later})
            measured = measure(readers, frames, chosen[number][1][-5:])
            for path, session in zip(files(number) if keep else (), measured, strict=False):
                session.save(path)
            yield measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--model", action="append")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    readers = [Reader(Pipeline(m, min_face_px=32)) for m in options.model or [DEFAULT_MODEL]]
    measured = list(sessions(readers, options.people, options.keep))
    print(f"{os.cpu_count()} cores; seed {SEED}; {FPS:g} frames a second for {SECONDS:g} s")
    for reader, sittings in zip(readers, zip(*measured, strict=True), strict=True):
        print_figures(reader.pipeline.model_id, list(sittings))


if __name__ == "__main__":
    main()
