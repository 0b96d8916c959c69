"""From landmarks to a crop: a similarity warp onto five points, or a box, as a card asks.

Points are in pixels with the centre of the first pixel at (0, 0).
"""

import math

import numpy as np
from numpy.typing import NDArray

from facegate.models.values import Floats, Pixels

ARCFACE_TEMPLATE: Floats = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    np.float32,
)
"""Eyes, nose and mouth corners of an upright face in 112 x 112; source: InsightFace's ArcFace."""
ARCFACE_TEMPLATE.setflags(write=False)

_MOST_ROLL = 60.0  # degrees: half way between a tilted head and a photograph on its side


def similarity(source: Floats, target: Floats) -> Floats:
    """Return the rotation, scale and shift that bring ``source`` nearest to ``target``.

    Args:
        source, target: (N, 2) with N >= 2, the source's points not all the same.

    Returns:
        float32 (2, 3): ``target ~ source @ m[:, :2].T + m[:, 2]``, least squares, no reflection.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", 1991; in two dimensions its singular values have this closed form.
    """
    a, b = source.astype(np.float64), target.astype(np.float64)
    a_mean, b_mean = a.mean(axis=0), b.mean(axis=0)
    a, b = a - a_mean, b - b_mean
    size = (a**2).sum()
    if size == 0:
        raise ValueError("the source points are all the same")
    c = (a * b).sum() / size
    s = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / size
    turn = np.array([[c, -s], [s, c]])
    return np.column_stack([turn, b_mean - turn @ a_mean]).astype(np.float32)


def is_upright(landmarks: Floats) -> bool:
    """Say whether five landmarks form a face that is upright, give or take 60 degrees.

    Wrong landmarks may form one all the same; `facegate.models.upright` looks at the pixels too.
    """
    turn = similarity(ARCFACE_TEMPLATE, landmarks)
    roll = math.degrees(math.atan2(turn[1, 0], turn[0, 0]))
    return abs(roll) <= _MOST_ROLL


def warp(pixels: Pixels, landmarks: Floats, template: Floats, size: int) -> Pixels:
    """Return the face moved so that its landmarks fall on the template, uint8 (size, size, 3).

    Args:
        pixels: uint8 (H, W, 3).
        landmarks: (5, 2) in pixels.
        template: (5, 2) in pixels of the result.
        size: of the result, in pixels a side.
    """
    return sample(pixels, similarity(template, landmarks), size)


def sample(pixels: Pixels, back: Floats, size: int) -> Pixels:
    """Return what a similarity shows of a photograph, uint8 (size, size, 3).

    Bilinear; where it shrinks, each pixel is the mean of what it covers. Outside the photograph
    its border is repeated.

    Args:
        pixels: uint8 (H, W, 3).
        back: (2, 3), from a point of the result to one of the photograph; no shear, no mirroring.
        size: of the result, in pixels a side.
    """
    from PIL import Image

    matrix = back.astype(np.float64)
    step = math.hypot(matrix[0, 0], matrix[1, 0])  # photograph pixels for one of the crop
    # Blocks of whole pixels first, then several samples a pixel: blocks alone would show their
    # grid in the result, samples alone would be slow for a large face.
    block = max(1, math.floor(step / 2))
    per_side = max(1, math.ceil(step / block - 0.25))
    region, left, top = _region(pixels, matrix, size, block)
    # Pillow counts from the corner of the first pixel: half a pixel before its centre.
    turn = matrix[:, :2] / (per_side * block)
    shift = (matrix[:, 2] - matrix[:, :2].sum(axis=1) / 2 + 0.5 - (left, top)) / block
    samples = Image.fromarray(region).transform(
        (size * per_side, size * per_side),
        Image.Transform.AFFINE,
        tuple(float(v) for v in np.column_stack([turn, shift]).ravel()),
        resample=Image.Resampling.BILINEAR,
    )
    return np.array(samples.reduce(per_side) if per_side > 1 else samples)


def box_crop(pixels: Pixels, box: Floats, size: int, margin: float) -> Pixels:
    """Return a box stretched to a square, uint8 (size, size, 3), as facenet-pytorch crops it.

    Args:
        pixels: uint8 (H, W, 3).
        box: x1, y1, x2, y2 in pixels.
        size: of the result, in pixels a side.
        margin: added to the box, half on each side, in pixels of the result; cut off at the
            photograph's edge, so a face there is stretched.

    Source: ``extract_face`` of facenet-pytorch for PIL images.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = (float(v) for v in box)
    more_x = margin * (x2 - x1) / (size - margin) / 2
    more_y = margin * (y2 - y1) / (size - margin) / 2
    left, top = int(max(x1 - more_x, 0)), int(max(y1 - more_y, 0))
    right, bottom = int(min(x2 + more_x, width)), int(min(y2 + more_y, height))
    # Rounding can leave nothing of a sliver at the border.
    left, top = min(left, width - 1), min(top, height - 1)
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    resized = Image.fromarray(part).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(resized)


def _region(
    pixels: Pixels, back: NDArray[np.float64], size: int, block: int
) -> tuple[Pixels, int, int]:
    """Return what the crop needs of the photograph, in blocks, and its first column and row.

    Outside the photograph its border is repeated.
    """
    from PIL import Image

    corners = np.array([[-1, -1], [size, -1], [-1, size], [size, size]])
    reached = corners @ back[:, :2].T + back[:, 2]
    left, top = (math.floor(v) - block for v in reached.min(axis=0))
    right, bottom = (math.ceil(v) + 2 * block for v in reached.max(axis=0))
    rows = np.arange(top, bottom).clip(0, pixels.shape[0] - 1)
    columns = np.arange(left, right).clip(0, pixels.shape[1] - 1)
    region = pixels[rows[:, None], columns]
    if block > 1:
        region = np.asarray(Image.fromarray(region).reduce(block))
    return region, left, top
