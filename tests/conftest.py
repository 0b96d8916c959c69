"""Portraits that every test may use, and the data that only some machines have."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

STRICT = os.environ.get("FACEGATE_TEST_STRICT") == "1"


def require(condition: object, what: str) -> None:
    """Skip the test in one line that says what is missing; under strict rules fail instead."""
    if condition:
        return
    if STRICT:
        pytest.fail(f"{what} is missing, and FACEGATE_TEST_STRICT=1 allows no skip")
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real photographs, where this machine has it."""
    folder = Path(os.environ.get("FACEGATE_TEST_DATA") or "/nonexistent")
    require(folder.is_dir(), "the folder of photographs that FACEGATE_TEST_DATA names")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """A public-domain portrait, 512 x 512 RGB, from the scikit-image wheel."""
    import skimage.data

    return np.ascontiguousarray(skimage.data.astronaut(), dtype=np.uint8)


@pytest.fixture(scope="session")
def grace_path() -> Path:
    """A public-domain portrait, a JPEG file inside the matplotlib wheel."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


@pytest.fixture(scope="session")
def grace(grace_path: Path) -> NDArray[np.uint8]:
    """The same portrait as pixels, 512 x 600 (width x height) RGB."""
    from PIL import Image

    with Image.open(grace_path) as image:
        return np.asarray(image.convert("RGB"), dtype=np.uint8)


@pytest.fixture
def facegate_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty FACEGATE_HOME of the test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FACEGATE_HOME", str(folder))
    return folder
