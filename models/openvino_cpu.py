"""OpenVINO on this machine's CPU: compiled once, kept in the cache, silent, in f32.

Two kinds of file lie in ``home()/cache``, each whole and summed (`facegate.models.sealed`):
``KEY-VERSION.ir`` holds a converted net, and ``KEY-VERSION-CPU.blob`` what the compiler of this
CPU made of it, which loads four times faster than compiling. Either is made again when it is
missing or damaged.
"""

import hashlib
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from facegate.errors import WeightsError
from facegate.models.home import home
from facegate.models.sealed import read_sealed, write_sealed
from facegate.models.values import Floats

if TYPE_CHECKING:
    import torch

Shape = tuple[int | None, int, int | None, int | None]
"""Of a net's input, NCHW; None where it varies."""

_FORMAT = 1  # raise it when what is kept under a key changes its meaning
_threads: int | None = None


def set_threads(count: int | None) -> None:
    """Let nets that are loaded from now on use ``count`` threads; None leaves it to OpenVINO."""
    global _threads
    if count is not None and count < 1:
        raise ValueError(f"a net needs at least one thread, got {count}")
    _threads = count


def import_openvino() -> ModuleType:
    """Import openvino without its telemetry, and without the converter, which is slow to import.

    The converter reports to its vendor through the package openvino_telemetry; where that cannot
    be imported it uses a stub. OpenVINO itself runs without the converter.
    """
    if "openvino" not in sys.modules:
        blocked = [name for name in ("openvino_telemetry",) if name not in sys.modules]
        converter = "openvino.tools.ovc"
        for name in [*blocked, converter]:
            sys.modules[name] = None  # type: ignore[assignment]
        try:
            import openvino
        finally:
            del sys.modules[converter]
    import openvino

    return openvino


@cache
def core() -> Any:
    """Return the one OpenVINO core of this process."""
    return import_openvino().Core()


@cache
def runtime_version() -> str:
    """Return the version of OpenVINO, as in "2026.4.1-22982-e213a147257-releases/2026/4"."""
    return str(import_openvino().get_version())


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


@cache
def _cpu() -> str:
    facts = (
        core().get_property("CPU", name)
        for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
    )
    return _digest(*map(str, facts))


class OpenVinoNet:
    """A compiled net on the CPU. Threads may share it."""

    device = "cpu"
    precision = "f32"

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._of_thread = threading.local()

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        """Run a batch, NCHW float32; the outputs are copies of the caller's own."""
        request = getattr(self._of_thread, "request", None)
        if request is None:
            # A request holds the memory of one run, so each thread has its own.
            request = self._of_thread.request = self._compiled.create_infer_request()
        results = request.infer([batch], share_inputs=True)
        return tuple(results[i] for i in range(len(results)))


class OneByOne:
    """A net whose batch size is fixed at one, run row by row."""

    device = "cpu"
    precision = "f32"

    def __init__(self, net: OpenVinoNet) -> None:
        self._net = net

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        """Run a batch of any size but zero."""
        rows = [self._net(batch[i : i + 1]) for i in range(len(batch))]
        return tuple(np.concatenate(outputs) for outputs in zip(*rows, strict=True))


def converted(key: str, make: Callable[[], "torch.nn.Module"], shape: Shape) -> OpenVinoNet:
    """Return the net that ``make`` builds in torch, converted once and from then on read back.

    Args:
        key: names the weights and the architecture; the same key is the same net.
        make: called only when the cache has no sound copy.
        shape: of the input; what is None here may differ from call to call.
    """
    name = f"{key[:16]}-{_digest(_FORMAT, key, shape, runtime_version())}"

    def model() -> Any:
        path = home() / "cache" / f"{name}.ir"
        parts = read_sealed(path)
        if parts is None:
            parts = _convert(make, shape)
            write_sealed(path, parts)
        return core().read_model(parts[0], parts[1])

    return OpenVinoNet(_compiled(name, model))


def opened(path: Path, key: str) -> OpenVinoNet | OneByOne:
    """Return the net in an ONNX or OpenVINO file; any batch size can be run.

    Raises:
        WeightsError: OpenVINO cannot read the file, or not run it.
    """
    name = f"{key[:16]}-{_digest(_FORMAT, key, runtime_version())}"
    one_name = name + "-one"

    def model(*, any_batch: bool) -> Any:
        read = core().read_model(path)
        if len(read.inputs) != 1:
            raise RuntimeError(f"it has {len(read.inputs)} inputs, an embedder has one")
        sizes = read.inputs[0].get_partial_shape()
        sizes[0] = -1 if any_batch else 1
        read.reshape(sizes)
        return read

    try:
        try:
            return OpenVinoNet(_compiled(name, lambda: model(any_batch=True)))
        except RuntimeError:
            # Some exports have their batch size written into a Reshape inside.
            return OneByOne(OpenVinoNet(_compiled(one_name, lambda: model(any_batch=False))))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise WeightsError(
            f"{path} cannot be run by OpenVINO ({reason})", hint="export the model again as ONNX"
        ) from error


def _compiled(name: str, model: Callable[[], Any]) -> Any:
    """Load what was compiled for this CPU before, or compile ``model()`` and keep it."""
    settings: dict[str, Any] = {
        # Left alone, OpenVINO runs bf16 where the CPU has it, and scores depend on the machine.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    if _threads is not None:
        settings["INFERENCE_NUM_THREADS"] = _threads
    path = home() / "cache" / f"{name}-{_cpu()}.blob"
    parts = read_sealed(path)
    if parts is not None:
        try:
            return core().import_model(parts[0], "CPU", settings)
        except RuntimeError:
            # Sound, but not of this build of OpenVINO after all.
            path.unlink(missing_ok=True)
    compiled = core().compile_model(model(), "CPU", settings)
    write_sealed(path, [compiled.export_model().getvalue()])
    return compiled


def _convert(make: Callable[[], "torch.nn.Module"], shape: Shape) -> list[bytes]:
    """Return the XML and the weights of a torch module as OpenVINO's IR."""
    import tempfile
    import warnings

    import torch

    openvino = import_openvino()
    from openvino.tools.ovc import convert_model

    module = make().eval()
    example = torch.zeros([2 if shape[0] is None else shape[0], *(s or 64 for s in shape[1:])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates the tracing that the converter uses
        model = convert_model(
            module, example_input=example, input=[-1 if s is None else s for s in shape]
        )
    cache_folder = home() / "cache"
    cache_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder, prefix=".converting-") as folder:
        xml, weights = Path(folder) / "net.xml", Path(folder) / "net.bin"
        openvino.serialize(model, xml, weights)
        return [xml.read_bytes(), weights.read_bytes()]
