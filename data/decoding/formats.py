"""Tell an image's format by its first bytes, never by the ending of its name."""

import struct

from facegate.errors import ImageError

FORMATS = ("JPEG", "PNG", "WebP")
"""The formats that facegate reads; HEIC comes with the package pillow-heif."""

SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".heic", ".heif"))
"""The usual endings of photographs that facegate reads, in lower case."""

OTHER_SUFFIXES = frozenset(
    (
        ".avif",
        ".bmp",
        ".cr2",
        ".dng",
        ".gif",
        ".ico",
        ".jp2",
        ".jxl",
        ".nef",
        ".psd",
        ".tif",
        ".tiff",
    )
)
"""Endings of images that are refused with advice rather than passed over."""

HEADER_BYTES = 512
"""As many first bytes as ``format_of`` looks at."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),  # and most cameras' raw files
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"8BPS", "PSD"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\2\0", "ICO"),
    (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM"),
)
_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_IMAGES = frozenset((*FORMATS, "HEIC", "AVIF", "GIF", "TIFF", "BMP", "PSD", "JPEG 2000", "JPEG XL"))
VIDEOS = frozenset(("AVI", "MP4 or QuickTime", "Matroska or WebM"))
"""Formats of films, which a camera's place can take."""


def format_of(first: bytes) -> str:
    """Return the name of the format that these first bytes of a file begin, or "" if unknown.

    Besides images the names are those of a few things people hand in by mistake: "web page",
    "text", films and archives.
    """
    for signature, name in _SIGNATURES:
        if first.startswith(signature):
            return name
    if first[:2] == b"BM" and first[6:10] == bytes(4):
        return "BMP"
    if first[:4] == b"RIFF":
        return {b"WEBP": "WebP", b"AVI ": "AVI"}.get(first[8:12], "")
    if first[4:8] == b"ftyp":
        return _format_of_box(first)
    return _format_of_text(first[:HEADER_BYTES])


def is_image(name: str) -> bool:
    """Return whether a format's name is that of an image worth naming when it is refused."""
    return name in _IMAGES


def _format_of_box(first: bytes) -> str:
    """Tell HEIC, AVIF and films apart: all begin with a box of brands (ISO/IEC 14496-12)."""
    (size,) = struct.unpack(">I", first[:4])
    brands = [first[8:12], *(first[i : i + 4] for i in range(16, min(size, len(first)) - 3, 4))]
    if _AVIF_BRANDS.intersection(brands):
        return "AVIF"
    if _HEIC_BRANDS.intersection(brands):
        return "HEIC"
    return "MP4 or QuickTime"


def _format_of_text(first: bytes) -> str:
    try:
        text = first.decode("utf-8", "strict" if len(first) < HEADER_BYTES else "ignore")
    except UnicodeDecodeError:
        return ""
    if not text or any(letter < " " and letter not in "\t\n\r\f\x1b" for letter in text):
        return ""
    start = text.lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "web page"
    return "SVG" if start.startswith("<svg") or "<svg" in start else "text"


def webp_size(contents: bytes) -> tuple[int, int] | None:
    """Return width and height of a WebP's canvas from its header, or None if it is damaged.

    Pillow makes the decoder, which allocates the canvas, before it tells the size.
    Source: RFC 9649.
    """
    kind = contents[12:16]
    try:
        if kind == b"VP8X":
            low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", contents, 24)
            return (low_w | high_w << 16) + 1, (low_h | high_h << 16) + 1
        if kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", contents, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", contents, 26)
            return width & 0x3FFF, height & 0x3FFF
    except struct.error:
        return None
    return None


def refusal(kind: str, shown: str) -> ImageError:
    """Return the error for a file of a format that is not read, saying what to do instead."""
    convert = "convert it to JPEG or PNG"
    if kind == "HEIC":
        return ImageError(
            f"{shown} is a HEIC image, which needs the optional package pillow-heif",
            hint=f"install it (facegate[heic]), or {convert}",
        )
    if kind in VIDEOS:
        return ImageError(
            f"{shown} is a video ({kind}), not a photograph",
            hint="save one frame of it as JPEG or PNG",
        )
    if kind == "web page":
        return ImageError(
            f"{shown} is a web page, not an image", hint="save the image itself, not its page"
        )
    if kind == "text":
        return ImageError(f"{shown} is text, not an image", hint="give a JPEG, PNG or WebP file")
    if kind:
        article = "an" if kind[0] in "AEI" else "a"
        return ImageError(
            f"{shown} is {article} {kind} file, which facegate does not read", hint=convert
        )
    return ImageError(
        f"{shown} is no image that facegate reads", hint="give a JPEG, PNG or WebP file"
    )


def animated(kind: str, shown: str) -> ImageError:
    """Return the error for an animation."""
    return ImageError(
        f"{shown} is an animated {kind}: a video, not a photograph",
        hint="save one frame of it as JPEG or PNG",
    )
