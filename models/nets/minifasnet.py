"""MiniFASNet: a pruned MobileFaceNet that tells live faces from photographs and screens, 0.4 M.

Layers, their names and their widths are those of minivision-ai/Silent-Face-Anti-Spoofing
(Apache-2.0), whose weights it loads: MiniFASNetV2, and MiniFASNetV1SE whose stages end with a
squeeze-and-excitation.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

INPUT_PX = 80
CLASSES = 3
"""Flat attack, live, other attack."""


@dataclass(frozen=True, slots=True)
class Widths:
    """Inner widths of the blocks of three stages, as pruning left them."""

    stages: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    second: int
    is_squeezed: bool


VARIANTS = {
    "minifasnet-v2": Widths(((13, 13, 13, 13), (231, 52, 26, 77, 26, 26), (26, 26)), 231, False),
    "minifasnet-v1se": Widths(((13, 26, 13, 52), (154, 52, 26, 52, 26, 26), (26, 26)), 231, True),
}


class _Unit(nn.Module):
    """Convolution, batch normalisation and, unless it is linear, a PReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1,
        padding: int = 0, is_linear: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = nn.Identity() if is_linear else nn.PReLU(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = self.prelu(self.bn(self.conv(maps)))
        return result


class _Squeeze(nn.Module):
    """Squeeze-and-excitation: each map is weighed by what all of them show on average."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        inner = channels // reduction
        self.fc1, self.bn1 = nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.fc2, self.bn2 = nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        means = maps.mean((2, 3), keepdim=True)
        inner = torch.relu(self.bn1(self.fc1(means)))
        return maps * torch.sigmoid(self.bn2(self.fc2(inner)))


class _Block(nn.Module):
    """Widen, filter each channel, narrow; added to its input where the size stays."""

    def __init__(
        self, inputs: int, inner: int, outputs: int, *, stride: int = 1, is_squeezed: bool = False
    ) -> None:
        super().__init__()
        self.conv = _Unit(inputs, inner)
        self.conv_dw = _Unit(inner, inner, 3, stride=stride, groups=inner, padding=1)
        self.project = _Unit(inner, outputs, is_linear=True)
        self.se_module = _Squeeze(outputs) if is_squeezed else nn.Identity()
        self.is_residual = stride == 1

    def forward(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.se_module(self.project(self.conv_dw(self.conv(maps))))
        return maps + changed if self.is_residual else changed


class _Stage(nn.Module):
    def __init__(self, channels: int, inner: tuple[int, ...], is_squeezed: bool) -> None:
        super().__init__()
        last = len(inner) - 1
        blocks = [
            _Block(channels, width, channels, is_squeezed=is_squeezed and i == last)
            for i, width in enumerate(inner)
        ]
        self.model = nn.Sequential(*blocks)

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = self.model(maps)
        return result


class MiniFASNet(nn.Module):
    """Takes float (N, 3, 80, 80), BGR 0..255, and gives (N, 3) logits."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        third, fourth, fifth = widths.stages
        is_squeezed = widths.is_squeezed
        self.conv1 = _Unit(3, 32, 3, stride=2, padding=1)
        self.conv2_dw = _Unit(32, 32, 3, groups=32, padding=1)
        self.conv_23 = _Block(32, 103, 64, stride=2)
        self.conv_3 = _Stage(64, third, is_squeezed)
        self.conv_34 = _Block(64, widths.second, 128, stride=2)
        self.conv_4 = _Stage(128, fourth, is_squeezed)
        self.conv_45 = _Block(128, 308, 128, stride=2)
        self.conv_5 = _Stage(128, fifth, is_squeezed)
        self.conv_6_sep = _Unit(128, 512)
        self.conv_6_dw = _Unit(512, 512, 5, groups=512, is_linear=True)
        self.linear = nn.Linear(512, 128, bias=False)
        self.bn = nn.BatchNorm1d(128)
        self.prob = nn.Linear(128, CLASSES, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of float (N, 3, 80, 80) images."""
        maps = self.conv_23(self.conv2_dw(self.conv1(images)))
        maps = self.conv_45(self.conv_4(self.conv_34(self.conv_3(maps))))
        maps = self.conv_6_dw(self.conv_6_sep(self.conv_5(maps)))
        logits: Tensor = self.prob(self.bn(self.linear(maps.flatten(1))))
        return logits
