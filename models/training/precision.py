"""Where a net trains, and in which numbers: measured, not guessed."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import nn

from facegate.errors import DeviceError

PRECISIONS = ("auto", "f32", "bf16")
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last is ARM's name

Autocast = Callable[[], AbstractContextManager[object]]


def choose_device(name: str, *, local_rank: int = 0) -> torch.device:
    """Return the device to train on.

    Raises:
        DeviceError: ``cuda`` was asked for and is not there, or not for so many processes.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise DeviceError(
            "no CUDA device is here to train on", hint="use --device cpu, or check the driver"
        )
    n_devices = torch.cuda.device_count()
    if local_rank >= n_devices:
        raise DeviceError(
            f"process {local_rank} of this machine has no GPU of its own, {n_devices} are here",
            hint="start with --nproc-per-node of that number, or use --device cpu",
        )
    return torch.device("cuda", local_rank)


def has_bf16(device: torch.device) -> bool:
    """Say whether the device computes in bfloat16 by itself.

    A CPU without such units emulates it, three times slower than float32.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return bool(BF16_FLAGS & set(flags.split()))


def autocast_of(precision: str, device: torch.device) -> Autocast:
    """Return the context that the net runs in."""
    if precision == "f32":
        return nullcontext
    return partial(torch.autocast, device.type, torch.bfloat16)


def choose_precision(
    asked: str, net: nn.Module, *, size: int, device: torch.device, batch: int = 32
) -> str:
    """Return ``f32`` or ``bf16``: as asked, or whichever trained faster in a short trial.

    The net's weights and statistics are left as they were.
    """
    if asked != "auto":
        return asked
    if not has_bf16(device):
        return "f32"
    if device.type == "cuda":
        return "bf16"
    state = {name: value.clone() for name, value in net.state_dict().items()}
    images = torch.zeros(batch, 3, size, size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    times = {kind: _time(net, images, autocast_of(kind, device)) for kind in ("f32", "bf16")}
    net.load_state_dict(state)
    net.zero_grad(set_to_none=True)
    return min(times, key=times.__getitem__)


def _time(net: nn.Module, images: torch.Tensor, autocast: Autocast) -> float:
    """Return the seconds of the fastest of three training steps."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        with autocast():
            rows = net(images)
        rows.float().square().sum().backward()
        best = min(best, time.perf_counter() - start)
    return best
