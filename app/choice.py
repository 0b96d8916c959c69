"""Which faces of a photograph are meant, and how they become samples."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from facegate.data.images import Photo, PhotoSource
from facegate.errors import InputError, NoFaceError, SeveralFacesError
from facegate.models.values import Floats, Found
from facegate.results import EmbeddedFace

if TYPE_CHECKING:
    from facegate.gallery import Sample

FaceChoice = Literal["only", "largest", "all"]


def choose(source: str, found: Found, face: FaceChoice, *, rotated: bool) -> Sequence[int]:
    """Return the numbers of the faces that are meant; 0 is the largest.

    Args:
        source: the photograph's display name.
        found: its faces.
        face: which are meant.
        rotated: the photograph was looked at from all four sides.

    Raises:
        NoFaceError: there is none.
        SeveralFacesError: ``only`` was asked and there are more.
    """
    n = len(found.faces)
    if not n:
        raise NoFaceError(
            f"no face found in {source}",
            hint="use a photograph where the face is upright and at least 24 pixels wide"
            + ("" if rotated else ", or try --rotate auto"),
        )
    if face == "only" and n + found.n_left_out > 1:
        raise SeveralFacesError(
            f"{n + found.n_left_out} faces found in {source}, one was asked for",
            hint="choose with --face largest or --face all",
        )
    if face not in ("only", "largest", "all"):
        raise InputError(f"face is {face!r}", hint="use only, largest or all")
    return range(n) if face == "all" else (0,)


def sample(face: EmbeddedFace, kind: Literal["photo", "frame"], keep_crop: bool) -> "Sample":
    """Return a face as the gallery takes it."""
    from facegate.gallery import Sample

    crop = _png(face) if keep_crop else None
    return Sample(
        embedding=face.embedding,
        quality=face.face.quality,
        source_hash=face.source_hash,
        face_no=face.face_no,
        kind=kind,
        crop=crop,
        source=face.source,
    )


def rows(faces: Sequence[EmbeddedFace]) -> Floats:
    """Return the embeddings of faces as rows, float32 (N, D); (0, 0) for none."""
    if not faces:
        return np.zeros((0, 0), np.float32)
    return np.stack([face.embedding for face in faces])


def display_name(source: PhotoSource | Photo) -> str:
    """Return how messages name a source."""
    if isinstance(source, Photo):
        return source.source
    if isinstance(source, str | Path):
        return str(source)
    return str(getattr(source, "name", None) or f"<{type(source).__name__}>")


def _png(face: EmbeddedFace) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(face.crop).save(buffer, format="PNG")
    return buffer.getvalue()
