"""A model's view of training images, for audits and for the search for shared people."""

from collections.abc import Callable, Sequence

import numpy as np

from facegate.data.dataset import Dataset
from facegate.data.images import Photo, read_photo
from facegate.data.overlap import Meeting, look_alikes, same_names
from facegate.errors import FacegateError, InputError, NotUprightError
from facegate.models.align import warp
from facegate.models.embedder import Embedder
from facegate.models.pipeline import Pipeline
from facegate.models.training.alignment import template_for
from facegate.models.values import Floats, Pixels

Eye = Callable[[Pixels], Floats | None]

OVERLAP_FMR = 1e-4
"""Two images this alike are one person often enough to be looked at."""


def make_eye(pipeline: Pipeline, *, aligned: bool, crop: int, size: int) -> Eye:
    """Return what embeds one image: uint8 (H, W, 3) to a unit row, None without a face.

    Args:
        pipeline: of the model to look with.
        aligned: whether images are crops already, as a run with these sizes stores them.
        crop, size: side of a crop, and of the net's input in its middle.

    Raises:
        InputError: the images are crops, and the model wants faces cut by their box.
    """
    if aligned:
        return _eye_of_crops(pipeline.embedder, crop, size)

    def see(pixels: Pixels) -> Floats | None:
        photo = Photo(pixels, "image", "", pixels.shape[1], pixels.shape[0])
        found = pipeline.find(photo)
        if not found.faces:
            return None
        try:
            face = pipeline.crop(photo, found.faces[0])
        except NotUprightError:
            return None
        row: Floats = pipeline.embed(face[None])[0]
        return row

    return see


def _eye_of_crops(embedder: Embedder, crop: int, size: int) -> Eye:
    card = embedder.card
    if card.template is None:
        raise InputError(
            f"{card.name} wants faces cut by their box, so it cannot look at aligned crops",
            hint="choose a model whose card says alignment = 'landmarks'",
        )
    there = np.asarray(card.template, np.float32)

    def see(pixels: Pixels) -> Floats | None:
        scale = pixels.shape[0] / crop
        here = (template_for(crop, size) + 0.5) * np.float32(scale) - 0.5
        row: Floats = embedder(warp(pixels, here, there, card.input_size)[None])[0]
        return row

    return see


def meetings(
    here: Dataset,
    there: Dataset,
    eyes: Sequence[Eye],
    *,
    threshold: float,
    progress: Callable[[int], None] | None = None,
) -> list[Meeting]:
    """Find people of one set in another, by name and by face.

    Args:
        here: the training set.
        there: the set that nobody may be shared with.
        eyes: how the images of each are looked at.
        threshold: the least score that counts.
        progress: called with the number of images looked at since the last call.
    """
    rows, names = [], []
    for dataset, eye in zip((here, there), eyes, strict=True):
        seen, whose = _look(dataset, eye, progress)
        rows.append(seen)
        names.append(whose)
    found = same_names(here, there)
    if len(rows[0]) and len(rows[1]):
        found += look_alikes(rows[0], names[0], rows[1], names[1], threshold=threshold)
    return found


def _look(
    dataset: Dataset, eye: Eye, progress: Callable[[int], None] | None
) -> tuple[Floats, list[str]]:
    rows, names = [], []
    for file, label in zip(dataset.files, dataset.labels, strict=True):
        try:
            row = eye(read_photo(file, min_side=1).pixels)
        except FacegateError:
            row = None  # the audit itself names what cannot be read
        if row is not None:
            rows.append(row)
            names.append(dataset.identities[label])
        if progress is not None:
            progress(1)
    return (np.stack(rows) if rows else np.empty((0, 1), np.float32)), names
