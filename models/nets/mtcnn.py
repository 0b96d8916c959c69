"""MTCNN's three nets with the weights inside the facenet-pytorch wheel, ready to be converted.

Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", 2016; the classes and weights are facenet-pytorch's (MIT). Its wrapper is not used.
"""

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from facegate.errors import MachineError

if TYPE_CHECKING:
    import torch

OUTSIDE = 1e4
"""What PNet's fourth input channel holds outside a picture, and 0 inside."""


def weights_sha256(name: str) -> str:
    """Return the sha256 of the weights of "pnet", "rnet" or "onet".

    Raises:
        MachineError: facenet-pytorch is not installed whole.
    """
    # Finding a package does not import it: facenet_pytorch would bring torch along.
    package = importlib.util.find_spec("facenet_pytorch")
    folders = list(package.submodule_search_locations or ()) if package else []
    for folder in folders:
        path = Path(folder) / "data" / f"{name}.pt"
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
    raise MachineError(
        f"{name}.pt of facenet-pytorch is not there",
        hint="install it again: pip install --force-reinstall --no-deps facenet-pytorch==2.5.3",
    )


def make(name: str) -> Callable[[], "torch.nn.Module"]:
    """Return what builds "pnet", "rnet" or "onet".

    pnet: (N, 4, H, W) -> (N, 5, h, w): four box offsets, and the logit of being a face.
    rnet: (N, 3, 24, 24) -> offsets (N, 4), probabilities (N, 2).
    onet: (N, 3, 48, 48) -> offsets (N, 4), landmarks (N, 10), probabilities (N, 2).
    """

    def build() -> "torch.nn.Module":
        from facenet_pytorch.models import mtcnn

        if name == "pnet":
            return _packed_pnet(mtcnn.PNet())
        module: torch.nn.Module = {"rnet": mtcnn.RNet, "onet": mtcnn.ONet}[name]()
        return module

    return build


def _packed_pnet(pnet: "torch.nn.Module") -> "torch.nn.Module":
    """Return PNet for canvases on which pictures lie side by side.

    PNet's max-pooling rounds up, so on a picture of odd size the last window has one row only.
    On a canvas that window would see the neighbour too; the fourth channel lowers whatever was
    computed from pixels outside, and the maximum is the picture's own.
    """
    import torch
    from torch import nn

    class PackedPNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = nn.Conv2d(4, 10, 3)
            self.outside = nn.Conv2d(4, 10, 3, bias=False)
            self.features = nn.Sequential(
                pnet.pool1, pnet.conv2, pnet.prelu2, pnet.conv3, pnet.prelu3
            )
            self.prelu1 = pnet.prelu1
            # One head in place of two, and the difference of the logits in place of a softmax.
            self.head = nn.Conv2d(32, 5, 1)
            offsets, face = pnet.conv4_2, pnet.conv4_1
            with torch.no_grad():
                self.inside.weight.zero_()[:, :3] = pnet.conv1.weight
                self.inside.bias.copy_(pnet.conv1.bias)
                self.outside.weight.zero_()[:, 3] = -1
                self.head.weight[:4] = offsets.weight
                self.head.weight[4] = face.weight[1] - face.weight[0]
                self.head.bias[:4] = offsets.bias
                self.head.bias[4] = face.bias[1] - face.bias[0]

        def forward(self, canvas: torch.Tensor) -> torch.Tensor:
            found = self.prelu1(self.inside(canvas)) + self.outside(canvas)
            result: torch.Tensor = self.head(self.features(found))
            return result

    return PackedPNet()
