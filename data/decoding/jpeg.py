"""Refuse JPEGs that are built to keep their decoder busy.

A progressive JPEG may hold any number of scans over the whole picture: one of 50 megapixels takes
45 bytes a scan, so a file of 20 MB could keep libjpeg busy for an hour. Pillow in turn reads what
comes before the first scan segment by segment in Python, and what lies between them byte by byte.
Source: ITU-T T.81, annex B.
"""

import re

_MAX_SCANS = 100
_MAX_SCANNED = 1_000_000_000  # pixels times scans: 20 of 50 megapixels; encoders write about 10
_MAX_SEGMENTS = 2000  # the largest colour profiles and XMP packets take a few hundred
_MAX_JUNK = 1 << 16  # bytes between segments

# A marker that begins a segment: neither a stuffed zero nor a restart or start of image.
_SEGMENT = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9


def check_scans(n_scans: int, size: tuple[int, int]) -> None:
    """Raise ValueError if a JPEG of this width and height has too many scans for its size."""
    if n_scans > _MAX_SCANS or n_scans * size[0] * size[1] > _MAX_SCANNED:
        raise ValueError(f"{n_scans} scans")


def count_scans(contents: bytes) -> int:
    """Return the number of scans of a JPEG's first picture; more than 100 are not counted.

    Raises:
        ValueError: what comes before the first scan would take Pillow an unreasonable time.
    """
    at, n_segments, n_scans, junk = 2, 0, 0, 0
    while match := _SEGMENT.search(contents, at):
        code = contents[match.start() + 1]
        if not n_scans:  # between scans lie the compressed pixels
            junk += match.start() - at
            n_segments += 1
        elif code == _END_OF_IMAGE:
            break
        n_scans += code == _START_OF_SCAN
        if n_segments > _MAX_SEGMENTS or junk > _MAX_JUNK:
            raise ValueError("too much before its first pixel")
        if n_scans > _MAX_SCANS:
            break
        at = match.end()
        if code != _END_OF_IMAGE:
            at += int.from_bytes(contents[at : at + 2], "big")
    if not n_scans and len(contents) - at > _MAX_JUNK:
        raise ValueError("no pixels")
    return n_scans
