"""The values that travel along the road: photograph -> faces -> crops -> embeddings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of an array that nobody can write to."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in a photograph, in float pixels of the full upright photograph.

    Attributes:
        box: float32 (4,), x1, y1, x2, y2, clipped to the photograph.
        landmarks: float32 (5, 2): image-left eye, image-right eye, nose, image-left and
            image-right mouth corner.
        score: the detector's score, 0 to 1.
        quality: 0 to 1, or None where it was not measured.
    """

    box: Floats
    landmarks: Floats
    score: float
    quality: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", frozen(np.asarray(self.box, np.float32).reshape(4)))
        marks = np.asarray(self.landmarks, np.float32).reshape(5, 2)
        object.__setattr__(self, "landmarks", frozen(marks))

    @property
    def area(self) -> float:
        """Return the area of the box in square pixels."""
        x1, y1, x2, y2 = (float(v) for v in self.box)
        return (x2 - x1) * (y2 - y1)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The faces of one photograph.

    Attributes:
        faces: by falling area of the box.
        n_left_out: faces found beyond the limit of one photograph; a lower bound where it is
            large, see `facegate.models.pipeline.MOST_COUNTED`.
        rotation: degrees (0, 90, 180, 270) that the photograph was turned counter-clockwise to
            find them; boxes and landmarks are in the photograph as it was given.
    """

    faces: tuple[Face, ...]
    n_left_out: int = 0
    rotation: int = 0
