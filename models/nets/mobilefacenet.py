"""MobileFaceNet: a small embedder of depthwise convolutions, 1.0 M weights at dim 128.

Source: Chen et al., "MobileFaceNets", CCBR 2018 (arXiv 1804.07573), in the layout of
foamliu/MobileFaceNet (Apache-2.0), whose weights it loads: ReLU6 in place of PReLU, ReLU in the
first depthwise stage, a biased linear layer before the last batch normalisation.
"""

import torch
from torch import nn

STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Of each stage: widening inside a block, channels, blocks, stride of its first block."""

HEAD = 512
INPUT_PX = 112


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    padding = kernel // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)


def _conv_unit(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    conv = _conv(inputs, outputs, kernel, stride=stride, groups=groups)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6())


class _FirstDepthwise(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = _conv(channels, channels, 3, groups=channels)
        self.pointwise = _conv(channels, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.bn1(self.depthwise(maps)))
        return torch.relu(self.bn2(self.pointwise(maps)))


class _Bottleneck(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, widening: int) -> None:
        super().__init__()
        inner = inputs * widening
        self.is_residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            _conv_unit(inputs, inner, 1),
            _conv_unit(inner, inner, 3, stride=stride, groups=inner),
            _conv(inner, outputs, 1),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.conv(maps)
        return maps + changed if self.is_residual else changed


class _GlobalDepthwise(nn.Module):
    """Weigh each place of each 7x7 map: an average that knows where the eyes are."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        weighed: torch.Tensor = self.bn(self.depthwise(maps))
        return weighed


class MobileFaceNet(nn.Module):
    """Takes float (N, 3, 112, 112) and gives (N, dim), not of unit length."""

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        width = 64
        self.conv1 = _conv_unit(3, width, 3, stride=2)
        self.dw_conv = _FirstDepthwise(width)
        blocks = []
        for widening, outputs, count, first_stride in STAGES:
            for index in range(count):
                stride = first_stride if index == 0 else 1
                blocks.append(_Bottleneck(width, outputs, stride, widening))
                width = outputs
        self.features = nn.Sequential(*blocks)
        self.conv2 = _conv_unit(width, HEAD, 1)
        self.gdconv = _GlobalDepthwise(HEAD)
        self.conv3 = nn.Conv2d(HEAD, dim, 1)
        self.bn = nn.BatchNorm2d(dim)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embed float (N, 3, 112, 112) images as (N, dim) vectors."""
        maps = self.conv2(self.features(self.dw_conv(self.conv1(images))))
        vectors: torch.Tensor = self.bn(self.conv3(self.gdconv(maps)))
        return vectors.flatten(1)
