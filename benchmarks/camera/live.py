"""Frames a second of live identification at 640 x 480, with one face and with four.

    FACEGATE_TEST_DATA=../data uv run benchmarks/camera/live.py

Frames are made beforehand and handed over without a camera: what is measured is detection,
alignment, embedding, search, linking and vote. Wall time depends on what else the machine does, so
CPU time is given too.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from people import people_with, portraits

from facegate.capture import Frame
from facegate.clips import Portrait, Shot, take
from facegate.live import Watch
from facegate.models.pipeline import Pipeline
from facegate.models.values import Pixels
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
    parser.add_argument("--frames", type=int, default=60)
    options = parser.parse_args()
    finder = Pipeline(min_face_px=32)
    chosen = people_with(2, 4, seed=3)
    people = [next(portraits(finder, paths)) for _, paths in chosen]
    print(f"load average at the start: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores")
    for n_faces in (1, 4):
        pictures = [scene(people, n_faces, i / 4, i) for i in range(options.frames)]
        with tempfile.TemporaryDirectory() as folder:
            recognizer = Recognizer(Path(folder) / "people.db")
            for name, paths in chosen[:2]:
                recognizer.enroll(name, paths[1:2], face="largest")
            frames = (Frame(pixels, i / 15, i) for i, pixels in enumerate(pictures))
            watch = Watch(recognizer, frames)
            moments = iter(watch)
            for _ in range(8):  # nets are compiled and shapes met
                next(moments)
            before, cpu, used = time.perf_counter(), time.process_time(), watch.budget.n_used
            seen = [len(moment.tracks) for moment in moments]
            n = watch.budget.n_used - used
            wall, cpu = time.perf_counter() - before, time.process_time() - cpu
            rate, each = n / wall, 1000 * wall / n
            print(f"{n_faces} face(s): {rate:.1f} frames a second, {each:.0f} ms a frame")
            print(f"  {1000 * cpu / n:.0f} ms CPU a frame, {np.median(seen[:-1]):.0f} tracks seen")
            print("  " + watch.budget.line(n, 0))


if __name__ == "__main__":
    main()
