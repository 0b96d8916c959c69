"""Where nets run: OpenVINO on a CPU without importing torch, torch on CUDA.

net = torch_net(key, make, input_shape=(None, 3, 112, 112))
embeddings, = net(batch)
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from facegate.errors import DeviceError
from facegate.models.inference.openvino_cpu import set_threads
from facegate.models.inference.openvino_torch import Shape, converted
from facegate.models.values import Floats

if TYPE_CHECKING:
    import torch

__all__ = ["Net", "Shape", "SideBySide", "file_net", "resolve_device", "set_threads", "torch_net"]


class Net(Protocol):
    """A net that is ready to run. Threads may share it.

    Attributes:
        device: "cpu" or "cuda".
        precision: what it computes in, such as "f32".
    """

    device: str
    precision: str

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        """Run a batch, float32 of the input's shape, and return the outputs in order."""


class SideBySide(Net, Protocol):
    """A net that takes several batches at a time as well."""

    def run_all(self, batches: Iterable[Floats]) -> list[tuple[Floats, ...]]:
        """Run the batches, where it pays side by side while ``batches`` makes the next."""


def resolve_device(device: str) -> Literal["cpu", "cuda"]:
    """Return the device that "auto", "cpu" or "cuda" stands for on this machine.

    "auto" is CUDA where torch can use it. Without an NVIDIA driver torch is not even imported.

    Raises:
        DeviceError: "cuda" on a machine without it, or another word.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise DeviceError(f"there is no device {device!r}", hint="use auto, cpu or cuda")
    if device == "cpu" or (device == "auto" and not _has_driver()):
        return "cpu"
    if _has_driver():
        import torch

        if torch.cuda.is_available():
            return "cuda"
    if device == "auto":
        return "cpu"
    raise DeviceError(
        "this machine has no CUDA device that torch can use",
        hint="leave out --device, or use --device cpu",
    )


def torch_net(
    key: str,
    make: Callable[[], "torch.nn.Module"],
    *,
    input_shape: Shape,
    device: str = "auto",
    many: bool = False,
) -> SideBySide:
    """Return a net defined in torch.

    On a CPU it is converted once, kept in ``home()/cache``, and read from there without torch.

    Args:
        key: hex digest that stands for weights and architecture; the same key is the same net.
        make: builds the module with its weights. Called only for CUDA, and when the cache holds
            no sound copy. The module returns a tensor or a tuple of them.
        input_shape: of the batch, usually NCHW; None for a size that may differ from call to call.
        device: "auto", "cpu" or "cuda".
        many: for many small batches at a time (`SideBySide.run_all`): a core a batch, where else
            all cores share each batch.

    Raises:
        DeviceError: the device is not there.
    """
    if resolve_device(device) == "cuda":
        from facegate.models.inference.torch_cuda import TorchNet

        return TorchNet(make(), "cuda")
    return converted(key, make, input_shape, many=many)


def file_net(path: Path, *, key: str, device: str = "auto") -> Net:
    """Return the net in a file; it takes batches of any size and always runs on the CPU.

    Args:
        path: an ONNX file, or an OpenVINO .xml with its .bin beside it.
        key: hex digest of the file's contents.
        device: "auto" or "cpu".

    Raises:
        DeviceError: CUDA was asked for by name.
        WeightsError: the file cannot be read or run, or names weights outside itself.
    """
    if device != "auto" and resolve_device(device) == "cuda":
        raise DeviceError(
            f"{path} is run by OpenVINO, which does not use CUDA", hint="use --device cpu"
        )
    from facegate.models.inference.openvino_file import opened

    return opened(path, key)


def _has_driver() -> bool:
    """Say whether an NVIDIA driver is loaded, which costs nothing to ask."""
    return os.name == "nt" or any(
        Path(place).exists()
        for place in ("/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/dxg")
    )
