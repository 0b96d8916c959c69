"""Short films of a person, made from one portrait: moved, turned, lit, blurred, compressed.

The demo plays them through the same road that a camera takes, and the tests and benchmarks use
them because a film of a real person cannot be shipped. A head is turned by shifting pixels as if
they lay on an ellipsoid with a nose (``HEAD``), so up to about 25 degrees it looks like a turned
head; ears and hidden sides are invented by nobody and simply stretch.

    person = portrait(pixels, landmarks)
    frames = film(person, through(passing_by(seed=1)), seed=1)  # facegate.scenes
    write_film(Path("clip.mp4"), frames, fps=15)      # facegate.capture.film_writer
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegate.capture.opencv import quiet_cv2
from facegate.models.values import Floats, Pixels

SIZE = (640, 480)  # width, height: what most cameras give unasked

# The ellipsoid in units of the eye distance: half width, half height, half depth; where its
# centre lies below the eyes, and how far the nose stands out of it. A head of 150 x 220 mm with
# 63 mm between the eyes.
HEAD = (1.19, 1.75, 1.35)
CENTRE_BELOW_EYES = 0.45
NOSE_OUT, NOSE_BELOW_EYES = 0.30, 0.57


@dataclass(frozen=True, slots=True)
class Portrait:
    """A photograph of one person, with the face's landmarks.

    Attributes:
        pixels: uint8 (H, W, 3) RGB.
        landmarks: float32 (5, 2), as ``Face.landmarks``.
    """

    pixels: Pixels
    landmarks: Floats


@dataclass(frozen=True, slots=True)
class Shot:
    """How one frame is taken. Angles in degrees as in ``facegate.quality.Pose``.

    Attributes:
        yaw: positive turns the head to the image's right.
        pitch: positive turns the head up.
        roll: positive leans it clockwise.
        eyes_px: distance between the eyes in the frame, in pixels.
        x: where the face stands, 0 at the left edge of the frame, 1 at the right.
        y: the same from top to bottom.
        light: exposure; 1 as in the portrait, 0.3 dark, 1.8 too bright.
        side: light from one side, -1 (left) to 1 (right).
        blur_px: standard deviation of a soft focus, in pixels of the frame.
        motion_px: length of a sideways smear, in pixels of the frame.
        noise: standard deviation of sensor noise in grey levels.
        jpeg: quality of the frame's own compression, 1 to 100.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    eyes_px: float = 70.0
    x: float = 0.5
    y: float = 0.45
    light: float = 1.0
    side: float = 0.0
    blur_px: float = 0.0
    motion_px: float = 0.0
    noise: float = 2.0
    jpeg: float = 85.0


