"""What the coach buys: FNMR of its templates against that of random frames.

Each of 50 people of LFW sits before a recorded camera for half a minute: photographs of the person
are moved and turned over the frame in stretches, mixed with blur, darkness, noise, somebody beside
them, and exits. Templates are made (a) of the frames that the coach keeps, (b) of as many random
frames in which a face was found. Probes are the person's other photographs, as they are.

    FACEGATE_TEST_DATA=../data uv run benchmarks/camera/enrol.py --people 50
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from people import beside, people_with, portraits

from facegate.clips import Portrait, Shot, take
from facegate.data.images import read_photo
from facegate.errors import NoAnswerError
from facegate.guide import Coach
from facegate.guided import same_person, view_of
from facegate.models.pipeline import Pipeline
from facegate.models.values import Floats, Pixels
from facegate.reader import Reader

FPS, SECONDS = 6.0, 28.0
FAULTS = ("none", "none", "none", "blur", "dark", "bright", "motion", "far", "beside", "away")


@dataclass
class Session:
    """One person's templates by method, and probes."""

    coach: Floats
    random: Floats
    everything: Floats
    probes: Floats
    seconds: float
    n_frames: int


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
    return [(fault, replace(spoilt, yaw=spoilt.yaw + 0.4 * i)) for i in range(8)]


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


def run(
    reader: Reader, frames: list[Pixels], probes: list[Path], rng: np.random.Generator
) -> Session:
    """Play a session to the coach, to chance, and embed the probes."""
    coach = Coach(same_person=same_person(reader.pipeline.embedder.card), limit_s=1e9)
    rows: list[Floats] = []
    ended = len(frames) / FPS
    for i, frame in enumerate(frames):
        view = view_of(reader, read_photo(frame), i / FPS)
        if view.embedding is not None:
            rows.append(view.embedding)
        if coach.state == "going" and coach.see(view).state != "going":
            ended = i / FPS
    kept = [kept.embedding for kept in coach.finish().kept]
    k = len(kept) or coach.best
    drawn = rng.choice(len(rows), size=min(k, len(rows)), replace=False)
    found = [row for path in probes if (row := probe(reader, path)) is not None]
    return Session(
        np.stack(kept) if kept else np.zeros((0, len(rows[0])), np.float32),
        np.stack([rows[i] for i in drawn]),
        np.stack(rows),
        np.stack(found) if found else np.zeros((0, len(rows[0])), np.float32),
        ended,
        len(frames),
    )


def probe(reader: Reader, path: Path) -> Floats | None:
    """Return the embedding of a photograph's largest face, or None where it cannot be had."""
    try:
        return reader.faces(read_photo(path), face="largest")[0].embedding
    except NoAnswerError:
        return None


def rates(sessions: list[Session], method: str, fmr: float) -> tuple[float, float, int, int]:
    """Return FNMR, threshold and the counts of genuine and impostor scores."""
    genuine: list[float] = []
    impostor: list[float] = []
    for i, session in enumerate(sessions):
        templates = getattr(session, method)
        for j, other in enumerate(sessions):
            if len(templates):
                best = (other.probes @ templates.T).max(axis=1)
            else:
                best = np.full(len(other.probes), -1.0)
            (genuine if i == j else impostor).extend(float(v) for v in best)
    bound = float(np.sort(impostor)[-max(1, int(fmr * len(impostor)))])
    missed = float((np.array(genuine) < bound).mean())
    return missed, bound, len(genuine), len(impostor)


def interval(sessions: list[Session], fmr: float) -> tuple[float, float]:
    """Return the 95 % interval of FNMR(coach) / FNMR(random), people drawn anew 200 times."""
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(200):
        drawn = [sessions[i] for i in np.unique(rng.integers(len(sessions), size=len(sessions)))]
        if len(drawn) < 2:
            continue
        ours, theirs = rates(drawn, "coach", fmr)[0], rates(drawn, "random", fmr)[0]
        ratios.append(ours / theirs if theirs else 1.0)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--model", default=None)
    options = parser.parse_args()
    pipeline = Pipeline(options.model, min_face_px=32)
    reader = Reader(pipeline)
    rng = np.random.default_rng(15)
    chosen = people_with(9, options.people + 10, seed=15)
    others = [p for _, paths in chosen[options.people :] for p in portraits(pipeline, paths[:1])]
    sessions, failed, began = [], Counter[str](), time.time()
    for _, paths in chosen[: options.people]:
        people = list(portraits(pipeline, paths[:4]))
        frames = record(people, others, rng)
        session = run(reader, frames, paths[4:9], rng)
        failed["not enrolled"] += len(session.coach) == 0
        sessions.append(session)
    n_probes = sum(len(session.probes) for session in sessions)
    print(f"model {pipeline.model_id}, {len(sessions)} people, {time.time() - began:.0f} s")
    print(f"sessions that the coach refused: {failed['not enrolled']}")
    print(f"probes without a usable face, left out: {5 * len(sessions) - n_probes}")
    ended = sorted(session.seconds for session in sessions)
    print(f"enrolled after (median, longest): {ended[len(ended) // 2]:.1f} s, {ended[-1]:.1f} s")
    for fmr in (1e-2, 1e-3):
        for method in ("coach", "random", "everything"):
            missed, bound, n_genuine, n_impostor = rates(sessions, method, fmr)
            print(
                f"FMR {fmr:g}  {method:<10}  FNMR {missed:.4f}  threshold {bound:.3f}  "
                f"({n_genuine} genuine, {n_impostor} impostor)"
            )
        low, high = interval(sessions, fmr)
        print(f"FMR {fmr:g}  coach / random, 95 %: {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
