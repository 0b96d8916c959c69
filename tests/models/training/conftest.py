"""A folder of generated people: each a pattern of colours, each photograph of it disturbed."""

from pathlib import Path

import numpy as np
import pytest

from facegate.data.images import write_image

SIDE = 24


def write_people(
    folder: Path, *, n_people: int, n_images: int, seed: int = 0, noise: float = 40.0
) -> None:
    rng = np.random.default_rng(seed)
    for person in range(n_people):
        pattern = np.kron(rng.uniform(0, 255, (4, 4, 3)), np.ones((6, 6, 1)))
        (folder / f"p{person:03d}").mkdir(parents=True)
        for image in range(n_images):
            seen = pattern + rng.normal(0, noise, pattern.shape) + rng.normal(0, 20)
            pixels = np.clip(seen, 0, 255).astype(np.uint8)
            write_image(folder / f"p{person:03d}" / f"{image}.png", pixels)


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "people"
    write_people(folder, n_people=60, n_images=5)
    return folder
