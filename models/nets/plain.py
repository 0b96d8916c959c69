"""Plain residual nets: small face embedders, fast to train and run on processors.

A 3x3 stem of stride 2, then three stages of residual blocks of two 3x3 convolutions
each, the first block of a stage halving the side; ReLU everywhere, no depthwise
convolution, channels in multiples of 8. Memory traffic, not arithmetic, is what a
processor waits for: full convolutions on small maps run several times faster per
operation than depthwise ones on large maps. The head flattens the last map, so that
each place of an aligned face has weights of its own, and ends in a linear layer and a
batch normalisation without scale and shift, which keeps the embedding centred.

Sources: residual blocks of He et al., CVPR 2016; the flattening head of Deng et al.,
CVPR 2019 (ArcFace, "option E", here without dropout).
"""

from dataclasses import dataclass

import torch
from torch import nn

from facegate.errors import InputError


@dataclass(frozen=True, slots=True)
class Shape:
    """Widths of a plain net.

    Attributes:
        stem: channels after the first convolution.
        stages: (channels, residual blocks) of each stage.
    """

    stem: int
    stages: tuple[tuple[int, int], ...]


SHAPES = {
    "plain-t": Shape(24, ((48, 1), (96, 2), (192, 1))),
    "plain-u": Shape(32, ((64, 1), (128, 2), (256, 2))),
    "plain-s": Shape(32, ((64, 2), (128, 2), (256, 2))),
    "plain-m": Shape(48, ((64, 3), (128, 4), (256, 3))),
}


def _conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def _init(conv: nn.Conv2d) -> None:
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut.

    Takes (N, inputs, H, W), gives (N, outputs, H / stride, W / stride), rounded up.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, outputs, stride=stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = _conv(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            narrow = _conv(inputs, outputs, kernel=1, stride=stride)
            self.shortcut = nn.Sequential(narrow, nn.BatchNorm2d(outputs))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Add the two convolutions to the shortcut."""
        inner = torch.relu(self.bn1(self.conv1(maps)))
        return torch.relu(self.bn2(self.conv2(inner)) + self.shortcut(maps))


class PlainNet(nn.Module):
    """A plain residual embedder.

    Takes float (N, 3, size, size) scaled by the model's card and gives (N, dim), NOT of
    unit length: the caller normalises in float32, because the last step of a net in
    half precision is where rounding would change which faces are nearest.

    Args:
        shape: the widths.
        dim: length of the embedding.
        size: side of the square input in pixels, at least 16.
    """

    def __init__(self, shape: Shape, dim: int, size: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(3, shape.stem, stride=2), nn.BatchNorm2d(shape.stem), nn.ReLU()
        )
        blocks: list[nn.Module] = []
        width, side = shape.stem, (size + 1) // 2
        for channels, count in shape.stages:
            for index in range(count):
                blocks.append(Block(width, channels, 2 if index == 0 else 1))
                width = channels
            side = (side + 1) // 2
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width * side * side, dim, bias=False)
        self.bn = nn.BatchNorm1d(dim, affine=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                _init(module)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embed float (N, 3, size, size) images as (N, dim) vectors of any length."""
        maps = self.blocks(self.stem(images))
        embeddings: torch.Tensor = self.bn(self.head(maps.flatten(1)))
        return embeddings


def build(name: str, *, dim: int = 128, size: int = 112) -> nn.Module:
    """Make an untrained plain net.

    Args:
        name: "plain-t" (2.05 M weights at dim 128 and size 112), "plain-u" (4.3 M),
            "plain-s" (4.4 M) or "plain-m" (6.2 M).
        dim: length of the embedding, positive.
        size: side of the square input in pixels, at least 16.

    Returns:
        A PlainNet in training mode with random weights from torch's global generator.

    Raises:
        InputError: no plain net has this name, or a number is out of range.
    """
    shape = SHAPES.get(name.lower())
    if shape is None:
        known = ", ".join(SHAPES)
        raise InputError(f"no plain net is called {name!r}", hint=f"one of {known}")
    if dim < 1 or size < 16:
        problem = f"a net of dim {dim} for {size} px input is too small"
        raise InputError(problem, hint="dim must be at least 1, size at least 16")
    return PlainNet(shape, dim, size)
