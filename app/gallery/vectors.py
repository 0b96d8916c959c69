"""How an embedding lies in the file, and how a flipped bit in it is found.

SQLite's own integrity check looks at the structure of pages, not at what a blob holds.
"""

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facegate.models.values import Floats

UNIT_TOLERANCE = 1e-3


def encode(embedding: "Floats") -> bytes:
    """Return an embedding's bytes: little-endian float32."""
    return embedding.astype("<f4").tobytes()


def checksum(model_id: str, sample_id: int, vec: bytes) -> int:
    """Return the CRC-32 of a template and of what it belongs to. It is for accidents."""
    return zlib.crc32(vec, zlib.crc32(f"{model_id}\0{sample_id}\0".encode()))


def fault(rows: "NDArray[Any]", dim: int | None) -> str | None:
    """Return why an array cannot be templates, or None where it can.

    Args:
        rows: what should be float (N, dim) with finite rows of unit length.
        dim: the gallery's number of dimensions, or None where it has none yet.
    """
    import numpy as np

    if rows.ndim != 2 or (dim is not None and rows.shape[1] != dim):
        wanted = "D" if dim is None else dim
        return f"embeddings must have shape (N, {wanted}), got {tuple(rows.shape)}"
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    # A NaN fails every comparison, so the good ones are asked for.
    good = np.abs(norms - 1.0) <= UNIT_TOLERANCE
    if not good.all():
        bad = int(np.flatnonzero(~good)[0])
        return f"embedding {bad} is not finite and of unit length (norm {norms[bad]:g})"
    return None


def decode(
    rows: Sequence[tuple[int, bytes, int]], model_id: str, dim: int
) -> "tuple[Floats, NDArray[np.bool_]]":
    """Turn stored templates into a matrix.

    Args:
        rows: sample id, bytes and checksum of each template.

    Returns:
        float32 (N, dim), and which of its rows are whole: their checksum agrees, and they are
        finite and of unit length. The other rows are zero.
    """
    import numpy as np

    whole = np.fromiter(
        (
            len(vec) == 4 * dim and checksum(model_id, sample_id, vec) == crc
            for sample_id, vec, crc in rows
        ),
        dtype=np.bool_,
        count=len(rows),
    )
    blank = bytes(4 * dim)
    joined = b"".join(vec if good else blank for (_, vec, _), good in zip(rows, whole, strict=True))
    matrix = np.frombuffer(joined, "<f4").reshape(len(rows), dim).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.linalg.norm(matrix, axis=1)
        whole &= np.abs(norms - 1.0) <= UNIT_TOLERANCE
    matrix[~whole] = 0.0
    return matrix, whole
