"""Augmentation of aligned faces in batches, each image with random numbers of its own.

One call takes a batch of stored crops to the net's input: flip, shift, scale and turn in a
single resampling, then the damage of `facegate.data.degrade` and of light on parts of the batch,
then things before the face. ``torchvision.transforms.v2`` draws its numbers once a batch (or
works image by image), so the few kernels needed are written out here; a batch of 256 costs a
small part of a training step and runs on the device where the crops lie.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from facegate.data.degrade import blur, jpeg, lower_resolution, motion, noise


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly a batch is changed; all shares are of the batch, 0 to 1.

    Attributes:
        flip: share mirrored left to right.
        shift: standard deviation in shares of the side.
        scale: standard deviation of the logarithm of the size.
        turn: standard deviation in degrees.
        low: share brought down to a lower resolution.
        low_px: smallest and largest side of it, of a face of 112 pixels.
        blur: share out of focus or moved.
        noise: share with sensor noise.
        jpeg: share rounded as by JPEG of quality 20 to 95.
        contrast, brightness: standard deviations, of the logarithm and in grey levels.
        shade: share lit from one side.
        grey: share without colour.
        erase: share with a rectangle painted over; half of these over the eyes or the mouth.
    """

    flip: float = 0.5
    shift: float = 0.02
    scale: float = 0.05
    turn: float = 4.0
    low: float = 0.24
    low_px: tuple[int, int] = (20, 84)
    blur: float = 0.08
    noise: float = 0.08
    jpeg: float = 0.16
    contrast: float = 0.2
    brightness: float = 18.0
    shade: float = 0.08
    grey: float = 0.1
    erase: float = 0.16


FACES = Augmentation()
LIGHT = Augmentation(
    low=0.1,
    blur=0.03,
    noise=0.03,
    jpeg=0.06,
    contrast=0.08,
    brightness=7.0,
    shade=0.03,
    grey=0.04,
    erase=0.06,
)
NONE = Augmentation(
    flip=0,
    shift=0,
    scale=0,
    turn=0,
    low=0,
    blur=0,
    noise=0,
    jpeg=0,
    contrast=0,
    brightness=0,
    shade=0,
    grey=0,
    erase=0,
)
"""The presets: for aligned faces, for the first stage of a long run on them (a net that has seen
little learns faster from faces that show something), and nothing at all."""

PIECE = 16
"""Images resampled at once on a processor: 256 at once take more than twice as long."""

# Bands of an aligned face in shares of its side: eyes (glasses) and mouth and chin (a mask).
_EYES = ((0.30, 0.06), (0.52, 0.09))
_MOUTH = ((0.59, 0.11), (1.0, 0.0))


def augment(crops: Tensor, size: int, settings: Augmentation, generator: Generator) -> Tensor:
    """Return a changed batch.

    Args:
        crops: uint8 (n, side, side, 3); side at least size, the surplus is room to move in.
        size: of the net's input in pixels.
        settings: how strongly.
        generator: of all randomness, on the device of the crops.

    Returns:
        float32 (n, 3, size, size) on the 0..255 scale, channels last in memory.
    """
    images = _resample(crops, size, settings, generator)
    draw = _Draw(len(images), images.device, generator)
    images = _degrade(images, settings, draw)
    _light(images, settings, draw)
    rows = draw.some(settings.jpeg)
    quality = draw.uniform(len(rows)) * 75 + 20
    for part in _pieces(rows):
        images[rows[part]] = jpeg(images[rows[part]].clamp(0, 255), quality[part])
    _erase(images, settings, draw)
    return images.clamp_(0, 255)


def centre(crops: Tensor, size: int) -> Tensor:
    """Return the middle of each crop unchanged: float32 (n, 3, size, size), 0..255."""
    border = (crops.shape[1] - size) // 2
    middle = crops[:, border : border + size, border : border + size]
    # The permuted view of (n, h, w, 3) is channels last already: no copy but the cast.
    return middle.permute(0, 3, 1, 2).float()


def _pieces(batch: Tensor) -> Iterator[slice]:
    """Return the batch in pieces that stay in a processor's cache, whole on another device."""
    size = PIECE if batch.device.type == "cpu" else max(1, len(batch))
    return (slice(start, start + size) for start in range(0, len(batch), size))


class _Draw:
    """Random numbers for one batch."""

    def __init__(self, n: int, device: torch.device, generator: Generator) -> None:
        self.n, self.device, self.generator = n, device, generator

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def some(self, share: float) -> Tensor:
        """Return the rows of a random part of the batch, of this share on average."""
        if not share:
            return torch.empty(0, dtype=torch.int64, device=self.device)
        return (self.uniform(self.n) < share).nonzero().flatten()

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * float(self.uniform(1))


