"""Turn a ``.pt`` or ``.pth`` state dict into a safetensors file, in a process of its own.

A pickle can name code. torch's ``weights_only`` refuses that, and was broken twice
(CVE-2025-32434, CVE-2026-24747), so a file is unpickled once, in a child with bounded memory that
does nothing else, and never again.

    python -m facegate.models.shelf.unpickle ARCHITECTURE DIM SIZE FROM.pt TO.safetensors
"""

import subprocess
import sys
from pathlib import Path
from typing import Protocol

from facegate.errors import FacegateError, WeightsError
from facegate.models.card import MAX_BYTES

MAX_SECONDS = 300
MAX_MEMORY_BYTES = 8 * MAX_BYTES
"""Torch itself, the file, the net and the copy that is written, with room to spare."""


class NetShape(Protocol):
    """What a card says about the net that weights must fit."""

    @property
    def architecture(self) -> str:
        """Return its name, see ``facegate.models.nets.build``."""

    @property
    def dim(self) -> int:
        """Return the length of its output."""

    @property
    def input_size(self) -> int:
        """Return the side of its input in pixels."""


def keep_as_safetensors(card: NetShape, pickle: Path, target: Path) -> None:
    """Convert a state dict in a child process.

    Args:
        card: says which net the weights must fit.
        pickle: the ``.pt`` or ``.pth`` file, as `torch.save` writes a state dict.
        target: is written, whole or not at all.

    Raises:
        WeightsError: the file holds anything else, or does not fit the net.
    """
    net = (card.architecture, str(card.dim), str(card.input_size))
    command = [sys.executable, "-P", "-m", "facegate.models.shelf.unpickle", *net]
    try:
        child = subprocess.run(
            [*command, str(pickle), str(target)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            f"{pickle.name} could not be read within {MAX_SECONDS} s", hint="is it a state dict?"
        ) from error
    if child.returncode == 0:
        return
    target.unlink(missing_ok=True)
    lines = child.stderr.decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else f"its reader ended with status {child.returncode}"
    raise WeightsError(
        f"{pickle.name} is not used: {reason}",
        hint="it must be a state dict of plain tensors for the architecture on the card",
    )


def main(arguments: list[str]) -> None:
    """Do the child's work: read, check against the net, write."""
    architecture, dim, size, pickle, target = arguments
    import torch

    from facegate.models.nets.build import build_net, put_weights

    _bound_memory()
    state = torch.load(pickle, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise WeightsError("it is no state dict, a mapping of names to tensors")
    # Nets that were trained on several devices carry this before every name.
    state = {key.removeprefix("module."): value for key, value in state.items()}
    net = build_net(architecture, dim=int(dim), size=int(size))
    put_weights(net, state, source="its state dict")
    from safetensors.torch import save_file

    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, target)


def _bound_memory() -> None:
    if sys.platform != "linux":
        return
    import resource

    # RLIMIT_DATA, not RLIMIT_AS: CUDA's libraries alone map more than that without using it.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > MAX_MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, hard))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except FacegateError as error:
        sys.exit(error.message)
    except Exception as error:
        # Every way in which torch refuses a file ends here: one line for the parent to repeat.
        text = " ".join(str(error).split()) or type(error).__name__
        sys.exit(f"torch refuses it ({text[:160]})")
