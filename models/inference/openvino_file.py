"""Nets that come as a file, ONNX or OpenVINO's .xml with its .bin, for batches of any size."""

from pathlib import Path
from typing import Any

import numpy as np

from facegate.errors import WeightsError
from facegate.models.inference.onnx_file import refuse_external_data
from facegate.models.inference.openvino_cpu import (
    OpenVinoNet,
    cache_name,
    compile_model,
    core,
    keep_compiled,
    load_compiled,
)
from facegate.models.values import Floats

_SIDE = 112  # for a trial run of a net that takes any height and width


class OneByOne:
    """A net with a batch size of one written into it, run row by row."""

    device = OpenVinoNet.device
    precision = OpenVinoNet.precision

    def __init__(self, net: OpenVinoNet) -> None:
        self._net = net

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        """Run a batch of at least one row."""
        rows = [self._net(batch[i : i + 1]) for i in range(len(batch))]
        return tuple(np.concatenate(outputs) for outputs in zip(*rows, strict=True))


def opened(path: Path, key: str) -> OpenVinoNet | OneByOne:
    """Return the net in a file.

    Args:
        path: of an ONNX file, or an .xml with its .bin beside it.
        key: hex digest of the contents.

    Raises:
        WeightsError: the file cannot be read or run, or keeps its weights elsewhere.
    """
    if path.suffix == ".onnx":
        refuse_external_data(path)
    any_batch, one_row = cache_name(key, "any"), cache_name(key, "one")
    if net := load_compiled(any_batch):
        return net
    if net := load_compiled(one_row):
        return OneByOne(net)
    try:
        net = _any_batch(path)
        if net is not None:
            keep_compiled(any_batch, net)
            return net
        net = compile_model(_read(path, 1))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise WeightsError(
            f"{path} cannot be run by OpenVINO ({reason})", hint="export the model again as ONNX"
        ) from error
    keep_compiled(one_row, net)
    return OneByOne(net)


def _any_batch(path: Path) -> OpenVinoNet | None:
    try:
        net = compile_model(_read(path, None))
        return net if _rows_agree(net) else None
    except RuntimeError:
        return None  # a batch of one may still do, and if not, its error is the one to tell


def _read(path: Path, batch: int | None) -> Any:
    model = core().read_model(path)
    if len(model.inputs) != 1:
        raise RuntimeError(f"it has {len(model.inputs)} inputs, an embedder has one")
    sizes = model.inputs[0].get_partial_shape()
    sizes[0] = -1 if batch is None else batch
    model.reshape(sizes)
    return model


def _rows_agree(net: OpenVinoNet) -> bool:
    """Say whether two rows at once give what each gives alone.

    Some exports have their batch size written into a reshape: they fail, or mix the rows.
    """
    shape = net.compiled.inputs[0].get_partial_shape()
    sizes = [_SIDE if size.is_dynamic else size.get_length() for size in list(shape)[1:]]
    rows = np.random.default_rng(0).random((2, *sizes), dtype=np.float32)
    both, first, second = net(rows), net(rows[:1]), net(rows[1:])
    return all(
        whole.shape[0] == 2 and np.allclose(whole, np.concatenate([a, b]), rtol=1e-3, atol=1e-4)
        for whole, a, b in zip(both, first, second, strict=True)
    )
