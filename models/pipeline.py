"""The one road: photograph -> faces -> crops -> embeddings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from facegate.data.images import Photo
from facegate.errors import NotUprightError
from facegate.models.align import box_crop, warp
from facegate.models.detect import Detector
from facegate.models.values import Face, Floats, Found, Pixels

if TYPE_CHECKING:
    from facegate.models.zoo import Embedder

MOST_FACES = 64
"""Of one photograph, by score; the rest is counted."""

MOST_COUNTED = 500
"""Of more faces than these the detector judges a part only, and the count is a lower bound."""


class Pipeline:
    """Finds faces, cuts them out as a model wants them, embeds them. Threads may share it.

    Attributes:
        timings: seconds spent in "detect", "align" and "embed" since ``timings.clear()``.
    """

    def __init__(
        self,
        model: "str | Embedder | None" = None,
        *,
        device: str = "auto",
        min_face_px: float = 24,
    ) -> None:
        """Name what to use; nothing is loaded before it is needed.

        Args:
            model: name or id of a model, or one that is loaded; the default model where None.
            device: "auto", "cpu" or "cuda".
            min_face_px: the smallest face looked for, in pixels of its side.
        """
        self.timings: dict[str, float] = {}
        self._model = model
        self._device = device
        self._min_face_px = min_face_px

    @cached_property
    def detector(self) -> Detector:
        """Return the detector, loaded at first use."""
        return Detector(device=self._device, min_face_px=self._min_face_px)

    @cached_property
    def embedder(self) -> "Embedder":
        """Return the model, loaded at first use.

        Raises:
            ModelMissingError, WeightsError, InputError: as `facegate.models.zoo.load_embedder`.
        """
        from facegate.models.zoo import DEFAULT_MODEL, load_embedder

        model = DEFAULT_MODEL if self._model is None else self._model
        return load_embedder(model, device=self._device) if isinstance(model, str) else model

    @property
    def model_id(self) -> str:
        """Return the id of the model in use; where its weights lie here, without loading them."""
        from facegate.models.zoo import DEFAULT_MODEL, card, installed_id

        name = DEFAULT_MODEL if self._model is None else self._model
        if isinstance(name, str) and "embedder" not in self.__dict__:
            here = installed_id(card(name))
            if here is not None and name in (here, card(name).name):
                return here
        return self.embedder.model_id

    def find(self, photo: Photo, *, rotate: bool = False) -> Found:
        """Return the faces of a photograph.

        Args:
            photo: upright as far as its EXIF tag says.
            rotate: also look at the photograph turned by 90, 180 and 270 degrees, and take the
                turn with the most upright faces, weighted by score.
        """
        with self._timed("detect"):
            if not rotate:
                return self._find_turned(photo, 0)
            best, most = Found(()), -1.0
            for rotation in (0, 90, 180, 270):
                found = self._find_turned(photo, rotation)
                upright = self._upright(photo, found)
                if len(upright) == MOST_FACES:
                    return found  # no turn can have more
                score = sum(face.score for face in upright)
                if score > most:
                    best, most = found, score
            return best

    def crop(self, photo: Photo, face: Face, *, rotation: int = 0) -> Pixels:
        """Return a face as the model wants it, uint8 (S, S, 3) with S the card's input size.

        Args:
            photo: the photograph that the face was found in.
            face: one of `find`'s.
            rotation: the `Found`'s.

        Raises:
            NotUprightError: the landmarks do not form an upright face.
        """
        card = self.embedder.card
        with self._timed("align"):
            if not self._is_upright(photo, face, rotation):
                raise NotUprightError(
                    f"the face in {photo.source} is not upright",
                    hint="turn the photograph, or use --rotate auto",
                )
            size = card.input_size
            if card.alignment == "landmarks":
                scaled = face.landmarks * photo.scale
                return warp(photo.pixels, scaled, np.array(card.template, np.float32), size)
            corners = face.box.reshape(2, 2) - np.float32(0.5)
            turned = turn_points(corners, photo.width, photo.height, rotation) + np.float32(0.5)
            box = np.sort(turned, axis=0).reshape(4) * np.float32(photo.scale)
            pixels = np.rot90(photo.pixels, rotation // 90)
            return box_crop(pixels, box, size, card.margin or 0)

    def embed(self, crops: Pixels) -> Floats:
        """Return unit vectors (N, D) of crops, uint8 (N, S, S, 3)."""
        with self._timed("embed"):
            return self.embedder(crops)

    def _find_turned(self, photo: Photo, rotation: int) -> Found:
        pixels = np.ascontiguousarray(np.rot90(photo.pixels, rotation // 90))
        boxes, landmarks, scores = self.detector.detect(pixels)
        height, width = pixels.shape[:2]
        corners = turn_points(boxes.reshape(-1, 2, 2) - 0.5, width, height, -rotation) + 0.5
        corners = np.sort(corners / photo.scale, axis=1).clip(0, (photo.width, photo.height))
        points = turn_points(landmarks, width, height, -rotation) / photo.scale
        faces = [
            Face(box.reshape(4), marks, float(score))
            for box, marks, score in zip(corners, points, scores, strict=True)
            if (box[1] > box[0]).all()
        ]
        kept = sorted(faces[:MOST_FACES], key=lambda face: -face.area)
        return Found(tuple(kept), len(faces) - len(kept), rotation)

    def _upright(self, photo: Photo, found: Found) -> list[Face]:
        return [face for face in found.faces if self._is_upright(photo, face, found.rotation)]

    def _is_upright(self, photo: Photo, face: Face, rotation: int) -> bool:
        box, landmarks = face.box * photo.scale, face.landmarks * photo.scale
        return self.detector.is_upright(photo.pixels, box, landmarks, face.score, rotation=rotation)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.timings[stage] = self.timings.get(stage, 0.0) + spent


def turn_points(points: Floats, width: int, height: int, degrees: int) -> Floats:
    """Return where points of a width x height image lie after turning it counter-clockwise.

    Points have the centre of the first pixel at (0, 0); ``degrees`` is a multiple of 90.
    """
    for _ in range(degrees // 90 % 4):
        points = np.stack([points[..., 1], width - 1 - points[..., 0]], axis=-1)
        width, height = height, width
    return points
