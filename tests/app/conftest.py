"""Short films made of the two portraits."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facegate.capture.film_writer import write_film
from facegate.clips import Portrait, Shot, film, passing_by, portrait, sitting_down, take, through
from facegate.models.values import Pixels

FPS = 10.0

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
    """A folder: sitting, passing, stranger, pair (both from the start), takeover, dark, nobody."""
    folder = tmp_path_factory.mktemp("films")

    def write(name: str, frames: Iterable[Pixels]) -> None:
        write_film(folder / f"{name}.mp4", frames, fps=FPS)

    def passing(person: Portrait, seed: int) -> list[Pixels]:
        stops = passing_by(seed=seed, seconds=2.4)
        return list(film(person, through(stops, fps=FPS), seed=seed))

    hers, theirs = passing(eileen, 2), passing(admiral, 3)
    write("sitting", film(eileen, through(sitting_down(seed=1), fps=FPS), seed=1))
    write("passing", hers)
    write("stranger", theirs)
    write("pair", [both(a, b) for a, b in zip(hers, theirs, strict=True)])
    calm = [take(eileen, Shot(), seed=i) for i in range(9)]
    other = [take(admiral, Shot(), seed=i) for i in range(25)]
    write("takeover", [*calm, *other])
    write("dark", [take(eileen, Shot(light=0.06), seed=i) for i in range(15)])
    grey = np.full((480, 640, 3), 90, np.uint8)
    write("nobody", [grey] * 12)
    return folder