def portrait(pixels: Pixels, landmarks: Floats, *, margin: float = 0.6) -> Portrait:
    """Return a portrait with a soft backdrop around it, so that a wide frame has no bare edge.

    Args:
        pixels: uint8 (H, W, 3) RGB.
        landmarks: float32 (5, 2) in those pixels.
        margin: width of the backdrop on each side, as a share of the portrait's longer side.
    """
    cv2 = quiet_cv2()

    pad = round(max(pixels.shape[:2]) * margin)
    wide = cv2.copyMakeBorder(pixels, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
    soft = cv2.GaussianBlur(wide, (0, 0), pad / 8)
    inside = np.zeros(wide.shape[:2], np.float32)
    inside[pad:-pad, pad:-pad] = 1.0
    share = np.clip(cv2.GaussianBlur(inside, (0, 0), pad / 20) * 2 - 1, 0, 1)[:, :, None]
    mixed = (wide * share + soft * (1 - share)).astype(np.uint8)
    return Portrait(np.ascontiguousarray(mixed), np.asarray(landmarks, np.float32) + pad)


def take(person: Portrait, shot: Shot, *, seed: int, size: tuple[int, int] = SIZE) -> Pixels:
    """Return one frame, uint8 (height, width, 3) RGB; the same for the same arguments."""
    cv2 = quiet_cv2()

    width, height = size
    turned = turn(person, shot.yaw, shot.pitch)
    frame = cv2.warpAffine(
        turned,
        _placement(person.landmarks, shot, size),
        size,
        flags=cv2.INTER_AREA if shot.eyes_px < _eyes(person.landmarks) else cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    lit = frame.astype(np.float32) * shot.light
    if shot.side:
        ramp = np.linspace(-1.0, 1.0, width, dtype=np.float32) * shot.side
        lit *= (1.0 + 0.7 * ramp)[None, :, None]
    if shot.blur_px > 0.05:
        lit = cv2.GaussianBlur(lit, (0, 0), shot.blur_px)
    if shot.motion_px >= 2:
        lit = cv2.blur(lit, (round(shot.motion_px), 1))
    if shot.noise > 0:
        rng = np.random.default_rng(seed)
        lit += rng.standard_normal((height, width, 1), np.float32) * shot.noise
    pixels = np.clip(lit, 0, 255).astype(np.uint8)
    done, packed = cv2.imencode(
        ".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(shot.jpeg)]
    )
    if not done:
        raise ValueError("the frame could not be compressed")
    return np.ascontiguousarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[:, :, ::-1])


def film(
    person: Portrait, shots: Iterable[Shot], *, seed: int, size: tuple[int, int] = SIZE
) -> Iterator[Pixels]:
    """Yield one frame a shot, each with noise of its own."""
    for i, shot in enumerate(shots):
        yield take(person, shot, seed=seed * 100_003 + i, size=size)


def turn(person: Portrait, yaw: float, pitch: float) -> Pixels:
    """Return the portrait with its head turned, the rest of the picture in place.

    Each pixel of the face gets the depth of the ellipsoid (and nose) there and is shifted as its
    point would be; the shift fades to nothing around the head, so that no edge tears.
    """
    cv2 = quiet_cv2()

    if abs(yaw) < 0.05 and abs(pitch) < 0.05:
        return person.pixels
    left, top, right, bottom = _reach(person)
    part = person.pixels[top:bottom, left:right]
    landmarks = person.landmarks - np.array([left, top], np.float32)
    height, width = part.shape[:2]
    # The shift is smooth, so it is computed on a coarse grid and enlarged.
    step = max(1.0, _eyes(landmarks) / 16)
    rows, columns = math.ceil(height / step), math.ceil(width / step)
    grid_x, grid_y = np.meshgrid(
        (np.arange(columns, dtype=np.float32) + 0.5) * (width / columns) - 0.5,
        (np.arange(rows, dtype=np.float32) + 0.5) * (height / rows) - 0.5,
    )
    shift_x, shift_y = np.zeros_like(grid_x), np.zeros_like(grid_y)
    # It is known where a point starts, and wanted where it ends: found by repeating. The slope
    # of the shift stays below 1 up to 25 degrees, so this converges.
    for _ in range(8):
        shift_x, shift_y = _shift(landmarks, grid_x - shift_x, grid_y - shift_y, yaw, pitch)
    full = (width, height)
    map_x = np.arange(width, dtype=np.float32)[None, :] - cv2.resize(shift_x, full)
    map_y = np.arange(height, dtype=np.float32)[:, None] - cv2.resize(shift_y, full)
    turned = person.pixels.copy()
    turned[top:bottom, left:right] = cv2.remap(
        part, map_x, map_y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
    )
    return turned


def _reach(person: Portrait) -> tuple[int, int, int, int]:
    """Return the part of a portrait that a turn moves: left, top, right, bottom."""
    unit = _eyes(person.landmarks)
    height, width = person.pixels.shape[:2]
    x, y = person.landmarks[:2].mean(axis=0)
    y += CENTRE_BELOW_EYES * unit
    half_x, half_y = 2.2 * HEAD[0] * unit, 2.2 * HEAD[1] * unit
    return (
        max(0, int(x - half_x)),
        max(0, int(y - half_y)),
        min(width, int(x + half_x)),
        min(height, int(y + half_y)),
    )


def _shift(
    landmarks: Floats, x: Floats, y: Floats, yaw: float, pitch: float
) -> tuple[Floats, Floats]:
    """Return how far each point of a portrait moves when its head turns, in pixels."""
    unit = _eyes(landmarks)
    left, right = landmarks[0].astype(np.float64), landmarks[1].astype(np.float64)
    eyes = (left + right) / 2
    tilt = math.atan2(*(right - left)[::-1])
    cos, sin = math.cos(tilt), math.sin(tilt)
    dx, dy = (x - eyes[0]) / unit, (y - eyes[1]) / unit
    across, down = dx * cos + dy * sin, -dx * sin + dy * cos - CENTRE_BELOW_EYES
    half_width, half_height, half_depth = HEAD
    radius = (across / half_width) ** 2 + (down / half_height) ** 2
    # A square root is vertical at the rim; the softened one ends in a gentle slope.
    depth = half_depth * np.sqrt(np.logaddexp(0.0, 8.0 * (1.0 - radius)) / 8.0)
    nose = (across / 0.28) ** 2 + ((down + CENTRE_BELOW_EYES - NOSE_BELOW_EYES) / 0.33) ** 2
    depth = depth + NOSE_OUT * np.exp(-nose)
    depth -= half_depth * 0.75  # turn about an axis inside the head, or the face leaves its place
    fade = 1.0 / (1.0 + np.exp((np.sqrt(radius) - 1.45) * 9.0))
    a, b = math.radians(yaw), math.radians(pitch)
    seen_across = across * math.cos(a) + depth * math.sin(a)
    behind = -across * math.sin(a) + depth * math.cos(a)
    seen_down = down * math.cos(b) - behind * math.sin(b)
    move_across, move_down = (seen_across - across) * fade, (seen_down - down) * fade
    shift_x = (move_across * cos - move_down * sin) * unit
    shift_y = (move_across * sin + move_down * cos) * unit
    return shift_x.astype(np.float32), shift_y.astype(np.float32)


def _eyes(landmarks: Floats) -> float:
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))


def _placement(landmarks: Floats, shot: Shot, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the affine map (2, 3) that puts a portrait's face where the shot wants it."""
    scale = shot.eyes_px / _eyes(landmarks)
    angle = math.radians(shot.roll)
    turn_by = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    face = landmarks.mean(axis=0).astype(np.float64)
    target = np.array([shot.x * size[0], shot.y * size[1]])
    return np.column_stack([turn_by, target - turn_by @ face])
