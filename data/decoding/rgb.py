"""Bring whatever an image's pixels are into RGB, as a viewer on white paper would show them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

_WITH_ALPHA = frozenset(("RGBA", "RGBa", "LA", "La", "PA"))
# Value v of 16 bits is v / 257 of 8 bits, rounded: 65535 becomes 255.
_EIGHT_BITS = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


def rgb_pixels(image: Image.Image) -> Pixels:
    """Return a loaded image as uint8 (H, W, 3) in RGB, transparent parts on white.

    Colour profiles are not applied. 16-bit grey is scaled, where Pillow's own conversion saturates.
    """
    if image.mode.startswith("I;16"):
        return _from_sixteen_bits(image)
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        image = _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"), np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def _from_sixteen_bits(image: Image.Image) -> Pixels:
    values = np.asarray(image).astype(np.uint16)  # of either byte order
    grey = _EIGHT_BITS[values]
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return np.repeat(grey[..., None], 3, axis=2)
