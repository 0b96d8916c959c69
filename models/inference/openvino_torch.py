"""Torch modules as OpenVINO nets: converted once, read back without torch.

``home()/cache/NAME.ir`` holds the converted net for whatever CPU; beside it lies what was
compiled for this one (`facegate.models.inference.openvino_cpu`).
"""

import logging
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facegate.models.home import home
from facegate.models.inference.openvino_cpu import (
    OpenVinoNet,
    cache_name,
    compile_model,
    core,
    import_openvino,
    keep_compiled,
    load_compiled,
)
from facegate.models.inference.sealed import read_sealed, write_sealed

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

Shape = tuple[int | None, ...]
"""Of a net's input, usually NCHW; None where a size may differ from call to call."""


def converted(
    key: str, make: Callable[[], "torch.nn.Module"], shape: Shape, *, many: bool
) -> OpenVinoNet:
    """Return the net that ``make`` builds, from the cache when that holds a sound copy.

    Args:
        key: hex digest that stands for weights and architecture.
        make: builds the module.
        shape: of the input.
        many: compile for `OpenVinoNet.run_all`.
    """
    name = cache_name(key, shape, many)
    net = load_compiled(name, many=many)
    if net is None:
        path = home() / "cache" / f"{name}.ir"
        parts = read_sealed(path)
        if parts is None:
            announce()
            parts = _convert(make(), shape)
            write_sealed(path, parts)
        net = compile_model(core().read_model(parts[0], parts[1]), many=many)
        keep_compiled(name, net)
    return net


@cache
def announce() -> None:
    """Log, once a process, that a first use takes its time."""
    log.info("making the nets ready for this machine, which takes some seconds the first time")


def _convert(module: "torch.nn.Module", shape: Shape) -> list[bytes]:
    """Return the XML and the weights of OpenVINO's intermediate representation."""
    import warnings

    import torch

    openvino = import_openvino()
    example = torch.zeros([2 if shape[0] is None else shape[0], *(s or 64 for s in shape[1:])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates the tracing that the converter uses
        model = openvino.convert_model(
            module.eval(),
            example_input=example,
            input=[-1 if size is None else size for size in shape],
        )
    _forget_places(model)
    return _serialized(openvino, model)


def _forget_places(model: Any) -> None:
    """Replace torch's max-pooling, which also gives the places of the maxima, by plain pooling.

    OpenVINO fills a second output even where nobody reads it, which costs half as much again.
    No net of ours both pads and rounds up, where the two would differ.
    """
    from openvino import opset1

    for op in model.get_ordered_ops():
        if op.get_type_name() == "MaxPool" and not op.output(1).get_target_inputs():
            facts = op.get_attributes()
            rounding = "ceil" if facts["rounding_type"].startswith("ceil") else "floor"
            keys = ("strides", "pads_begin", "pads_end", "kernel")
            plain = opset1.max_pool(op.input_value(0), *(facts[key] for key in keys), rounding)
            op.output(0).replace(plain.output(0))


def _serialized(openvino: Any, model: Any) -> list[bytes]:
    cache = home() / "cache"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        place: Path | None = cache
    except OSError:
        place = None  # nothing can be kept there either; the system's folder will do
    # OpenVINO writes to named files only.
    with tempfile.TemporaryDirectory(dir=place, prefix=".converting-") as folder:
        xml, weights = Path(folder) / "net.xml", Path(folder) / "net.bin"
        openvino.serialize(model, xml, weights)
        return [xml.read_bytes(), weights.read_bytes()]
