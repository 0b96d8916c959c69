"""Make faces that nobody has, for the teachers to describe and a student to learn from.

    python benchmarks/model/blend.py PEOPLE people.csv utk.zip aaf.zip --out blends.zip

Each is made of two aligned faces, drawn from split train and the images without names. Half are
mixed all over, 30 to 70 parts of a hundred of the first; half change from one face to the other
along a soft line through the middle, in any direction. Aligned as they are, eyes fall on eyes, and
the result looks like a third person. It has no name, so the triplet loss cannot use it; a teacher
can say where it lies. Close to Zhang et al., "mixup", ICLR 2018, and Beyer et al., "Knowledge
distillation: A good teacher is patient and consistent", CVPR 2022, who ask the teacher about
the mixed image as well.
"""

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from facegate.data.crops import find_unlabelled, load_crops
from facegate.data.dataset import read_dataset
from facegate.models.values import Floats, Pixels

SIDE = 128
SOFT = 10
"""Pixels over which the line between two halves changes from 27 to 73 parts of a hundred."""


def weights(rng: np.random.Generator) -> Floats:
    """Return how much of the first face each pixel has, float32 (SIDE, SIDE, 1), 0 to 1."""
    if rng.random() < 0.5:
        return np.full((SIDE, SIDE, 1), rng.uniform(0.3, 0.7), np.float32)
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-12, 12)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2
    along = x * np.cos(angle) + y * np.sin(angle) - offset
    return np.asarray(1 / (1 + np.exp(-along / SOFT)), np.float32)[..., None]


def blend(first: Pixels, second: Pixels, rng: np.random.Generator) -> Pixels:
    """Return one face out of two, uint8 (SIDE, SIDE, 3); either may be mirrored."""
    first, second = (face[:, ::-1] if rng.random() < 0.5 else face for face in (first, second))
    share = weights(rng)
    return np.asarray(np.rint(share * first + (1 - share) * second), np.uint8)


def main() -> None:
    """Write the zip file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("unlabelled", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=90_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    named = read_dataset(options.people, options.manifest).of_split("train").files
    faces = load_crops([*named, *find_unlabelled(options.unlabelled)], SIDE).pixels
    rng = np.random.default_rng(options.seed)
    with zipfile.ZipFile(options.out, "w") as archive:
        for index in range(options.images):
            one, other = rng.choice(len(faces), 2, replace=False)
            file = io.BytesIO()
            Image.fromarray(blend(faces[one], faces[other], rng)).save(file, "JPEG", quality=95)
            archive.writestr(f"{index:06d}.jpg", file.getvalue())


if __name__ == "__main__":
    main()
