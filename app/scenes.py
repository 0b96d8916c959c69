"""Scenes for a film: what somebody does before a camera, as shots at times and all between them.

shots = through(passing_by(seed=1))       # one shot a frame, for facegate.clips.film
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np

from facegate.clips import Shot

FPS = 15.0


def between(first: Shot, second: Shot, share: float) -> Shot:
    """Return the shot at ``share`` (0 to 1) of the way from one to another, eased at both ends."""
    eased = share * share * (3 - 2 * share)
    values = {
        field.name: getattr(first, field.name) * (1 - eased) + getattr(second, field.name) * eased
        for field in fields(Shot)
    }
    return Shot(**values)


def through(stops: Sequence[tuple[float, Shot]], *, fps: float = FPS) -> Iterator[Shot]:
    """Yield one shot a frame along ``stops``: (time in seconds, shot), in rising time."""
    n_frames = round(stops[-1][0] * fps) + 1
    at = 0
    for i in range(n_frames):
        now = i / fps
        while at + 2 < len(stops) and stops[at + 1][0] <= now:
            at += 1
        (start, first), (end, second) = stops[at], stops[at + 1]
        share = min(max((now - start) / max(end - start, 1e-9), 0.0), 1.0)
        yield between(first, second, share)


def sitting_down(*, seed: int = 0) -> list[tuple[float, Shot]]:
    """Return the stops of a guided enrolment: straight, then left, right, up and down, 7.3 s."""
    rng = np.random.default_rng(seed)
    light = float(rng.uniform(0.85, 1.1))
    calm = Shot(light=light, eyes_px=float(rng.uniform(66, 78)))
    looks = [
        (0.0, 0.0),
        (20.0, 0.0),
        (-20.0, 0.0),
        (0.0, 16.0),
        (0.0, -14.0),
    ]
    stops = [(0.0, replace(calm, eyes_px=46.0, x=0.42)), (0.8, calm)]
    now = 0.8
    for yaw, pitch in looks:
        held = replace(
            calm, yaw=yaw + float(rng.normal(0, 1)), pitch=pitch + float(rng.normal(0, 1))
        )
        stops += [(now + 0.5, held), (now + 1.3, held)]
        now += 1.3
    return stops


def passing_by(*, seed: int, seconds: float = 4.0) -> list[tuple[float, Shot]]:
    """Return the stops of somebody who walks up, looks about and leaves the middle again."""
    rng = np.random.default_rng(seed)

    def somewhere(eyes_px: float) -> Shot:
        return Shot(
            yaw=float(rng.uniform(-16, 16)),
            pitch=float(rng.uniform(-8, 8)),
            roll=float(rng.uniform(-6, 6)),
            eyes_px=eyes_px,
            x=float(rng.uniform(0.35, 0.65)),
            y=float(rng.uniform(0.4, 0.5)),
            light=float(rng.uniform(0.65, 1.15)),
            side=float(rng.uniform(-0.5, 0.5)),
            blur_px=float(rng.uniform(0.0, 0.8)),
            noise=float(rng.uniform(2, 5)),
            jpeg=float(rng.uniform(55, 85)),
        )

    times = np.linspace(0.0, seconds, 5)
    sizes = (40.0, 56.0, 68.0, 60.0, 48.0)
    return [(float(t), somewhere(eyes)) for t, eyes in zip(times, sizes, strict=True)]
