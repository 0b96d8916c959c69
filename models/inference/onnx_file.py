"""Look into an ONNX file far enough to refuse one that names weights outside itself.

An ONNX tensor may say that its numbers lie in another file, by any path: a model would then read
what its checksum does not cover. The fields are those of ``onnx.proto``.
"""

from collections.abc import Iterator
from pathlib import Path

from facegate.errors import WeightsError

_MAX_DEPTH = 12
# (message, field) -> message of the field's contents; what is not here holds no tensor.
_CHILDREN = {
    ("model", 7): "graph",
    ("model", 20): "training",
    ("model", 25): "function",
    ("training", 1): "graph",
    ("training", 2): "graph",
    ("function", 7): "node",
    ("function", 11): "attribute",
    ("graph", 1): "node",
    ("graph", 5): "tensor",
    ("graph", 15): "sparse",
    ("node", 5): "attribute",
    ("attribute", 5): "tensor",
    ("attribute", 6): "graph",
    ("attribute", 10): "tensor",
    ("attribute", 11): "graph",
    ("attribute", 22): "sparse",
    ("attribute", 23): "sparse",
    ("sparse", 1): "tensor",
    ("sparse", 2): "tensor",
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def refuse_external_data(path: Path) -> None:
    """Raise when the ONNX file at ``path`` names data outside itself, or is no protobuf.

    Raises:
        WeightsError: as said, or the file cannot be read.
    """
    try:
        external = _names_external_data(memoryview(path.read_bytes()), "model", 0)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, IndexError) as error:
        raise WeightsError(f"{path} is no ONNX file", hint="export the model again") from error
    if external:
        raise WeightsError(
            f"{path} keeps its weights in another file",
            hint="export it as a single ONNX file",
        )


def _names_external_data(data: memoryview, message: str, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    for field, value in _fields(data):
        if message == "tensor" and field in (_EXTERNAL_DATA, _DATA_LOCATION):
            if isinstance(value, memoryview) or value != 0:
                return True
            continue
        child = _CHILDREN.get((message, field))
        if (
            child
            and isinstance(value, memoryview)
            and _names_external_data(value, child, depth + 1)
        ):
            return True
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number of each field and its value: bytes where it has a length, else a number."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif kind == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("cut short")
            yield tag >> 3, data[at : at + length]
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")
