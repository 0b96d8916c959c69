"""A camera that is opened again when it is lost."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

from facegate.capture import Frame
from facegate.errors import CameraError, InputError
from facegate.live.steady import PAUSES_S, SteadyCamera

PIXELS = np.zeros((48, 64, 3), np.uint8)


class Flaky:
    """A camera that gives n frames and is lost."""

    name = "camera 0"

    def __init__(self, n: int, error: str = "camera 0 stopped sending") -> None:
        self.n, self.error = n, error
        self.n_seen, self.n_dropped, self.closed = n, 1, False

    def __iter__(self) -> Iterator[Frame]:
        for i in range(self.n):
            yield Frame(PIXELS, i * 0.1, i)
        raise CameraError(self.error)

    def close(self) -> None:
        self.closed = True


def steady(lives: list[Any], said: list[str], waits: list[float]) -> SteadyCamera:
    rest = iter(lives[1:])

    def reopen() -> Any:
        life = next(rest)
        if isinstance(life, Exception):
            raise life
        return life

    return SteadyCamera(lives[0], reopen, said.append, wait=waits.append)


def take(camera: SteadyCamera, n: int) -> list[Frame]:
    """The first n frames."""
    return list(islice(camera, n))


def test_frames_go_on_after_a_loss() -> None:
    said: list[str] = []
    waits: list[float] = []
    lives = [Flaky(3), Flaky(4), Flaky(2)]
    camera = steady(lives, said, waits)
    frames = take(camera, 9)
    assert [frame.index for frame in frames] == list(range(9))
    assert [life.closed for life in lives[:2]] == [True, True]
    assert waits[:2] == [1.0, 1.0]
    assert "camera 0 is back" in said


def test_pauses_grow_and_are_said_once() -> None:
    said: list[str] = []
    waits: list[float] = []
    gone = InputError("there is no camera or film /dev/video0")
    camera = steady([Flaky(1), *[gone] * 7, Flaky(1)], said, waits)
    assert len(take(camera, 2)) == 2
    assert waits == [*PAUSES_S, 30.0, 30.0, 30.0]
    assert sum("there is no camera" in line for line in said) == 1
    assert camera.n_losses == 1
    assert camera.n_seen == 2
    assert camera.n_dropped == 2


def test_a_camera_that_never_worked_is_not_waited_for() -> None:
    said: list[str] = []
    with pytest.raises(CameraError, match="black"):
        list(steady([Flaky(0, "camera 0 gives black frames")], said, []))
    assert said == []
