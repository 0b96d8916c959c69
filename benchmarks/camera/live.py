"""Frames a second of live identification at 640 x 480, with one face and with four.

    FACEGATE_TEST_DATA=../data uv run benchmarks/camera/live.py

Frames are made beforehand and handed over without a camera: what is measured is detection,
alignment, embedding, search, linking and vote. Wall time depends on what else the machine does, so
the load and CPU time are given too.
"""

import argparse
import os
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
from people import people_with, portraits

from facegate.capture import Frame
from facegate.clips import Portrait, Shot, take
from facegate.live import Watch
from facegate.models.pipeline import Pipeline
from facegate.models.values import Pixels
from facegate.models.zoo import DEFAULT_MODEL
from facegate.recognizer import Recognizer


def scene(people: list[Portrait], n_faces: int, at: float, seed: int) -> Pixels:
    """Return a frame with one face in the middle, or four in the quarters."""
    sway = 0.03 * float(np.sin(at))
    if n_faces == 1:
        return take(people[0], Shot(x=0.5 + sway, yaw=200 * sway, eyes_px=64), seed=seed)
    rows = []
    for top in (0, 2):
        left, right = (
            take(
                p, Shot(x=0.5 + sway, y=0.5, eyes_px=36, yaw=200 * sway), seed=seed, size=(320, 240)
            )
            for p in people[top : top + 2]
        )
        rows.append(np.hstack([left, right]))
    return np.ascontiguousarray(np.vstack(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    finder = Pipeline(options.model, min_face_px=32)
    known = (list(portraits(finder, paths)) for _, paths in people_with(2, 40, seed=3))
    people = [shown for shown in islice((p for p in known if len(p) > 1), 4)]
    cores = len(os.sched_getaffinity(0))
    print(f"{finder.model_id}; {cores} cores, load average at the start {os.getloadavg()[0]:.1f}")
    for n_faces in (1, 4):
        faces = [first for first, *_ in people]
        pictures = [scene(faces, n_faces, i / 4, i) for i in range(options.frames)]
        with tempfile.TemporaryDirectory() as folder:
            recognizer = Recognizer(Path(folder) / "people.db", model=options.model)
            for number, (_, other, *_) in enumerate(people[:2]):
                recognizer.enroll(f"person {number}", [other.pixels], face="largest")
            frames = (Frame(pixels, i / 15, i) for i, pixels in enumerate(pictures))
            measure(Watch(recognizer, frames), n_faces)


def measure(watch: Watch, n_faces: int) -> None:
    """Watch frames one after the other and print how long each took."""
    moments = iter(watch)
    for _ in range(10):  # nets are compiled and shapes met
        next(moments)
    seconds, tracks, cpu = [], [], time.process_time()
    before = time.perf_counter()
    for moment in moments:
        now = time.perf_counter()
        seconds.append(now - before)
        tracks.append(len(moment.tracks))
        before = now
    cpu, n = time.process_time() - cpu, len(seconds)
    low, middle, high = np.percentile(np.array(seconds) * 1000, [10, 50, 90])
    print(f"{n_faces} face(s): {n / sum(seconds):.1f} frames a second over {n} frames")
    print(f"  a frame: median {middle:.0f} ms, 80 % within {low:.0f} to {high:.0f} ms")
    print(f"  {1000 * cpu / n:.0f} ms CPU a frame")
    print(f"  tracks: {np.median(tracks[:-1]):.0f} in most frames, {max(tracks)} at most")
    print("  " + watch.budget.line(watch.budget.n_used, 0))


if __name__ == "__main__":
    main()
