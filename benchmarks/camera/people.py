"""People of LFW as portraits that can be filmed; shared by the benchmarks of this folder."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facegate.clips import Portrait, Shot, portrait, take
from facegate.data.images import read_photo
from facegate.guide.judgement import SECOND_SCORE
from facegate.models.pipeline import Pipeline
from facegate.models.values import Pixels


def lfw() -> Path:
    """Return the folder of LFW, or end with a sentence."""
    folder = Path(os.environ.get("FACEGATE_TEST_DATA", "/nonexistent")) / "lfw"
    if not folder.is_dir():
        sys.exit("set FACEGATE_TEST_DATA to a folder that holds lfw/Name/Name_0001.webp")
    return folder


def people_with(n_photos: int, n_people: int, *, seed: int) -> list[tuple[str, list[Path]]]:
    """Return so many people, drawn by seed, with at least so many photographs each."""
    known = [
        (folder.name, sorted(folder.glob("*.webp")))
        for folder in sorted(lfw().iterdir())
        if folder.is_dir()
    ]
    enough = [person for person in known if len(person[1]) >= n_photos]
    order = np.random.default_rng(seed).permutation(len(enough))
    return [enough[i] for i in order[:n_people]]


def portraits(pipeline: Pipeline, paths: list[Path]) -> Iterator[Portrait]:
    """Yield a portrait of each photograph that shows one face and no other, in its middle."""
    for path in paths:
        photo = read_photo(path)
        faces = [face for face in pipeline.find(photo).faces if face.score >= SECOND_SCORE]
        middle = np.array([photo.width / 2, photo.height / 2])
        if len(faces) != 1:
            continue
        off = np.linalg.norm(faces[0].landmarks.mean(axis=0) - middle)
        if off < 0.2 * photo.width:
            yield portrait(photo.pixels, faces[0].landmarks)


def beside(frame: Pixels, other: Portrait, *, seed: int) -> Pixels:
    """Return a frame whose right part shows somebody else."""
    second = take(other, Shot(x=0.8, eyes_px=60), seed=seed)
    mixed = frame.copy()
    mixed[:, 400:] = second[:, 400:]
    return mixed
