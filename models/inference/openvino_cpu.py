"""OpenVINO on this machine's CPU: silent, in f32, and compiled once for each net.

What the compiler made of a net is kept in ``home()/cache`` as ``NAME-CPU.blob``: loading that is
four times faster than compiling. A file that is missing or damaged is made again.
"""

import hashlib
import sys
import threading
from collections import deque
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from facegate.models.home import home
from facegate.models.inference.sealed import read_sealed, write_sealed
from facegate.models.values import Floats

_CONVERTER = "openvino.tools.ovc"
_FORMAT = 2  # raise it when what is kept under a name changes its meaning
_threads: int | None = None


def set_threads(count: int | None) -> None:
    """Let nets that are loaded from now on use ``count`` threads; None leaves it to OpenVINO."""
    global _threads
    if count is not None and count < 1:
        raise ValueError(f"a net needs at least one thread, got {count}")
    _threads = count


def import_openvino() -> Any:
    """Import openvino without its telemetry, and without its converter, which is slow to import.

    The converter reports to its vendor through the package openvino_telemetry; where that cannot
    be imported it uses a stub.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        sys.modules[_CONVERTER] = None  # type: ignore[assignment]
        try:
            import openvino
        finally:
            del sys.modules[_CONVERTER]
        # Whoever shares the process with us finds the converter where it always is.
        openvino.convert_model = _convert_model
    import openvino

    return openvino


def _convert_model(*args: Any, **settings: Any) -> Any:
    """Convert a model; the same as ``openvino.tools.ovc.convert_model``."""
    from openvino.tools.ovc import convert_model

    return convert_model(*args, **settings)


@cache
def core() -> Any:
    """Return the one OpenVINO core of this process."""
    return import_openvino().Core()


def cache_name(key: str, *parts: object) -> str:
    """Return the stem of a net's files in the cache: it changes with the version of OpenVINO.

    Args:
        key: hex digest of the weights.
        parts: whatever else makes two nets of the same weights different.
    """
    version = import_openvino().get_version()
    return f"{key[:16]}-{_digest(_FORMAT, key, version, *parts)}"


def load_compiled(name: str, *, many: bool = False) -> "OpenVinoNet | None":
    """Return the net that was kept under a name, or None when there is no sound one.

    Args:
        name: see `keep_compiled`.
        many: as it was for `compile_model`.
    """
    path = _blob(name)
    parts = read_sealed(path)
    if parts is None:
        return None
    try:
        return OpenVinoNet(core().import_model(parts[0], "CPU", _settings(many)))
    except RuntimeError:
        # Whole, but not what this build of OpenVINO reads: it will be written over.
        return None


def compile_model(model: Any, *, many: bool = False) -> "OpenVinoNet":
    """Compile an OpenVINO model; what OpenVINO cannot run raises RuntimeError.

    Args:
        model: OpenVINO's.
        many: for `OpenVinoNet.run_all`: a core a batch, where else all cores share each batch.
    """
    return OpenVinoNet(core().compile_model(model, "CPU", _settings(many)))


def keep_compiled(name: str, net: "OpenVinoNet") -> None:
    """Keep a compiled net under a name."""
    write_sealed(_blob(name), [net.compiled.export_model().getvalue()])


class OpenVinoNet:
    """A compiled net on the CPU. Threads may share it."""

    device = "cpu"
    precision = "f32"

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        self._of_thread = threading.local()

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        """Run a batch, float32; the outputs are the caller's own."""
        (outputs,) = self.run_all([batch])
        return outputs

    def run_all(self, batches: Iterable[Floats]) -> list[tuple[Floats, ...]]:
        """Run batches side by side, taking the next one from ``batches`` while others run."""
        requests = self._requests()
        results: list[tuple[Floats, ...]] = []
        running: deque[tuple[Any, Floats]] = deque()  # a batch is read until its run has ended
        try:
            for batch in batches:
                if len(running) == len(requests):
                    results.append(_outputs(running.popleft()[0]))
                request = requests[(len(results) + len(running)) % len(requests)]
                request.start_async([batch], share_inputs=True)
                running.append((request, batch))
            while running:
                results.append(_outputs(running.popleft()[0]))
        finally:
            for request, _ in running:
                request.wait()
        return results

    def _requests(self) -> list[Any]:
        """Return this thread's requests: each holds the memory of one run."""
        requests: list[Any] | None = getattr(self._of_thread, "requests", None)
        if requests is None:
            count = self.compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
            requests = [self.compiled.create_infer_request() for _ in range(count)]
            self._of_thread.requests = requests
        return requests


def _outputs(request: Any) -> tuple[Floats, ...]:
    request.wait()
    return tuple(tensor.data.copy() for tensor in request.output_tensors)


def _settings(many: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {
        # Left alone, OpenVINO runs bf16 where the CPU has it, and scores depend on the machine.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "THROUGHPUT" if many else "LATENCY",
    }
    if _threads is not None:
        settings["INFERENCE_NUM_THREADS"] = _threads
    return settings


def _blob(name: str) -> Path:
    return home() / "cache" / f"{name}-{_cpu()}.blob"


@cache
def _cpu() -> str:
    facts = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
    return _digest(*(str(core().get_property("CPU", fact)) for fact in facts))


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]
