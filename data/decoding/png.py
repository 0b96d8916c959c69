"""The chunks of a PNG: is it an animation, what is it without one, and are there too many?

Pillow warns about damaged animation chunks through the ``warnings`` module, which cannot be
silenced safely while other threads run; so it never sees any. It also unpacks every text and
colour profile, up to 1 MB each. Source: the PNG specification, 3rd edition, sections 5.3 and 11.3.
"""

import struct
from collections.abc import Iterator

_ANIMATION = (b"acTL", b"fcTL", b"fdAT")
_COMPRESSED = (b"iCCP", b"iTXt", b"zTXt")
_MAX_CHUNKS = 50_000  # 20 MB of pixels in pieces of 400 bytes
_MAX_COMPRESSED = 100


def n_frames(contents: bytes) -> int:
    """Return how many frames a PNG announces before its image data; 1 if that is damaged."""
    for name, start, end in _chunks(contents):
        if name == b"IDAT":
            break
        if name == b"acTL" and start + 20 <= end <= len(contents):
            (n,) = struct.unpack_from(">I", contents, start + 8)
            if 1 <= n < 1 << 31:
                return int(n)
    return 1


def without_animation(contents: bytes) -> bytes:
    """Return a PNG without the chunks of an animation.

    Raises:
        ValueError: it holds so many chunks that reading them takes an unreasonable time.
    """
    kept, n_dropped, n_compressed = [contents[:8]], 0, 0
    for name, start, end in _chunks(contents):
        n_compressed += name in _COMPRESSED
        if name in _ANIMATION:
            n_dropped += 1
        else:
            kept.append(contents[start:end])
        if len(kept) + n_dropped > _MAX_CHUNKS or n_compressed > _MAX_COMPRESSED:
            raise ValueError("too many chunks")
    return b"".join(kept) if n_dropped else contents


def _chunks(contents: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, start and end of each chunk; the last may be cut off."""
    start = 8
    while start + 8 <= len(contents):
        length, name = struct.unpack_from(">I4s", contents, start)
        end = start + 12 + length
        yield name, start, end
        start = end
