"""MTCNN's three nets, with the layers and weights of facenet-pytorch 2.5.3.

Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", 2016; layers, their names and the weights are facenet-pytorch's (MIT). Its softmax over
two logits is left out: the last number of each output is their difference. Images come as
`facegate.models.detection.area` makes them: channels last, four of them, from 0 to 2.
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

    For that the maximum is taken before the PReLU. Where a PReLU's slope is not negative that
    changes nothing. Where it is, the PReLU is the larger of x and slope * x, so that both are
    computed, and the maximum is the larger of the maxima u and v of either: v + relu(u - v).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, canvas: Tensor) -> Tensor:
        """Run the net; its heads are one convolution."""
        slopes = self.prelu1.weight
        rising = [i for i, slope in enumerate(slopes.tolist()) if slope >= 0]
        bent = [i for i, slope in enumerate(slopes.tolist()) if slope < 0]
        weight, bias, twice = *_of_means(self.conv1), slopes[bent]
        weight = torch.cat([weight[rising + bent], weight[bent] * twice[:, None, None, None]])
        weight = torch.cat([weight, -torch.ones_like(weight[:, :1])], dim=1)
        bias = torch.cat([bias[rising + bent], bias[bent] * twice])
        x = self.pool1(nn.functional.conv2d(canvas.permute(0, 3, 1, 2), weight, bias))
        x = nn.functional.conv2d(x, _differences(len(rising), len(bent)).to(x))
        ones = torch.ones_like(twice)
        x = nn.functional.prelu(x, torch.cat([slopes[rising], 0 * ones, ones]))
        weight = self.conv2.weight[:, rising + bent + bent]
        x = self.prelu2(nn.functional.conv2d(x, weight, self.conv2.bias))
        x = self.prelu3(self.conv3(x))
        weight, bias = _joined(self.conv4_1, self.conv4_2)
        return nn.functional.conv2d(x, weight, bias).permute(0, 2, 3, 1)


class RNet(nn.Module):
    """(N, 24, 24, 4) -> (N, 5): four box offsets and a logit."""

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
        x = self.pool1(self.prelu1(_without_fourth(x, self.conv1)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu3(self.conv3(x))
        x = self.prelu4(self.dense4(_flat(x)))
        return nn.functional.linear(x, *_joined(self.dense5_1, self.dense5_2))


class ONet(nn.Module):
    """(N, 48, 48, 4) -> (N, 15): four box offsets, five x, five y of landmarks, and a logit."""

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
        x = self.pool1(self.prelu1(_without_fourth(x, self.conv1)))
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


def _of_means(conv: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Return weight and bias for input from 0 to 2, where the layer learned -1 to 1."""
    bias = conv.get_parameter("bias")
    return conv.weight, bias - 127.5 / 128 * conv.weight.sum(dim=(1, 2, 3))


def _without_fourth(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Run the first layer on crops from 0 to 2, channels last, whose fourth it does not see."""
    weight, bias = _of_means(conv)
    weight = nn.functional.pad(weight, (0, 0, 0, 0, 0, 1))
    return nn.functional.conv2d(x.permute(0, 3, 1, 2), weight, bias)


def _differences(n_same: int, n_pairs: int) -> Tensor:
    """Return a 1 x 1 layer from (p, u, v) to (p, u - v, v)."""
    weight = torch.eye(n_same + 2 * n_pairs)
    for i in range(n_same, n_same + n_pairs):
        weight[i, i + n_pairs] = -1
    return weight[:, :, None, None]


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
