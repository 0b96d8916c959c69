from pathlib import Path

import numpy as np
import pytest

from facegate.errors import WeightsError
from facegate.models.inference.onnx_file import refuse_external_data
from facegate.models.runtime import file_net


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def field(number: int, value: int | bytes | str) -> bytes:
    """One field of a protobuf message, as the format's description has it."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    contents = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(contents)) + contents


WEIGHTS = np.arange(48, dtype=np.float32).reshape(48, 1)


def tensor(extra: bytes = b"") -> bytes:
    raw = field(1, 48) + field(1, 1) + field(2, 1) + field(8, "w")
    return raw + (extra or field(9, WEIGHTS.tobytes()))


EXTERNAL = field(13, field(1, "location") + field(2, "../secret")) + field(14, 1)


def value_info(name: str, sizes: list[int]) -> bytes:
    dims = b"".join(field(1, field(1, size)) for size in sizes)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def model(*, initializer: bytes = b"", node: bytes = b"", function: bytes = b"") -> bytes:
    """y = flatten(x) @ w"""
    flatten = field(1, "x") + field(2, "f") + field(4, "Flatten")
    matmul = field(1, "f") + field(1, "w") + field(2, "y") + field(4, "MatMul")
    graph = field(1, flatten) + field(1, matmul) + (field(1, node) if node else b"")
    graph += field(2, "net") + field(5, initializer or tensor())
    graph += field(11, value_info("x", [1, 3, 4, 4])) + field(12, value_info("y", [1, 1]))
    whole = field(1, 8) + field(7, graph) + field(8, field(2, 17))
    return whole + (field(25, function) if function else b"")


def write(folder: Path, contents: bytes) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(contents)
    return path


@pytest.mark.usefixtures("empty_home")
def test_a_single_file_is_run(tmp_path: Path) -> None:
    net = file_net(write(tmp_path, model()), key="ab" * 32, device="cpu")
    given = np.random.default_rng(0).random((5, 3, 4, 4), dtype=np.float32)
    np.testing.assert_allclose(net(given)[0], given.reshape(5, 48) @ WEIGHTS, rtol=1e-5)


in_constant = field(2, "c") + field(4, "Constant") + field(5, field(5, tensor(EXTERNAL)))


@pytest.mark.parametrize(
    "contents",
    [
        model(initializer=tensor(EXTERNAL)),
        model(initializer=tensor(field(14, 1))),
        model(initializer=tensor(field(13, field(2, "x") + field(1, "location")))),
        model(node=in_constant),
        model(node=field(5, field(6, field(5, tensor(EXTERNAL))))),  # the graph of an If
        model(function=field(7, in_constant)),
    ],
)
def test_weights_in_another_file_are_refused(tmp_path: Path, contents: bytes) -> None:
    with pytest.raises(WeightsError, match="keeps its weights in another file"):
        refuse_external_data(write(tmp_path, contents))


def test_a_file_cut_anywhere_is_no_crash(tmp_path: Path) -> None:
    whole = model()
    for length in range(len(whole)):
        path = write(tmp_path, whole[:length])
        try:
            refuse_external_data(path)
        except WeightsError as error:
            assert "is no ONNX file" in str(error)  # noqa: PT017


def test_deep_nesting_ends(tmp_path: Path) -> None:
    graph = b""
    for _ in range(40):
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(WeightsError, match="is no ONNX file"):
        refuse_external_data(write(tmp_path, field(7, graph)))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="No such file"):
        refuse_external_data(tmp_path / "net.onnx")
