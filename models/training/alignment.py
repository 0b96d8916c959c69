"""Photographs to training crops, by the product's own detector and warp."""

from collections.abc import Callable, Sequence

import numpy as np

from facegate.data.crops import Archives, Crops, Member, Place
from facegate.data.images import Photo, read_photo
from facegate.errors import FacegateError, ImageError
from facegate.models.align import ARCFACE_TEMPLATE, is_upright, warp
from facegate.models.detect import Detector
from facegate.models.values import Floats, Pixels

TEMPLATE_PX = 112
"""Side of the crop that the template was made for."""


def template_for(crop: int, size: int) -> Floats:
    """Return where the five landmarks lie in a stored crop whose middle is the net's input.

    Args:
        crop: side that is stored; the surplus lies around.
        size: side of the net's input.
    """
    return ARCFACE_TEMPLATE * np.float32(size / TEMPLATE_PX) + np.float32((crop - size) / 2)


def align_crops(
    places: Sequence[Place],
    crop: int,
    size: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> Crops:
    """Find the largest face of every photograph and warp it.

    Args:
        places: photographs.
        crop: side of the result.
        size: side of the net's input inside it.
        progress: called with the number of photographs done since the last call.

    Returns:
        One crop a photograph; without a face, or with landmarks that are not upright, it is
        left out.
    """
    detector, template = Detector(), template_for(crop, size)
    crops, rows, left_out = [], [], []
    with Archives() as archives:
        for index, place in enumerate(places):
            try:
                source = archives.read(place) if isinstance(place, Member) else place
                photo = read_photo(source, name=str(place))
                crops.append(_align(photo, str(place), detector, template, crop))
                rows.append(index)
            except FacegateError as error:
                left_out.append((index, error.message))
            if progress is not None:
                progress(1)
    pixels = np.stack(crops) if crops else np.empty((0, crop, crop, 3), np.uint8)
    return Crops(pixels, np.array(rows, np.int64), tuple(left_out))


def _align(photo: Photo, place: str, detector: Detector, template: Floats, crop: int) -> Pixels:
    boxes, landmarks, _ = detector.detect(photo.pixels)
    if not len(boxes):
        raise ImageError(f"no face in {place}", code="no_face")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    marks = landmarks[int(np.argmax(areas))]
    if not is_upright(marks):
        raise ImageError(f"the face in {place} is not upright", code="not_upright")
    return warp(photo.pixels, marks, template, crop)
