"""Turn the bytes of an image into upright RGB pixels, or refuse them with a reason."""

import importlib.util
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from facegate.data.decoding import jpeg, png
from facegate.data.decoding.formats import (
    FORMATS,
    HEADER_BYTES,
    animated,
    format_of,
    refusal,
    webp_size,
)
from facegate.data.decoding.orientation import orientation, turn_upright
from facegate.data.decoding.rgb import Pixels, rgb_pixels
from facegate.errors import ImageError

_SHORT_SIDE = 1600  # pixels; a JPEG may be decoded smaller as long as this many are left

# What Pillow raises on damage. Most come from its own checks; the last ones from chunks and
# tables that are shorter than their readers expect.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    zlib.error,
    RuntimeError,  # pillow-heif
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an image's header is held against before anything is decoded.

    Attributes:
        max_pixels, max_side, min_side: in pixels.
        full_size: decode a large JPEG whole.
    """

    max_pixels: int
    max_side: int
    min_side: int
    full_size: bool = False

    def check(self, size: tuple[int, int], shown: str) -> None:
        """Raise ImageError unless width and height are within the limits."""
        width, height = size
        if min(size) < self.min_side:
            raise ImageError(
                f"{shown} has {width} x {height} pixels, too few to show a face",
                hint=f"give a photograph with at least {self.min_side} pixels a side",
                code="too_small",
            )
        if max(size) > self.max_side or width * height > self.max_pixels:
            raise ImageError(
                f"{shown} has {width} x {height} pixels; the limit is {self.max_side} a side "
                f"and {self.max_pixels / 1e6:g} million in all",
                hint="save it smaller",
                code="image_too_large",
            )


class Decoded(NamedTuple):
    """Upright pixels (H, W, 3), read-only, and the full upright size in pixels."""

    pixels: Pixels
    width: int
    height: int


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """The first picture of a JPEG, also of a phone's multi-picture one.

    Pillow looks for the resolution in EXIF while opening, and its parser warns about damage.
    """

    def getexif(self) -> Image.Exif:
        """Return no EXIF."""
        return Image.Exif()


def decode(contents: bytes, shown: str, limits: Limits) -> Decoded:
    """Return the upright RGB pixels of a file's contents.

    Args:
        contents: the file, not empty.
        shown: what to call it in messages.
        limits: checked on the header before anything is decoded.

    Raises:
        ImageError: with the reason.
    """
    kind = format_of(contents[:HEADER_BYTES])
    if kind not in FORMATS and not (kind == "HEIC" and _reads_heic()):
        raise refusal(kind, shown)
    with _one_error(kind, shown):
        if kind == "HEIC":
            # Its decoder turns the picture itself; what EXIF says was true before that.
            return _decoded(_open_heic(contents, shown, limits), 1)
        image = _open(kind, contents, shown, limits)
        full = image.size
        if kind == "JPEG" and not limits.full_size:
            _draft(image)
        image.load()
        return _decoded(image, stated_orientation(image), full)


def decode_pil(image: Image.Image, shown: str, limits: Limits) -> Decoded:
    """Return the upright RGB pixels of a caller's PIL image; the image itself stays as it is.

    Raises:
        ImageError: with the reason.
    """
    limits.check(image.size, shown)
    if image.mode in ("I", "F"):
        raise ImageError(
            f"{shown} is a PIL image of mode {image.mode}, whose range of values is not known",
            hint="convert it to 8 bits",
        )
    with _one_error(image.format or "PIL image", shown):
        image.load()
        return _decoded(image, stated_orientation(image))


def decode_array(array: NDArray[np.uint8], shown: str, limits: Limits) -> Decoded:
    """Return a copy of a caller's array, uint8 (H, W, 3) in RGB or (H, W) in grey.

    Raises:
        ImageError: another shape or type, too large or too small.
    """
    is_grey = array.ndim == 2
    if array.dtype != np.uint8 or not (is_grey or (array.ndim == 3 and array.shape[2] == 3)):
        shape = " x ".join(str(n) for n in array.shape) or "a single value"
        raise ImageError(
            f"{shown} is an array of {array.dtype}, {shape}",
            hint="give uint8, height x width x 3 in RGB (OpenCV's BGR reversed) or height x width",
        )
    limits.check((array.shape[1], array.shape[0]), shown)
    pixels = np.repeat(array[..., None], 3, axis=2) if is_grey else np.array(array, order="C")
    pixels.setflags(write=False)
    return Decoded(pixels, pixels.shape[1], pixels.shape[0])


def stated_orientation(image: Image.Image) -> int:
    """Return the orientation 1 to 8 that a loaded image's EXIF or XMP states, else 1."""
    exif = image.info.get("exif", b"")
    raw = image.info.get("Raw profile type exif")  # ImageMagick's way of putting EXIF into PNG
    if not exif and isinstance(raw, str):
        try:
            exif = bytes.fromhex("".join(raw.split("\n")[3:]))
        except ValueError:
            exif = b""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    return orientation(*(block if isinstance(block, bytes) else b"" for block in (exif, xmp)))