def _resample(crops: Tensor, size: int, settings: Augmentation, generator: Generator) -> Tensor:
    n, side = crops.shape[:2]
    draw = _Draw(n, crops.device, generator)
    scale = torch.exp(draw.normal(n) * settings.scale).clamp(0.8, 1.25) * (size / side)
    angle = torch.deg2rad((draw.normal(n) * settings.turn).clamp(-30, 30))
    shift = (draw.normal(2, n) * settings.shift).clamp(-0.15, 0.15) * 2
    mirror = torch.where(draw.uniform(n) < settings.flip, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    place = (2 * torch.arange(size, device=crops.device) + 1) / size - 1
    # Where a pixel comes from is a part of its column and a part of its row; torch's affine_grid
    # costs more than the resampling that it is for.
    of_column = (torch.stack([cosine, sine], -1) * mirror[:, None]).view(n, 1, 1, 2)
    of_row = torch.stack([-sine, cosine], -1).view(n, 1, 1, 2)
    columns = of_column * place.view(1, 1, size, 1)
    rows = of_row * place.view(1, size, 1, 1) + shift.T.reshape(n, 1, 1, 2)
    images = torch.empty(n, size, size, 3, device=crops.device).permute(0, 3, 1, 2)
    for part in _pieces(crops):
        grid = columns[part] + rows[part]
        pixels = crops[part].permute(0, 3, 1, 2).float()
        images[part] = F.grid_sample(pixels, grid, "bilinear", "border", align_corners=False)
    return images


def _degrade(images: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    # Resizing and blurring want one size a call: a few groups with a strength of their own
    # stand for a strength of every image's own.
    size = images.shape[-1]
    low, high = (math.log(px * size / 112) for px in settings.low_px)
    for index in range(4):
        rows = draw.some(settings.low / 4)
        if len(rows):
            side = max(2, min(size, round(math.exp(draw.between(low, high)))))
            images[rows] = lower_resolution(images[rows], side, smooth=index % 2 == 0)
    for index in range(2):
        rows = draw.some(settings.blur / 2)
        if len(rows) and index:
            images[rows] = blur(images[rows], draw.between(0.5, 2.5))
        elif len(rows):
            images[rows] = motion(images[rows], draw.between(0, math.pi))
    rows = draw.some(settings.noise)
    if len(rows):
        images[rows] = noise(images[rows], draw.between(2, 16), draw.generator)
    return images


def _light(images: Tensor, settings: Augmentation, draw: _Draw) -> None:
    n, size = len(images), images.shape[-1]
    if settings.contrast or settings.brightness:
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        contrast = torch.exp(draw.normal(n, 1, 1, 1) * settings.contrast).clamp(0.5, 1.8)
        tint = 1 + draw.normal(n, 3, 1, 1) * settings.contrast / 4
        offset = mean * (1 - contrast) + draw.normal(n, 1, 1, 1) * settings.brightness
        # By rows of pixels: over the channels, three numbers lie together, too few for a vector.
        flat = images.permute(0, 2, 3, 1).view(n, size, -1)
        gain, bias = (x.view(n, 1, 3).repeat(1, 1, size) for x in (contrast * tint, offset * tint))
        torch.addcmul(bias, flat, gain, out=flat)
    rows = draw.some(settings.shade)
    if len(rows):
        ramp = torch.linspace(-1, 1, size, device=images.device)
        angle = draw.uniform(len(rows), 1, 1, 1) * 2 * math.pi
        slope = torch.cos(angle) * ramp.view(1, 1, 1, -1) + torch.sin(angle) * ramp.view(
            1, 1, -1, 1
        )
        depth = 0.45 * draw.uniform(len(rows), 1, 1, 1)
        images[rows] = images[rows] * (1 - depth * (1 + slope).clamp(0, 1.6))
    rows = draw.some(settings.grey)
    if len(rows):
        images[rows] = images[rows].mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)


def _erase(images: Tensor, settings: Augmentation, draw: _Draw) -> None:
    rows = draw.some(settings.erase)
    if not len(rows):
        return
    n, size = len(rows), images.shape[-1]
    kind, left, right, top, bottom = draw.uniform(5, n)
    height, width = 0.12 + 0.3 * top, 0.12 + 0.3 * bottom
    y1, x1 = (1 - height) * left, (1 - width) * right
    y2, x2 = y1 + height, x1 + width
    for low, high, (start, end) in ((0.0, 0.25, _EYES), (0.25, 0.5, _MOUTH)):
        here = (kind >= low) & (kind < high)
        y1 = torch.where(here, start[0] + start[1] * top, y1)
        y2 = torch.where(here, end[0] + end[1] * bottom, y2)
        x1 = torch.where(here, 0.06 + 0.13 * left, x1)
        x2 = torch.where(here, 0.94 - 0.13 * right, x2)
    place = (torch.arange(size, device=images.device) + 0.5) / size
    inside_y = (place >= y1[:, None]) & (place < y2[:, None])
    inside_x = (place >= x1[:, None]) & (place < x2[:, None])
    covered = (inside_y[:, None, :, None] & inside_x[:, None, None, :]).to(images.dtype)
    colour = draw.uniform(n, 3, 1, 1) * 255
    colour = torch.where((kind < 0.25).view(n, 1, 1, 1), colour * 0.3, colour)  # dark glasses
    images[rows] = torch.lerp(images[rows], colour.expand(-1, -1, size, size), covered)
