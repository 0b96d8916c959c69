"""Boxes and names on a photograph or a live picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facegate.draw.lettering import lettering
from facegate.draw.shapes import (
    GREEN,
    GREY,
    ORANGE,
    WHITE,
    Colour,
    brackets,
    panel,
    text_size,
    write,
)
from facegate.models.values import Pixels

if TYPE_CHECKING:
    from facegate.data.images import Photo
    from facegate.results import IdentifiedFace

COLOURS: dict[str | None, Colour] = {"match": GREEN, "unknown": ORANGE}


@dataclass(frozen=True, slots=True, eq=False)
class Tag:
    """A box with two lines of text.

    Attributes:
        box: x1, y1, x2, y2 in pixels of the picture.
        title: a name, or ``unknown``.
        detail: score and threshold, or empty.
        colour: of the box.
    """

    box: Sequence[float]
    title: str
    detail: str = ""
    colour: Colour = GREY


def annotated(photo: "Photo", faces: "Iterable[IdentifiedFace]") -> Pixels:
    """Return a copy of a photograph with every face's box, name, score and threshold."""
    tags = [tag_of(face, scale=photo.scale) for face in faces]
    return draw_tags(photo.pixels.copy(), tags)


def tag_of(face: "IdentifiedFace", *, scale: float = 1.0) -> Tag:
    """Return what is drawn for a face.

    Args:
        face: the answer about it, its box in pixels of the full photograph.
        scale: the picture's size as a share of the full photograph.
    """
    title = face.identity.name if face.identity is not None else face.decision or "no decision"
    detail = ""
    if face.score is not None and face.threshold is not None:
        sign = "≥" if face.score >= face.threshold.score else "<"
        detail = f"{face.score:.2f} {sign} {face.threshold.score:.2f}"
    box = [float(v) * scale for v in face.face.box]
    return Tag(box, title, detail, COLOURS.get(face.decision, GREY))


def draw_tags(pixels: Pixels, tags: Sequence[Tag]) -> Pixels:
    """Draw boxes, then texts over them, into uint8 (H, W, 3) RGB pixels; return the same array.

    A text stands above its box, else below, else inside: the first place that is in the picture
    and free.
    """
    letters = text_size(pixels)
    for tag in tags:
        brackets(pixels, tag.box, tag.colour, max(2, letters // 8))
    occupied: list[tuple[int, int, int, int]] = []
    for tag in tags:
        plate = _place(pixels, tag, letters, occupied)
        occupied.append(plate)
        _draw_plate(pixels, tag, plate, letters)
    return pixels


def _draw_plate(pixels: Pixels, tag: Tag, plate: tuple[int, int, int, int], letters: int) -> None:
    x1, y1, x2, y2 = plate
    bar = max(3, letters // 5)
    panel(pixels, plate, radius=letters // 3)
    panel(pixels, (x1, y1, x1 + bar, y2), tag.colour, 1.0, radius=bar // 2)
    x, room = x1 + bar + letters // 2, x2 - x1
    title = lettering(tag.title, letters, bold=True, max_width=_room(pixels))
    write(pixels, tag.title, x, y1 + letters // 4, letters, bold=True, max_width=_room(pixels))
    if tag.detail:
        below = y1 + letters // 4 + title.shape[0]
        write(pixels, tag.detail, x, below, _small(letters), (205, 213, 224), max_width=room)


def _place(
    pixels: Pixels, tag: Tag, letters: int, occupied: Sequence[tuple[int, int, int, int]]
) -> tuple[int, int, int, int]:
    title = lettering(tag.title, letters, bold=True, max_width=_room(pixels))
    detail = lettering(tag.detail, _small(letters)) if tag.detail else np.zeros((0, 0))
    width = max(title.shape[1], detail.shape[1]) + max(3, letters // 5) + letters
    height = title.shape[0] + detail.shape[0] + letters // 2
    picture_height, picture_width = pixels.shape[:2]
    x1, y1, x2, y2 = (round(v) for v in tag.box)
    x = min(max((x1 + x2 - width) // 2, 0), max(picture_width - width, 0))
    gap = max(4, letters // 3)
    places = [y1 - gap - height, y2 + gap, y1 + gap, y2 - gap - height]
    inside = [y for y in places if 0 <= y <= picture_height - height] or [
        min(max(y1 - gap - height, 0), max(picture_height - height, 0))
    ]
    for y in inside:
        plate = (x, y, x + width, y + height)
        if not any(_overlap(plate, other) for other in occupied):
            return plate
    return (x, inside[0], x + width, inside[0] + height)


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _small(letters: int) -> int:
    return max(11, round(letters * 0.8))


def _room(pixels: Pixels) -> int:
    return max(60, int(0.6 * pixels.shape[1]))


def status_line(pixels: Pixels, text: str) -> None:
    """Write a line of small text along the lower edge."""
    letters = max(11, round(text_size(pixels) * 0.75))
    mask = lettering(text, letters, max_width=pixels.shape[1] - 2 * letters)
    height = mask.shape[0] + letters // 2
    bottom = pixels.shape[0]
    panel(pixels, (0, bottom - height, pixels.shape[1], bottom), alpha=0.65, radius=0)
    write(
        pixels,
        text,
        letters,
        bottom - height + letters // 4,
        letters,
        WHITE,
        max_width=pixels.shape[1] - 2 * letters,
    )
