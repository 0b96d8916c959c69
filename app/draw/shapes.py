"""Soft-edged shapes painted into RGB pixels."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facegate.capture.opencv import quiet_cv2
from facegate.draw.lettering import Mask, lettering
from facegate.models.values import Pixels

Colour = tuple[int, int, int]

WHITE, INK = (255, 255, 255), (16, 20, 28)
GREEN, ORANGE, GREY, BLUE = (64, 200, 120), (255, 140, 66), (170, 180, 192), (92, 168, 255)
QUIET = (150, 160, 175)


def paint(
    pixels: Pixels, mask: NDArray[np.uint8], x: int, y: int, colour: Colour, alpha: float = 1.0
) -> None:
    """Blend a colour into pixels, in place, where a mask placed at (x, y) has ink."""
    height, width = mask.shape
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, pixels.shape[1]), min(y + height, pixels.shape[0])
    if left >= right or top >= bottom:
        return
    part = pixels[top:bottom, left:right]
    share = mask[top - y : bottom - y, left - x : right - x, None].astype(np.float32)
    share *= alpha / 255.0
    part[:] = (part * (1.0 - share) + np.array(colour, np.float32) * share + 0.5).astype(np.uint8)


def write(
    pixels: Pixels,
    text: str,
    x: int,
    y: int,
    size_px: int,
    colour: Colour = WHITE,
    *,
    bold: bool = False,
    max_width: int = 0,
) -> int:
    """Write a line with its top left corner at (x, y); return its width."""
    mask = lettering(text, size_px, bold=bold, max_width=max_width)
    paint(pixels, mask, x, y, colour)
    return int(mask.shape[1])


def panel(
    pixels: Pixels, box: Sequence[int], colour: Colour = INK, alpha: float = 0.8, radius: int = 6
) -> None:
    """Paint a filled rectangle x1, y1, x2, y2 with round corners."""
    x1, y1, x2, y2 = box
    if x2 > x1 and y2 > y1:
        paint(pixels, _rounded(x2 - x1, y2 - y1, radius), x1, y1, colour, alpha)


def picture(pixels: Pixels, image: Pixels, box: Sequence[int], radius: int = 6) -> None:
    """Place a picture, resized, into a rectangle with round corners."""
    cv2 = quiet_cv2()
    x1, y1, x2, y2 = box
    shown = cv2.resize(image, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA)
    share = _rounded(x2 - x1, y2 - y1, radius)[:, :, None].astype(np.float32) / 255.0
    part = pixels[y1:y2, x1:x2]
    part[:] = (part * (1.0 - share) + shown * share + 0.5).astype(np.uint8)


def brackets(pixels: Pixels, box: Sequence[float], colour: Colour, thickness: int) -> None:
    """Draw the four corners of a box, light on a dark edge: seen on any background."""
    cv2 = quiet_cv2()
    x1, y1, x2, y2 = (round(v) for v in box)
    arm = max(4, round(0.22 * min(x2 - x1, y2 - y1)))
    for ink, width in ((INK, thickness + 2), (colour, thickness)):
        for x, y, dx, dy in ((x1, y1, 1, 1), (x2, y1, -1, 1), (x1, y2, 1, -1), (x2, y2, -1, -1)):
            corner = np.array([[x + dx * arm, y], [x, y], [x, y + dy * arm]], np.int32)
            cv2.polylines(pixels, [corner], False, ink, width, cv2.LINE_AA)


def arc(
    pixels: Pixels,
    centre: tuple[float, float],
    radius: float,
    degrees: tuple[float, float],
    colour: Colour,
    thickness: int,
) -> None:
    """Draw a part of a circle; 0 degrees points right, 90 down."""
    cv2 = quiet_cv2()
    steps = np.radians(np.linspace(*degrees, max(8, int(abs(degrees[1] - degrees[0])))))
    points = np.stack([np.cos(steps), np.sin(steps)], axis=1) * radius + centre
    line = np.round(points * 16).astype(np.int32)
    cv2.polylines(pixels, [line], False, INK, thickness + 2, cv2.LINE_AA, 4)
    cv2.polylines(pixels, [line], False, colour, thickness, cv2.LINE_AA, 4)


def dot(pixels: Pixels, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """Draw a filled circle with a dark edge."""
    cv2 = quiet_cv2()
    at = (round(centre[0] * 16), round(centre[1] * 16))
    cv2.circle(pixels, at, round((radius + 1.5) * 16), INK, -1, cv2.LINE_AA, 4)
    cv2.circle(pixels, at, round(radius * 16), colour, -1, cv2.LINE_AA, 4)


def pointer(
    pixels: Pixels, centre: tuple[float, float], radius: float, degrees: float, colour: Colour
) -> None:
    """Draw an arrow head that points away from a centre, with its foot on a circle."""
    cv2 = quiet_cv2()
    angle = math.radians(degrees)
    out = np.array([math.cos(angle), math.sin(angle)])
    side = np.array([-out[1], out[0]])
    size = radius / 9
    foot = np.array(centre) + radius * out
    corners = np.stack([foot + 1.1 * size * out, foot + size * side, foot - size * side])
    outline = np.round(corners * 16).astype(np.int32)
    cv2.polylines(pixels, [outline], True, INK, 3, cv2.LINE_AA, 4)
    cv2.fillPoly(pixels, [outline], colour, cv2.LINE_AA, 4)


@lru_cache(maxsize=128)
def _rounded(width: int, height: int, radius: int) -> Mask:
    """Return a rectangle with round corners as a mask with soft edges."""
    radius = min(radius, width // 2, height // 2)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    dx = np.maximum(np.maximum(radius - x, x - (width - radius)), 0.0)
    dy = np.maximum(np.maximum(radius - y, y - (height - radius)), 0.0)
    inside = np.clip(radius + 0.5 - np.hypot(dx, dy), 0.0, 1.0) if radius else np.ones_like(x)
    mask: Mask = (inside * 255).astype(np.uint8)
    mask.setflags(write=False)
    return mask


def text_size(pixels: Pixels) -> int:
    """Return a size of letters that reads well in a picture of this size."""
    return int(np.clip(math.sqrt(pixels.shape[0] * pixels.shape[1]) / 34, 13, 44))
