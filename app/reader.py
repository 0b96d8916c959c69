"""From a photograph to embedded faces: the pipeline with choice, quality and times."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from facegate.choice import FaceChoice, choose
from facegate.data.images import Photo, PhotoSource, read_photo
from facegate.errors import NotUprightError
from facegate.models.pipeline import Pipeline
from facegate.models.values import Found, Pixels
from facegate.quality import measure
from facegate.results import EmbeddedFace


class Reader:
    """Reads faces out of photographs and counts the seconds by stage.

    Args:
        pipeline: the road to use.
        rotate: look for faces in the photograph turned by 90, 180 and 270 degrees too.
    """

    def __init__(self, pipeline: Pipeline, *, rotate: bool = False) -> None:
        self.pipeline = pipeline
        self.rotate = rotate
        self._seconds: dict[str, float] = {}
        self._started = time.perf_counter()

    def faces(self, source: PhotoSource | Photo, *, face: FaceChoice) -> tuple[EmbeddedFace, ...]:
        """Return the embedded faces that are meant, largest first.

        Raises:
            ImageError, NoFaceError, SeveralFacesError, NotUprightError: as they say.
        """
        photo, found = self.find(source)
        embedded, refused = self.embed(photo, found, self.choose(photo, found, face))
        if not embedded:
            raise next(iter(refused.values()))
        return embedded

    def choose(self, photo: Photo, found: Found, face: FaceChoice) -> Sequence[int]:
        """Return the numbers of the faces that are meant.

        Raises:
            NoFaceError, SeveralFacesError: as they say.
        """
        return choose(photo.source, found, face, rotated=self.rotate)

    def find(self, source: PhotoSource | Photo) -> tuple[Photo, Found]:
        """Read a photograph and find its faces."""
        before = time.perf_counter()
        photo = source if isinstance(source, Photo) else read_photo(source)
        self._spend("decode", before)
        before = time.perf_counter()
        found = self.pipeline.find(photo, rotate=self.rotate)
        self._spend("detect", before)
        return photo, found

    def embed(
        self, photo: Photo, found: Found, chosen: Iterable[int]
    ) -> tuple[tuple[EmbeddedFace, ...], dict[int, NotUprightError]]:
        """Embed the chosen faces in one batch.

        Returns:
            The embedded faces, and by number the error of those that are not upright.
        """
        before = time.perf_counter()
        crops: dict[int, Pixels] = {}
        refused: dict[int, NotUprightError] = {}
        for number in chosen:
            face = found.faces[number]
            try:
                crops[number] = self.pipeline.crop(photo, face, rotation=found.rotation)
            except NotUprightError as error:
                if self.rotate:  # and still not
                    error.hint = "turn the photograph"
                refused[number] = error
        embeddings = self.pipeline.embed(np.stack(list(crops.values()))) if crops else ()
        embedded = []
        for (number, crop), embedding in zip(crops.items(), embeddings, strict=True):
            face = found.faces[number]
            face = replace(face, quality=measure(crop, face).overall)
            embedded.append(EmbeddedFace(photo.source, photo.sha256, number, face, crop, embedding))
        self._spend("embed", before)
        return tuple(embedded), refused

    def start(self) -> None:
        """Begin to count the seconds of one question."""
        self._seconds = {}
        self._started = time.perf_counter()

    def stop(self) -> dict[str, float]:
        """Return the seconds since ``start``, by stage and in total."""
        return {**self._seconds, "total": time.perf_counter() - self._started}

    def _spend(self, stage: str, before: float) -> None:
        spent = time.perf_counter() - before
        self._seconds[stage] = self._seconds.get(stage, 0.0) + spent
