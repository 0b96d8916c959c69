"""What cameras and files do to a face, on whole batches: lower resolution, blur, noise, JPEG.

All functions take float32 (n, 3, side, side) on the 0..255 scale, on any device, and return the
same. Randomness comes from the generator given, which lives on the same device.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

# Tables K.1 and K.2 of ITU-T T.81 (JPEG), which most encoders scale by quality.
_LUMA = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *([99] * 32),
)
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def lower_resolution(images: Tensor, side: int, *, smooth: bool) -> Tensor:
    """Shrink to ``side`` pixels and enlarge again, as a face far from the camera arrives.

    Args:
        images: the batch.
        side: pixels, at least 2.
        smooth: enlarge by cubic instead of linear interpolation.
    """
    size = images.shape[-1]
    # Both steps are linear and separable, so they are one matrix on rows and columns: two
    # products of matrices, several times faster than two resamplings of the batch.
    row = torch.eye(size, device=images.device)[None, None]
    row = F.interpolate(row, size=(side, size), mode="area")
    mode = "bicubic" if smooth else "bilinear"
    matrix = F.interpolate(row, size=(size, size), mode=mode, align_corners=False)[0, 0]
    return matrix @ images @ matrix.T


def blur(images: Tensor, sigma: float) -> Tensor:
    """Blur by a Gaussian of this width in pixels, cut at three pixels, as a lens out of focus."""
    place = torch.arange(-3.0, 4.0, device=images.device)
    weights = torch.exp(-place.square() / (2 * sigma * sigma))
    return _filter(images, torch.outer(weights, weights))


def motion(images: Tensor, angle: float) -> Tensor:
    """Blur along a line of seven pixels at an angle in radians, as a moving head."""
    place = torch.arange(-3.0, 4.0, device=images.device)
    across = place[None, :] * math.sin(angle) - place[:, None] * math.cos(angle)
    return _filter(images, (1 - across.abs()).clamp_min(0))


def _filter(images: Tensor, kernel: Tensor) -> Tensor:
    kernel = (kernel / kernel.sum()).expand(3, 1, 7, 7)
    return F.conv2d(F.pad(images, (3, 3, 3, 3), mode="replicate"), kernel, groups=3)


def noise(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Add Gaussian noise with this standard deviation in grey levels, as a dim sensor does."""
    grain = torch.randn(images.shape, generator=generator, device=images.device)
    return images + strength * grain


def jpeg(images: Tensor, quality: Tensor) -> Tensor:
    """Round the cosine transform of 8 x 8 blocks as a JPEG encoder of some quality would.

    Colour is not subsampled and nothing is entropy coded: the loss is there, the file is not.

    Args:
        images: (n, 3, side, side); the side is padded to a multiple of 8 by its border.
        quality: float (n,), 1 to 100, on libjpeg's scale.
    """
    n, _, height, width = images.shape
    pad = (-width % 8, -height % 8)
    padded = F.pad(images, (0, pad[0], 0, pad[1]), mode="replicate")
    to_ycc = images.new_tensor(_TO_YCC)
    ycc = torch.einsum("ij,njhw->nihw", to_ycc, padded)
    ycc[:, 0] -= 128
    rows, columns = padded.shape[2] // 8, padded.shape[3] // 8
    blocks = ycc.view(n, 3, rows, 8, columns, 8).transpose(3, 4).reshape(n, 3, -1, 64)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    tables = images.new_tensor([_LUMA, _CHROMA, _CHROMA]).view(1, 3, 1, 64)
    steps = (tables * scale.view(n, 1, 1, 1)).round().clamp(1, 255)
    # One matrix of 64 x 64 for a whole block: a product of 8 x 8 matrices for each block is
    # many times slower.
    cosine = _cosine(images)
    whole = torch.kron(cosine, cosine)
    waves = torch.round(blocks @ whole.T / steps) * steps
    blocks = (waves @ whole).view(n, 3, rows, columns, 8, 8)
    ycc = blocks.transpose(3, 4).reshape(padded.shape)
    ycc[:, 0] += 128
    rgb = torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_ycc), ycc)
    return rgb[:, :, :height, :width].clamp(0, 255)


def _cosine(like: Tensor) -> Tensor:
    index = torch.arange(8, device=like.device, dtype=like.dtype)
    matrix = torch.cos((2 * index[None, :] + 1) * index[:, None] * math.pi / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix
