"""Short films made of the two portraits."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facegate.capture.film_writer import write_film
from facegate.clips import Portrait, Shot, film, portrait
from facegate.models.values import Pixels
from facegate.scenes import passing_by, sitting_down, through

FPS = 8.0
SIZE = (320, 240)  # a quarter of the pixels, a quarter of the time

# As the detector gives them for the two portraits: these tests must not wait for it.
ASTRONAUT = ((205.0, 101.7), (246.8, 103.7), (224.7, 129.0), (201.7, 139.2), (245.3, 141.9))
GRACE = ((221.7, 192.2), (309.8, 186.1), (269.4, 239.2), (232.7, 279.6), (306.6, 275.9))


@pytest.fixture(scope="session")
def eileen(astronaut: NDArray[np.uint8]) -> Portrait:
    """The astronaut as somebody who can be filmed."""
    return portrait(astronaut, np.array(ASTRONAUT, np.float32))


@pytest.fixture(scope="session")
def admiral(grace: NDArray[np.uint8]) -> Portrait:
    """Grace Hopper as somebody who can be filmed."""
    return portrait(grace, np.array(GRACE, np.float32))


def both(left: Pixels, right: Pixels) -> Pixels:
    """Two people in one frame: the middle of one beside the middle of the other."""
    width = left.shape[1]
    quarter = width // 4
    return np.ascontiguousarray(
        np.hstack([left[:, quarter : width - quarter], right[:, quarter : width - quarter]])
    )


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory, eileen: Portrait, admiral: Portrait) -> Path:
    """A folder: sitting, again (short), passing, stranger, pair (both), takeover, dark, nobody."""
    folder = tmp_path_factory.mktemp("films")

    def shoot(person: Portrait, shots: Iterable[Shot], seed: int) -> list[Pixels]:
        halved = [replace(shot, eyes_px=shot.eyes_px / 2) for shot in shots]
        return list(film(person, halved, seed=seed, size=SIZE))

    def passing(person: Portrait, seed: int) -> list[Pixels]:
        return shoot(person, through(passing_by(seed=seed, seconds=2.4), fps=FPS), seed)

    hers, theirs = passing(eileen, 2), passing(admiral, 3)
    scenes = {
        "sitting": shoot(eileen, through(sitting_down(seed=1), fps=FPS), 1),
        "again": shoot(eileen, list(through(sitting_down(seed=5), fps=FPS))[8:26], 7),
        "passing": hers,
        "stranger": theirs,
        "pair": [both(a, b) for a, b in zip(hers, theirs, strict=True)],
        "takeover": shoot(eileen, [Shot()] * 8, 4) + shoot(admiral, [Shot()] * 20, 5),
        "dark": shoot(eileen, [Shot(light=0.06)] * 9, 6),
        "nobody": [np.full((240, 320, 3), 90, np.uint8)] * 6,
    }
    for name, frames in scenes.items():
        write_film(folder / f"{name}.mp4", frames, fps=FPS)
    return folder
