"""Photographs of people who are not enrolled, as evidence of how strangers score."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facegate.calibration.make import Strangers
from facegate.data.folders import find_photos
from facegate.data.text import printable
from facegate.errors import InputError
from facegate.evaluation.road import Failure, Progress, embed_photos
from facegate.models.pipeline import Pipeline

if TYPE_CHECKING:
    from facegate.gallery import Gallery

NEAR_SCORE = 0.999
"""Of two embeddings that score higher the photographs are copies of each other."""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """A stranger's photograph, the enrolled person who it resembles most, and the score."""

    photo: Path
    name: str
    score: float


def strangers_of(
    folder: Path, gallery: "Gallery", pipeline: Pipeline, progress: Progress | None = None
) -> tuple[Strangers, tuple[Failure, ...], list[Resemblance]]:
    """Embed a folder of strangers: one folder a person, or photographs of one person each.

    Returns:
        The strangers, the photographs that could not be used, and whom each of the others
        resembles, the clearest first.

    Raises:
        InputError: no photograph can be used, or an enrolled photograph is among them.
    """
    photos = find_photos(folder)
    owner = [_person(photo, folder) for photo in photos]
    embedded = embed_photos(pipeline, photos, progress=progress)
    rows = embedded.rows[embedded.found]
    if not len(rows):
        raise InputError(
            f"no face of a stranger was found in {printable(str(folder))}",
            hint="name a folder of photographs of people who are not enrolled",
        )
    kept = [photo for photo, found in zip(photos, embedded.found, strict=True) if found]
    near = [
        Resemblance(photo, found[0].identity.name, found[0].score)
        for photo, found in zip(kept, gallery.search(rows, k=1), strict=True)
        if found
    ]
    near.sort(key=lambda one: -one.score)
    if near and near[0].score > NEAR_SCORE:
        raise InputError(
            f"{printable(str(near[0].photo))} is a photograph of {near[0].name!r}, who is enrolled",
            hint="a stranger is somebody who is not; take it out of the folder",
        )
    people = np.unique([owner[k] for k in np.flatnonzero(embedded.found)], return_inverse=True)[1]
    return Strangers(rows, people.reshape(-1).astype(np.int64)), embedded.failures, near


def _person(photo: Path, folder: Path) -> str:
    inside = photo.relative_to(folder)
    return inside.parts[0] if len(inside.parts) > 1 else str(inside)
