"""The chunks of a PNG: is it an animation, and what is it without one?

Pillow warns about damaged animation chunks through the ``warnings`` module, which cannot be
silenced safely while other threads run; so it never sees any. Source: the PNG specification, 3rd
edition, sections 5.3 and 11.3.6.
"""

import struct
from collections.abc import Iterator

_ANIMATION = (b"acTL", b"fcTL", b"fdAT")


def n_frames(contents: bytes) -> int:
    """Return how many frames a PNG announces before its image data; 1 if that is damaged."""
    for name, start, _ in _chunks(contents):
        if name == b"IDAT":
            break
        if name == b"acTL" and start + 12 <= len(contents):
            (n,) = struct.unpack_from(">I", contents, start + 8)
            if 1 <= n < 1 << 31:
                return int(n)
    return 1


def without_animation(contents: bytes) -> bytes:
    """Return a PNG without the chunks of an animation."""
    chunks = list(_chunks(contents))
    if all(name not in _ANIMATION for name, _, _ in chunks):
        return contents
    kept = [contents[start:end] for name, start, end in chunks if name not in _ANIMATION]
    return contents[:8] + b"".join(kept)


def _chunks(contents: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, start and end of each chunk; the last may be cut off."""
    start = 8
    while start + 8 <= len(contents):
        length, name = struct.unpack_from(">I4s", contents, start)
        end = start + 12 + length
        yield name, start, end
        start = end
