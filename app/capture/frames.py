"""What films and cameras have in common: a frame, and the little that is used of OpenCV."""

import atexit
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from facegate.capture.opencv import quiet_cv2
from facegate.models.values import Pixels

# How long a camera may take for one frame: with the start of Python it makes less than 5 seconds.
# For drivers and network a little less: they should end before we do.
PATIENCE_S, GIVE_UP_S = 4.0, 3.5
BLACK_BELOW = 16  # grey level; a covered lens gives noise under it
FPS, WIDTH, HEIGHT, COUNT, TIME_MS = 5, 3, 4, 7, 0  # numbers of cv2.CAP_PROP_…


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a film or camera.

    Attributes:
        pixels: uint8 (H, W, 3) RGB, upright, nobody else's.
        time_s: seconds in the film, or since the camera was opened.
        index: its number among the frames that arrived, from 0.
    """

    pixels: Pixels
    time_s: float
    index: int


class Closable(Protocol):
    """What must be closed before Python ends."""

    def close(self) -> None: ...  # noqa: D102


_OPEN: "weakref.WeakSet[Closable]" = weakref.WeakSet()


def close_at_exit(reader: Closable) -> None:
    """Stop a reader's thread before Python ends, should nobody have done so.

    A thread that comes back from OpenCV while Python ends is unwound through its C++, which
    aborts the process.
    """
    _OPEN.add(reader)


@atexit.register
def _close_all() -> None:
    for reader in list(_OPEN):
        reader.close()


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``; tests put their own broken cameras in its place."""

    def isOpened(self) -> bool: ...  # noqa: D102
    def read(self) -> tuple[bool, Any]: ...  # noqa: D102
    def get(self, prop: int) -> float: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


Connect = Callable[[str | int], Capture]


def rgb(picture: Any) -> Pixels:
    """Return OpenCV's BGR or grey picture as uint8 (H, W, 3) RGB of its own."""
    cv2 = quiet_cv2()
    kind = cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(picture, kind), np.uint8)


def whole(value: float) -> int:
    """Return a size that a driver states, or 0 where it states none."""
    return int(value) if 0 < value < 1e6 else 0
