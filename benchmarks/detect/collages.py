"""Pictures to find faces in: single photographs of LFW, and collages of 2 to 16 of them."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def photographs(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Pixels]]:
    """Yield names and pixels of ``count`` photographs of ``folder/lfw``, drawn by the seed."""
    for path in random.Random(seed).sample(sorted(folder.glob("lfw/*/*.webp")), count):
        yield f"{path.parent.name}/{path.name}", read(path)


def collages(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Pixels]]:
    """Yield names and pixels of ``count`` collages.

    Each has 2 to 16 photographs in a grid, each between a quarter and twice its size of 250
    pixels, anywhere in its cell, on one grey: faces of about 25 to 250 pixels.
    """
    paths = sorted(folder.glob("lfw/*/*.webp"))
    draw = random.Random(seed)
    for number in range(count):
        n_faces = draw.randint(2, 16)
        columns = draw.randint(1, min(4, n_faces))
        rows = -(-n_faces // columns)
        cell = draw.choice((160, 240, 320))
        picture = np.full((rows * cell, columns * cell, 3), draw.randrange(256), np.uint8)
        for index, path in enumerate(draw.sample(paths, n_faces)):
            side = min(cell, round(250 * 2 ** draw.uniform(-2, 1)))
            with Image.open(path) as image:
                part = np.asarray(image.convert("RGB").resize((side, side)))
            top, left = (draw.randint(0, cell - side) + cell * k for k in divmod(index, columns))
            picture[top : top + side, left : left + side] = part
        yield f"collage {number} of {n_faces}", picture


def read(path: Path) -> Pixels:
    """Return a photograph's pixels."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
