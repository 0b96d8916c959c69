"""Many photographs along the one road to their embeddings, each computed once.

Of several faces in a photograph, the one counts for which the area of its box, less twice the
squared distance of its centre from the photograph's centre, is largest (both in square pixels of
the photograph): the largest face, unless it stands at the edge. This is the rule of David
Sandberg's facenet. A photograph without a face, or whose face is not upright, has no embedding.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegate.data.decoding.sources import read_file
from facegate.data.images import MAX_BYTES, Photo, read_photo
from facegate.errors import ImageError, InputError, NoFaceError, NotUprightError
from facegate.evaluation.cache import FOUND, NO_FACE, NOT_UPRIGHT, Cached, EmbeddingCache
from facegate.models.align import ARCFACE_TEMPLATE, warp
from facegate.models.card import Card
from facegate.models.pipeline import Pipeline
from facegate.models.values import Face, Floats, Found, Pixels

BATCH = 32
ALIGNED_BORDER_PX = 8
"""Crops that come ready are 128 x 128: the usual 112 x 112 template with a border of 8."""

FACE_NUMBERS = 14
"""A box of 4 numbers and five landmarks of 2."""

REASONS = {
    NO_FACE: "no face was found",
    NOT_UPRIGHT: "the face is not upright",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A photograph without an embedding: its path, a reason code and a sentence."""

    path: Path
    code: str
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The embeddings of some photographs.

    Attributes:
        rows: float32 (n, D), unit rows; zeros where there is none.
        found: bool (n,).
        failures: the photographs without an embedding.
    """

    rows: Floats
    found: NDArray[np.bool_]
    failures: tuple[Failure, ...]


Progress = Callable[[int], None]
Cut = Callable[[Photo], Pixels]


def embed_photos(
    pipeline: Pipeline,
    photos: Sequence[Path],
    *,
    aligned: bool = False,
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> Embedded:
    """Embed the face that counts of each photograph.

    Args:
        pipeline: the road.
        photos: paths; one that cannot be read is a failure like one without a face.
        aligned: the photographs are crops that come ready, 128 x 128 (or 112 x 112) with the
            landmarks on the usual template: nothing is detected.
        progress: told of every photograph done.
        cache: where results are kept; the one of ``$FACEGATE_HOME`` where None. Photographs
            whose results it holds are read but not decoded.

    Raises:
        InputError: ``aligned`` with a model that wants boxes, or a crop of another size.
    """
    card = pipeline.embedder.card
    if cache is None:
        variant = "aligned" if aligned else "photo"
        cache = EmbeddingCache(pipeline.model_id, variant, card.dim)
    # Where the face lies does not depend on the model: the next one need not look again.
    places = EmbeddingCache("face", "central", FACE_NUMBERS, folder=cache.path.parent)

    def cut(photo: Photo) -> Pixels:
        return aligned_crop(photo, card) if aligned else central_crop(pipeline, photo, places)

    rows = np.zeros((len(photos), card.dim), np.float32)
    found = np.zeros(len(photos), bool)
    failures: list[Failure] = []
    for index, result in _results(pipeline, photos, cut, cache, progress):
        if isinstance(result, ImageError):
            failures.append(Failure(photos[index], result.code, result.message))
        elif result.embedding is None:
            code = "no_face" if result.status == NO_FACE else "not_upright"
            failures.append(Failure(photos[index], code, REASONS[result.status]))
        else:
            rows[index], found[index] = result.embedding, True
    return Embedded(rows, found, tuple(failures))


def central_face(found: Found, width: int, height: int) -> int:
    """Return the number of the face that counts, by the rule above.

    >>> from facegate.models.values import Face, Found
    >>> import numpy as np
    >>> marks = np.zeros((5, 2), np.float32)
    >>> large_at_edge = Face(np.float32([0, 0, 60, 60]), marks, 1.0)
    >>> small_in_middle = Face(np.float32([80, 80, 120, 120]), marks, 1.0)
    >>> central_face(Found((large_at_edge, small_in_middle)), 200, 200)
    1
    """

    def worth(number: int) -> float:
        x1, y1, x2, y2 = (float(v) for v in found.faces[number].box)
        off_x, off_y = (x1 + x2 - width) / 2, (y1 + y2 - height) / 2
        return (x2 - x1) * (y2 - y1) - 2 * (off_x**2 + off_y**2)

    return max(range(len(found.faces)), key=worth)


def central_crop(pipeline: Pipeline, photo: Photo, places: EmbeddingCache | None = None) -> Pixels:
    """Return the crop of the face that counts.

    Args:
        pipeline: the road.
        photo: what to look at.
        places: where faces were found before, as box and landmarks, 14 numbers.

    Raises:
        NoFaceError: there is none.
        NotUprightError: its landmarks do not form an upright face.
    """
    known = places.get(photo.sha256) if places is not None else None
    if known is None:
        found = pipeline.find(photo)
        face = found.faces[central_face(found, photo.width, photo.height)] if found.faces else None
        if places is not None:
            numbers = None if face is None else np.append(face.box, face.landmarks.ravel())
            places.add([(photo.sha256, NO_FACE if face is None else FOUND, numbers)])
    else:
        numbers = known.embedding
        face = None if numbers is None else Face(numbers[:4], numbers[4:].reshape(5, 2), 1.0)
    if face is None:
        raise NoFaceError(f"no face found in {photo.source}")
    return pipeline.crop(photo, face)


def aligned_crop(photo: Photo, card: Card) -> Pixels:
    """Return what a model wants of a crop that comes ready.

    Raises:
        InputError: the model wants boxes, or the crop has another size.
    """
    if card.alignment != "landmarks" or card.template is None:
        raise InputError(
            f"{card.name} wants the box of a face, which aligned crops no longer have",
            hint="evaluate it on whole photographs, without --aligned",
        )
    height, width = photo.pixels.shape[:2]
    border = {128: ALIGNED_BORDER_PX, 112: 0}.get(width)
    if border is None or height != width:
        raise InputError(
            f"{photo.source} is {width} x {height}, and aligned crops are 128 x 128 or 112 x 112",
            hint="leave --aligned out for whole photographs",
        )
    template = np.array(card.template, np.float32)
    size = card.input_size
    if size == 112 and np.allclose(template, ARCFACE_TEMPLATE, atol=1e-3):
        return np.ascontiguousarray(photo.pixels[border : border + 112, border : border + 112])
    return warp(photo.pixels, ARCFACE_TEMPLATE + np.float32(border), template, size)


def _results(
    pipeline: Pipeline,
    photos: Sequence[Path],
    cut: Cut,
    cache: EmbeddingCache,
    progress: Progress | None,
) -> Iterator[tuple[int, Cached | ImageError]]:
    """Yield each photograph's number with what is known of it now."""
    waiting: list[tuple[int, str, Pixels]] = []
    for index, path in enumerate(photos):
        try:
            contents = read_file(path, max_bytes=MAX_BYTES)
            known = cache.get(hashlib.sha256(contents).hexdigest())
            if known is None:
                photo = read_photo(contents, name=str(path))
                waiting.append((index, photo.sha256, cut(photo)))
        except (NoFaceError, NotUprightError) as error:
            status = NO_FACE if isinstance(error, NoFaceError) else NOT_UPRIGHT
            cache.add([(photo.sha256, status, None)])
            yield index, Cached(status, None)
        except ImageError as error:
            yield index, error
        else:
            if known is not None:
                yield index, known
        if len(waiting) == BATCH:
            yield from _embed(pipeline, waiting, cache)
            waiting = []
        if progress is not None:
            progress(1)
    yield from _embed(pipeline, waiting, cache)


def _embed(
    pipeline: Pipeline, waiting: list[tuple[int, str, Pixels]], cache: EmbeddingCache
) -> Iterator[tuple[int, Cached]]:
    if not waiting:
        return
    rows = pipeline.embed(np.stack([crop for _, _, crop in waiting]))
    cache.add([(sha256, FOUND, row) for (_, sha256, _), row in zip(waiting, rows, strict=True)])
    for (index, _, _), row in zip(waiting, rows, strict=True):
        yield index, Cached(FOUND, row)
