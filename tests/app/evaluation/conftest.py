"""People made of coloured squares, and an embedder that sees them: nothing has to be detected."""

from pathlib import Path

import numpy as np
import pytest

from facegate.data.images import write_image
from facegate.models.align import ARCFACE_TEMPLATE
from facegate.models.card import Card
from facegate.models.embedder import Embedder
from facegate.models.pipeline import Pipeline
from facegate.models.values import Floats, Pixels

SQUARE_PX = 16


class Squares:
    """A net that averages squares of 16 pixels of a crop of 112."""

    device, precision = "cpu", "f32"

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        n = len(batch)
        means = batch.reshape(n, 3, 7, SQUARE_PX, 7, SQUARE_PX).mean(axis=(3, 5))
        return (means.reshape(n, -1).astype(np.float32),)


def squares_card(name: str = "squares") -> Card:
    return Card(
        name=name,
        title="Means of squares",
        architecture="file",
        file="none.onnx",
        dim=147,
        licence="MIT",
        training_data="none",
        source="made for tests",
        input_size=112,
        colour="RGB",
        mean=(127.5, 127.5, 127.5),
        std=(64.0, 64.0, 64.0),
        alignment="landmarks",
        template=tuple((float(x), float(y)) for x, y in ARCFACE_TEMPLATE),
    )


@pytest.fixture
def squares(facegate_home: Path) -> Pipeline:
    """The road with the embedder above, and a cache of the test's own."""
    return Pipeline(
        Embedder(squares_card(), Squares(), f"squares-{facegate_home.parent.name}"[:40])
    )


def face_of(person: int, photo: int, *, noise: float = 45.0) -> Pixels:
    """A crop of 128 x 128 of a made-up person; photographs of one differ by noise."""
    squares = np.random.default_rng(person).integers(30, 226, (8, 8, 3)).astype(np.float64)
    squares += np.random.default_rng([person, photo]).normal(0, noise, squares.shape)
    pixels = squares.clip(0, 255).astype(np.uint8)
    return pixels.repeat(SQUARE_PX, axis=0).repeat(SQUARE_PX, axis=1)


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 people with four photographs each, the first 34 of them in group x."""
    folder = tmp_path_factory.mktemp("crowd") / "people"
    rows = ["identity,source,split"]
    for person in range(40):
        rows.append(f"p{person:02d},{'x' if person < 34 else 'y'},{'cal' if person else 'val'}")
        for photo in range(4):
            path = folder / f"p{person:02d}" / f"{photo}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, face_of(person, photo))
    (folder.parent / "people.csv").write_text("\n".join(rows) + "\n")
    return folder
