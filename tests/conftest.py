"""Portraits that every test may use, and the data that only some machines have."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from facegate.data.images import write_image

Pictures = dict[str, Path]
# A suite that was started in the background has Ctrl-C ignored, and so would what it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
    with Image.open(grace_path) as image:
        return np.asarray(image.convert("RGB"), dtype=np.uint8)


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A FACEGATE_HOME for the whole session: nets are compiled once, the user's is not touched."""
    folder = tmp_path_factory.mktemp("session") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEGATE_HOME", str(folder))
        yield folder


@pytest.fixture
def facegate_home(tmp_path: Path, session_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FACEGATE_HOME of the test's own: empty, but for the session's compiled nets."""
    folder = tmp_path / "home"
    folder.mkdir()
    (session_home / "cache").mkdir(parents=True, exist_ok=True)
    (folder / "cache").symlink_to(session_home / "cache")
    monkeypatch.setenv("FACEGATE_HOME", str(folder))
    return folder


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FACEGATE_HOME of the test's own that does not exist yet."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FACEGATE_HOME", str(folder))
    return folder


def views(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The portrait, mirrored, darker and leaning: one person in four photographs."""
    image = Image.fromarray(pixels)
    changed = (
        image,
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        ImageEnhance.Brightness(image).enhance(0.7),
        image.rotate(8, resample=Image.Resampling.BICUBIC),
    )
    return [np.asarray(view, dtype=np.uint8) for view in changed]


@pytest.fixture(scope="session")
def pictures(
    tmp_path_factory: pytest.TempPathFactory,
    astronaut: NDArray[np.uint8],
    grace: NDArray[np.uint8],
) -> Pictures:
    """Files: ada-1 … ada-4, grace-1 … grace-4, group (both), sideways, nobody."""
    folder = tmp_path_factory.mktemp("pictures")
    files: dict[str, NDArray[np.uint8]] = {}
    for name, portrait in (("ada", astronaut), ("grace", grace)):
        for number, view in enumerate(views(portrait), 1):
            files[f"{name}-{number}"] = view
    files["group"] = np.hstack([astronaut[:300], grace[:300]])
    files["sideways"] = np.ascontiguousarray(np.rot90(astronaut))
    files["nobody"] = np.full((200, 300, 3), 90, np.uint8)
    for name, pixels in files.items():
        write_image(folder / f"{name}.jpg", pixels)
    return {name: folder / f"{name}.jpg" for name in files}


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny.onnx, an embedder that averages 16 px squares, and its card tiny.toml."""
    from onnx import TensorProto, helper

    faces = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 3, 64, 64])
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", 48])
    pool = helper.make_node(
        "AveragePool", ["faces"], ["squares"], kernel_shape=[16, 16], strides=[16, 16]
    )
    flat = helper.make_node("Flatten", ["squares"], ["vectors"])
    graph = helper.make_graph([pool, flat], "tiny", [faces], [vectors])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.onnx").write_bytes(model.SerializeToString())
    (folder / "tiny.toml").write_text(
        """\
name = "tiny"
title = "Means of squares"
architecture = "file"
file = "tiny.onnx"
dim = 48
licence = "MIT"
training_data = "none"
source = "made for tests"
input_size = 64
colour = "RGB"
mean = [127.5, 127.5, 127.5]
std = [128.0, 128.0, 128.0]
alignment = "landmarks"
template = [[22.0, 30.0], [42.0, 30.0], [32.0, 41.0], [24.0, 52.0], [40.0, 52.0]]
"""
    )
    return folder
