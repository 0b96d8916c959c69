"""MTCNN's weights inside the facenet-pytorch wheel, found without importing that package.

Importing it would bring torch, torchvision and an HTTP client along.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from facegate.errors import MachineError
from facegate.models import nets
from facegate.models.runtime import Shape, SideBySide, torch_net

if TYPE_CHECKING:
    import torch


def mtcnn_net(name: str, *, input_shape: Shape, device: str) -> SideBySide:
    """Return "pnet", "rnet" or "onet", ready to run; see `facegate.models.nets.mtcnn`.

    Raises:
        DeviceError: the device is not there.
        MachineError: facenet-pytorch is not installed whole.
    """
    weights = weights_path(name)
    layers = Path(nets.__file__).with_name("mtcnn.py")
    key = hashlib.sha256(layers.read_bytes() + weights.read_bytes()).hexdigest()

    def make() -> "torch.nn.Module":
        from facegate.models.nets import mtcnn

        return mtcnn.load(name, weights)

    return torch_net(key, make, input_shape=input_shape, device=device, many=True)


def weights_path(name: str) -> Path:
    """Return the file with the weights of "pnet", "rnet" or "onet".

    Raises:
        MachineError: facenet-pytorch is not installed whole.
    """
    package = importlib.util.find_spec("facenet_pytorch")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "data" / f"{name}.pt"
        if path.is_file():
            return path
    raise MachineError(
        f"{name}.pt of facenet-pytorch is not there",
        hint="install it again: pip install --force-reinstall --no-deps facenet-pytorch==2.5.3",
    )
