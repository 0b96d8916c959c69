"""SHA-256 sums of weight files, remembered for as long as a file stays what it was."""

import hashlib
import json
import logging
import os
from pathlib import Path

from facegate.data.files import write_atomically
from facegate.models.home import home

logger = logging.getLogger(__name__)

_KEPT_SUMS = 256


def fresh_sum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read now: 0.7 s for 94 MB."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_sum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read only when the file changed since the last time.

    A file counts as unchanged while its size, its time of change in nanoseconds and its inode
    are the same. `fresh_sum` is for those who do not want to believe that.
    """
    stamp = _stamp(path)
    known = _read()
    entry = known.get(str(path))
    if isinstance(entry, list) and entry[:-1] == stamp and isinstance(entry[-1], str):
        return entry[-1]
    found = fresh_sum(path)
    if _stamp(path) == stamp:
        _remember(known, path, [*stamp, found])
    return found


def _stamp(path: Path) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _file() -> Path:
    return home() / "cache" / "sums.json"


def _read() -> dict[str, object]:
    try:
        known = json.loads(_file().read_bytes())
    except (OSError, ValueError):
        return {}  # not there yet, or damaged: the sums are computed again
    return known if isinstance(known, dict) else {}


def _remember(known: dict[str, object], path: Path, entry: list[object]) -> None:
    known.pop(str(path), None)
    known[str(path)] = entry
    latest = dict(list(known.items())[-_KEPT_SUMS:])
    try:
        write_atomically(_file(), json.dumps(latest).encode())
    except OSError as error:
        # A home that cannot be written costs time at the next start, nothing else.
        logger.debug("sums are not remembered: %s", error)
