"""The screen of a guided enrolment: box, pose ring, instruction, what is kept so far."""

from collections.abc import Sequence

import numpy as np

from facegate.capture.opencv import quiet_cv2
from facegate.draw.lettering import lettering
from facegate.draw.shapes import (
    BLUE,
    GREEN,
    ORANGE,
    QUIET,
    WHITE,
    Colour,
    arc,
    brackets,
    dot,
    panel,
    picture,
    pointer,
    write,
)
from facegate.guide.advice import DIRECTIONS, Advice, Direction
from facegate.models.values import Face, Pixels

LIGHT: Colour = (210, 216, 226)
HEIGHT = 540  # of the screen; the picture is scaled to it
SIDE = 190
LOOKS = 96  # at the foot of the side, for the list of looks
# Where each direction lies on the ring, in degrees as ``arc`` counts them, for a mirror picture:
# the person's own left is on the left.
PARTS = {
    Direction.LEFT: (145.0, 215.0),
    Direction.UP: (235.0, 305.0),
    Direction.RIGHT: (325.0, 395.0),
    Direction.DOWN: (55.0, 125.0),
}


def enrolment_screen(
    pixels: Pixels,
    advice: Advice,
    *,
    name: str,
    face: Face | None,
    kept: Sequence[Pixels],
    slots: int,
) -> Pixels:
    """Return the screen for one frame, mirrored as people expect to see themselves.

    Args:
        pixels: the frame, uint8 (H, W, 3) RGB, not mirrored.
        advice: what the coach said to it.
        name: who is enrolled.
        face: the largest face, in the frame's pixels, or None.
        kept: crops of the frames kept so far, the best first.
        slots: how many will be kept at most.

    Returns:
        uint8 (540, W', 3) RGB.
    """
    cv2 = quiet_cv2()
    scale = HEIGHT / pixels.shape[0]
    width = round(pixels.shape[1] * scale)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shown = cv2.resize(pixels, (width, HEIGHT), interpolation=way)[:, ::-1]
    screen: Pixels = np.full((HEIGHT, width + SIDE, 3), (24, 28, 36), np.uint8)
    screen[:, :width] = shown
    part = screen[:, :width]
    if face is not None:
        x1, y1, x2, y2 = (float(v) * scale for v in face.box)
        colour = ORANGE if advice.refused else GREEN if advice.kept is not None else LIGHT
        brackets(part, (width - x2, y1, width - x1, y2), colour, 2)
        _ring(part, (width - (x1 + x2) / 2, (y1 + y2) / 2), 0.72 * (y2 - y1), advice)
    _instruction(part, advice)
    _side(screen[:, width:], advice, name, kept, slots)
    return screen


def _ring(part: Pixels, centre: tuple[float, float], radius: float, advice: Advice) -> None:
    """Draw the four turns round the face, and where the head points now."""
    thickness = max(3, round(radius / 28))
    for direction, degrees in PARTS.items():
        colour, width = LIGHT, max(2, thickness // 2)
        if direction in advice.covered:
            colour, width = GREEN, thickness
        elif direction is advice.wanted:
            colour, width = ORANGE, thickness
            pointer(part, centre, 1.08 * radius, sum(degrees) / 2, ORANGE)
        arc(part, centre, radius, degrees, colour, width)
    if advice.pose is not None:
        reach = 0.98 * radius
        x = centre[0] - np.clip(advice.pose.yaw / 28, -1, 1) * reach
        y = centre[1] - np.clip(advice.pose.pitch / 24, -1, 1) * reach
        dot(part, (float(x), float(y)), thickness * 1.3, WHITE)


def _instruction(part: Pixels, advice: Advice) -> None:
    """Write what to do, large, on a plate at the lower edge."""
    letters = 24
    mask = lettering(advice.text, letters, bold=True, max_width=part.shape[1] - 80)
    width, height = mask.shape[1] + 48, mask.shape[0] + 22
    x, y = (part.shape[1] - width) // 2, part.shape[0] - height - 18
    edge = GREEN if advice.state == "done" else ORANGE if advice.refused else BLUE
    panel(part, (x - 2, y - 2, x + width + 2, y + height + 2), edge, 0.95, radius=16)
    panel(part, (x, y, x + width, y + height), alpha=0.96, radius=14)
    room = part.shape[1] - 80
    write(part, advice.text, x + 24, y + 11, letters, bold=True, max_width=room)


def _side(side: Pixels, advice: Advice, name: str, kept: Sequence[Pixels], slots: int) -> None:
    """Draw the name, the progress and the kept faces."""
    left, inner = 16, side.shape[1] - 32
    write(side, "Enrolling", left, 14, 14, QUIET)
    write(side, name, left, 32, 19, bold=True, max_width=inner)
    panel(side, (left, 66, left + inner, 74), (58, 66, 80), 1.0, radius=4)
    done = round(inner * min(max(advice.progress, 0.0), 1.0))
    if done >= 8:
        panel(side, (left, 66, left + done, 74), GREEN, 1.0, radius=4)
    write(side, f"{min(len(kept), slots)} of {slots} kept", left, 84, 14, QUIET)
    size, gap = (inner - 10) // 2, 10
    for i in range(slots):
        x = left + (i % 2) * (size + gap)
        y = 112 + (i // 2) * (size + gap)
        if y + size > side.shape[0] - LOOKS:
            break
        if i < len(kept):
            picture(side, kept[i], (x, y, x + size, y + size), radius=8)
        else:
            panel(side, (x, y, x + size, y + size), (40, 46, 58), 1.0, radius=8)
    _looks(side, advice, left)


def _looks(side: Pixels, advice: Advice, left: int) -> None:
    """List the looks: done, asked for, to come."""
    top = side.shape[0] - LOOKS + 10
    for i, direction in enumerate(DIRECTIONS):
        mark, colour = "·", QUIET
        if direction in advice.covered:
            mark, colour = "✓", GREEN
        elif direction is advice.wanted:
            mark, colour = "→", ORANGE
        x, y = left + (i % 2) * 84, top + (i // 2) * 26
        write(side, mark, x, y, 15, colour, bold=True)
        write(side, direction.value, x + 18, y, 14, WHITE if colour != QUIET else QUIET)