def _decoded(image: Image.Image, stated: int, full: tuple[int, int] | None = None) -> Decoded:
    width, height = full or image.size
    pixels = np.ascontiguousarray(turn_upright(rgb_pixels(image), stated))
    pixels.setflags(write=False)
    return Decoded(pixels, height, width) if stated >= 5 else Decoded(pixels, width, height)


@contextmanager
def _one_error(kind: str, shown: str) -> Iterator[None]:
    """Turn all that Pillow raises on damage into an ImageError."""
    try:
        yield
    except MemoryError as error:
        raise ImageError(
            f"{shown} does not fit into memory", hint="save it smaller", code="image_too_large"
        ) from error
    except _DAMAGE as error:
        raise ImageError(
            f"{shown} is damaged, or an unusual kind of {kind}",
            hint="get it again from where it came, or save it anew as JPEG or PNG",
        ) from error


def _open(kind: str, contents: bytes, shown: str, limits: Limits) -> ImageFile.ImageFile:
    """Read the header and check it against the limits.

    The format's own class is called instead of ``Image.open``, which would warn about large
    images by a limit that belongs to the host program.
    """
    image: ImageFile.ImageFile
    if kind == "JPEG":
        n_scans = jpeg.count_scans(contents)
        image = _Jpeg(io.BytesIO(contents))
        limits.check(image.size, shown)
        jpeg.check_scans(n_scans, image.size)
    elif kind == "PNG":
        still = png.without_animation(contents)
        if png.n_frames(contents) > 1:
            raise animated("PNG", shown)
        image = PngImagePlugin.PngImageFile(io.BytesIO(still))
    else:
        size = webp_size(contents)
        if size is None:
            raise SyntaxError("its header is cut off")
        limits.check(size, shown)
        image = WebPImagePlugin.WebPImageFile(io.BytesIO(contents))
        if image.n_frames > 1:
            raise animated("WebP", shown)
    limits.check(image.size, shown)
    return image


def _draft(image: ImageFile.ImageFile) -> None:
    """Have a JPEG decoded at 1/2, 1/4 or 1/8 where its short side stays long enough."""
    short = min(image.size)
    if short > _SHORT_SIDE:
        width, height = (side * _SHORT_SIDE // short for side in image.size)
        image.draft(None, (width, height))


def _reads_heic() -> bool:
    return importlib.util.find_spec("pillow_heif") is not None


def _open_heic(contents: bytes, shown: str, limits: Limits) -> Image.Image:
    """Return a HEIC's primary picture in 8 bits, upright.

    The package's opener is not registered with Pillow: that would change the host program.
    """
    import pillow_heif

    file = pillow_heif.open_heif(contents, convert_hdr_to_8bit=True)
    limits.check(file.size, shown)
    picture: Image.Image = file.to_pillow()
    return picture
