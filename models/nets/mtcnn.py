"""MTCNN's three nets, with the layers and weights of facenet-pytorch 2.5.3.

Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", 2016; layers, their names and the weights are facenet-pytorch's (MIT). Its softmax over
two logits is left out: the last number of each output is their difference. Images come channels
last, as they lie in memory.
"""

from pathlib import Path

import torch
from torch import Tensor, nn


class PNet(nn.Module):
    """(N, H, W, 4) -> (N, h, w, 5): four box offsets and a logit for every 12 x 12 field.

    It is run on canvases where pictures lie side by side. Its max-pooling rounds up, so on a
    picture of odd size the last window has one row; on a canvas that window would see what lies
    beyond the picture too. The fourth channel, 0 on pictures and large elsewhere, lowers whatever
    was computed from there, and the maximum is the picture's own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, canvas: Tensor) -> Tensor:
        """Run the net; its first layer and its heads are one convolution each."""
        canvas = canvas.permute(0, 3, 1, 2)
        weight = nn.functional.pad(self.conv1.weight, (0, 0, 0, 0, 0, 1))  # blind to channel 4
        x = nn.functional.conv2d(canvas, weight, self.conv1.bias)
        outside = torch.zeros_like(weight)
        outside[:, 3] = -1
        x = self.prelu1(x) + nn.functional.conv2d(canvas, outside)
        x = self.prelu2(self.conv2(self.pool1(x)))
        x = self.prelu3(self.conv3(x))
        weight, bias = _joined(self.conv4_1, self.conv4_2)
        return nn.functional.conv2d(x, weight, bias).permute(0, 2, 3, 1)


class RNet(nn.Module):
    """(N, 24, 24, 3) -> (N, 5): four box offsets and a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Run the net."""
        x = self.pool1(self.prelu1(self.conv1(x.permute(0, 3, 1, 2))))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu3(self.conv3(x))
        x = self.prelu4(self.dense4(_flat(x)))
        return nn.functional.linear(x, *_joined(self.dense5_1, self.dense5_2))


class ONet(nn.Module):
    """(N, 48, 48, 3) -> (N, 15): four box offsets, five x, five y of landmarks, and a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2 = nn.Linear(256, 2), nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Run the net."""
        x = self.pool1(self.prelu1(self.conv1(x.permute(0, 3, 1, 2))))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.pool3(self.prelu3(self.conv3(x)))
        x = self.prelu4(self.conv4(x))
        x = self.prelu5(self.dense5(_flat(x)))
        return nn.functional.linear(x, *_joined(self.dense6_1, self.dense6_2, self.dense6_3))


def load(name: str, weights: Path) -> nn.Module:
    """Return "pnet", "rnet" or "onet" with the weights in a file of facenet-pytorch."""
    net: nn.Module = {"pnet": PNet, "rnet": RNet, "onet": ONet}[name]()
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return net.eval()


def _flat(x: Tensor) -> Tensor:
    # The weights came from a framework with width before height, channels last.
    return x.permute(0, 3, 2, 1).flatten(1)


def _joined(face: nn.Module, *others: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weight and bias of one layer in place of several; of ``face`` the difference."""
    parts = []
    for name in ("weight", "bias"):
        no, yes = face.get_parameter(name)
        rows = [other.get_parameter(name) for other in others]
        parts.append(torch.cat([*rows, (yes - no)[None]]))
    return parts[0], parts[1]
