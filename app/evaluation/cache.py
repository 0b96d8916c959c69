"""Embeddings that were computed once, by image and model: what makes an evaluation resumable.

One append-only file a model and road: a header, then records of equal size, each with its own
checksum. A process that is killed leaves at most one record torn, and the next one cuts it off.
"""

import fcntl
import hashlib
import logging
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

from facegate.data.files import write_atomically
from facegate.models.home import home
from facegate.models.values import Floats, frozen

_log = logging.getLogger(__name__)

MAGIC = b"facegate embeddings 1\n"
HEADER = struct.Struct("<24sI36x")  # magic, dimension; 64 bytes
FOUND, NO_FACE, NOT_UPRIGHT = 0, 1, 2

ROAD_SOURCES = (
    "models/*.py",
    "models/detection/*.py",
    "models/inference/*.py",
    "models/nets/*.py",
    "data/images.py",
    "data/decoding/*.py",
    "app/evaluation/road.py",
)
"""What decodes, finds, warps and embeds: a change in any of it makes every cached vector old."""
ROAD_PACKAGES = ("pillow", "opencv-python", "openvino", "facenet-pytorch")


@dataclass(frozen=True, slots=True, eq=False)
class Cached:
    """What is known of one image: an embedding, or why there is none."""

    status: int
    embedding: Floats | None


class EmbeddingCache:
    """Embeddings of one model over one road, in memory and on disk.

    Args:
        model_id: of the model.
        variant: what else changes embeddings, such as ``photo`` or ``aligned``.
        dim: length of an embedding.
        folder: where the files lie; ``$FACEGATE_HOME/cache/embeddings`` where None.

    Several processes may share a file: each appends whole records under a lock.
    """

    def __init__(
        self, model_id: str, variant: str, dim: int, *, folder: Path | None = None
    ) -> None:
        place = folder if folder is not None else home() / "cache" / "embeddings"
        self.path = place / f"{model_id}.{variant}-{road_sum()}.bin"
        self.dim = dim
        self._record = struct.Struct(f"<32sB{dim}f")
        self._known: dict[bytes, Cached] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, sha256: str) -> Cached | None:
        """Return what is known of the image with this hex digest, or None."""
        return self._known.get(bytes.fromhex(sha256))

    def add(self, found: Sequence[tuple[str, int, Floats | None]]) -> None:
        """Keep new results: hex digest, status and, with status FOUND, the embedding."""
        records = []
        for sha256, status, embedding in found:
            key = bytes.fromhex(sha256)
            vector = np.zeros(self.dim, np.float32) if embedding is None else embedding
            body = self._record.pack(key, status, *vector.tolist())
            records.append(body + struct.pack("<I", zlib.crc32(body)))
            self._known[key] = Cached(status, None if embedding is None else frozen(embedding))
        if records:
            try:
                self._append(b"".join(records))
            except OSError as error:
                _say_once(f"embeddings are not kept in {self.path.parent} ({error.strerror})")

    @property
    def _size(self) -> int:
        return self._record.size + 4

    def _read(self) -> None:
        try:
            contents = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return
        if contents[: HEADER.size] != self._header():
            self.path.unlink(missing_ok=True)
            return
        for start in range(HEADER.size, len(contents) - self._size + 1, self._size):
            body = contents[start : start + self._record.size]
            (checksum,) = struct.unpack_from("<I", contents, start + self._record.size)
            if zlib.crc32(body) != checksum:
                continue
            key, status = body[:32], body[32]
            vector = np.frombuffer(body, np.float32, offset=33) if status == FOUND else None
            self._known[key] = Cached(status, None if vector is None else frozen(vector))

    def _append(self, records: bytes) -> None:
        if not self.path.is_file():
            write_atomically(self.path, self._header(), mode=0o600)  # faces can be rebuilt
        with self.path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            whole = end - (end - HEADER.size) % self._size
            file.seek(whole)
            file.write(records)
            file.truncate()

    def _header(self) -> bytes:
        return HEADER.pack(MAGIC, self.dim)


@cache
def _say_once(what: str) -> None:
    _log.warning("%s: the next run computes them again", what)


@cache
def road_sum() -> str:
    """Return 8 hex digits over the code and packages between a photograph and its embedding."""
    digest = hashlib.sha256()
    for path in road_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    for package in ROAD_PACKAGES:
        digest.update(f"{package} {metadata.version(package)}".encode())
    return digest.hexdigest()[:8]


def road_files() -> list[Path]:
    """Return the source files between a photograph and its embedding, always in one order."""
    import facegate.data
    import facegate.models

    roots = {
        "models": Path(facegate.models.__file__).parent,
        "data": Path(facegate.data.__file__).parent,
        "app": Path(__file__).parents[1],
    }
    parts = (pattern.split("/", 1) for pattern in ROAD_SOURCES)
    return [path for root, rest in parts for path in sorted(roots[root].glob(rest))]
