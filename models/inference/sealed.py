"""Files of the cache: parts and their checksum, written whole or not at all."""

import hashlib
import logging
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from facegate.data.files import write_atomically

_log = logging.getLogger(__name__)
_MAGIC = b"FGC1"


def write_sealed(path: Path, parts: Sequence[bytes]) -> None:
    """Keep ``parts`` at ``path``; a disk that takes no cache is only noted, for the net runs."""
    body = struct.pack("<I", len(parts)) + b"".join(
        piece for part in parts for piece in (struct.pack("<Q", len(part)), part)
    )
    try:
        write_atomically(path, _MAGIC + hashlib.sha256(body).digest() + body)
    except OSError as error:
        _say_once(f"nothing can be kept in {path.parent} ({error.strerror or error})")


@cache
def _say_once(what: str) -> None:
    _log.warning("%s: every start will be slower", what)


def read_sealed(path: Path) -> list[bytes] | None:
    """Return the parts that lie at ``path``, or None when it is missing or damaged."""
    try:
        contents = path.read_bytes()
    except OSError:
        return None
    body = memoryview(contents)[36:]
    if contents[:4] != _MAGIC or hashlib.sha256(body).digest() != contents[4:36]:
        return None
    (count,) = struct.unpack_from("<I", body)
    parts, start = [], 4
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", body, start)
        start += 8
        parts.append(bytes(body[start : start + length]))
        start += length
    return parts
