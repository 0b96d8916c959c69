"""Text as a mask of grey levels, in letters of (nearly) every script.

DejaVu Sans comes with matplotlib and has Latin, Greek, Cyrillic, Arabic, Hebrew and more; what it
lacks, Chinese, Japanese and Korean above all, is set in the font built into OpenCV 5.
"""

import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from facegate.capture.opencv import quiet_cv2
from facegate.data.text import printable

Mask = NDArray[np.uint8]


@lru_cache(maxsize=512)
def lettering(text: str, size_px: int, *, bold: bool = False, max_width: int = 0) -> Mask:
    """Return a line of text as uint8 (H, W), 255 where ink is; the height depends on size alone.

    Args:
        text: one line; control characters are escaped.
        size_px: size of the letters.
        bold: heavier letters.
        max_width: longer lines end in an ellipsis; 0 for no limit.
    """
    line = printable(text)
    mask = _set(line, size_px, bold)
    while max_width and mask.shape[1] > max_width and len(line) > 1:
        keep = min(len(line) - 1, int(len(line) * max_width / mask.shape[1]))
        line = line[: max(keep, 1)].rstrip("… ")
        mask = _set(line + "…", size_px, bold)
        if len(line) == 1:
            break
    mask.setflags(write=False)
    return mask


def _set(line: str, size_px: int, bold: bool) -> Mask:
    font = _font(size_px, bold)
    if any(not _has(font, letter) for letter in line):
        return _set_by_opencv(line, size_px, bold)
    ascent, descent = font.getmetrics()
    width = max(1, round(font.getlength(line)) + 2)
    page = Image.new("L", (width, ascent + descent))
    ImageDraw.Draw(page).text((1, 0), line, font=font, fill=255)
    return np.array(page, np.uint8)


def _set_by_opencv(line: str, size_px: int, bold: bool) -> Mask:
    cv2 = quiet_cv2()
    face = cv2.FontFace("uni")
    weight = 600 if bold else 400
    height = sum(_font(size_px, bold).getmetrics())
    page = np.zeros((height, (len(line) + 2) * size_px * 2, 3), np.uint8)
    end, page = cv2.putText(
        page, line, (1, round(size_px * 0.95)), (255, 255, 255), face, size_px, weight
    )
    return np.ascontiguousarray(page[:, : max(1, int(end[0]) + 2), 0])


@lru_cache(maxsize=64)
def _font(size_px: int, bold: bool) -> ImageFont.FreeTypeFont:
    spec = importlib.util.find_spec("matplotlib")
    folder = (
        Path(spec.submodule_search_locations[0])
        if spec and spec.submodule_search_locations
        else Path()
    )
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(folder / "mpl-data" / "fonts" / "ttf" / name, size_px)


@lru_cache(maxsize=4096)
def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Return whether a font has a letter: a missing one looks like an unassigned one."""
    if letter.isspace() or not letter.isprintable():
        return True
    return bytes(font.getmask(letter)) != bytes(font.getmask("\U000fffff"))
