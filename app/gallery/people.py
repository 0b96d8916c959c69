"""Read who is enrolled, and with what. Every function sees the transaction of its caller."""

import logging
import sqlite3
from typing import TYPE_CHECKING, Any

from facegate.errors import UnknownIdentityError
from facegate.gallery import vectors
from facegate.gallery.names import clean_name, name_key, nearest
from facegate.gallery.store import setting
from facegate.gallery.values import MOST, Identity, StoredSample, row_number, utc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facegate.models.values import Floats

logger = logging.getLogger("facegate.gallery")

_IDENTITY = """
SELECT identity.id, identity.uid, identity.name, identity.created,
       (SELECT count(*) FROM sample
        WHERE sample.identity_id = identity.id AND sample.retired_op IS NULL)
FROM identity
"""


def dim(db: sqlite3.Connection) -> int | None:
    """Return the number of dimensions of the gallery's templates; None before the first."""
    row = db.execute(
        "SELECT dim FROM model WHERE model_id = (SELECT value FROM setting WHERE key = 'model')"
    ).fetchone()
    return row[0] if row else None


def count(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many identities and how many templates there are."""
    people: int = db.execute("SELECT count(*) FROM identity WHERE retired_op IS NULL").fetchone()[0]
    samples: int = db.execute("SELECT count(*) FROM sample WHERE retired_op IS NULL").fetchone()[0]
    return people, samples


def find(db: sqlite3.Connection, name: str) -> Identity | None:
    """Return the identity of this name, or None."""
    found = db.execute(
        f"{_IDENTITY} WHERE identity.name_key = ? AND identity.retired_op IS NULL",
        (name_key(clean_name(name)),),
    ).fetchone()
    return _identity(found) if found else None


def get(db: sqlite3.Connection, name: str) -> Identity:
    """Return the identity of this name.

    Raises:
        UnknownIdentityError: nobody has it; the hint names the one most like it.
    """
    found = find(db, name)
    if found is not None:
        return found
    names = db.execute("SELECT name FROM identity WHERE retired_op IS NULL ORDER BY id")
    near = nearest(name, [row[0] for row in names])
    hint = f"did you mean {near!r}?" if near else "see 'facegate gallery list'"
    raise UnknownIdentityError(f"nobody is enrolled as {clean_name(name)!r}", hint=hint)


def by_id(db: sqlite3.Connection, identity_id: int) -> Identity | None:
    """Return an identity by its number, also a retired one; None after it was erased."""
    row = db.execute(f"{_IDENTITY} WHERE identity.id = ?", (identity_id,)).fetchone()
    return _identity(row) if row else None


def enrolled_by_id(db: sqlite3.Connection, identity_id: int) -> Identity | None:
    """Return an identity by its number, or None where nobody who is enrolled now has it."""
    row = db.execute(
        f"{_IDENTITY} WHERE identity.id = ? AND identity.retired_op IS NULL",
        (row_number(identity_id),),
    ).fetchone()
    return _identity(row) if row else None


def page(db: sqlite3.Connection, offset: int, limit: int | None, search: str) -> list[Identity]:
    """Return identities in the order of their names, those whose name holds ``search``."""
    key = name_key(search).encode("utf-8", "backslashreplace").decode()  # no name is such a text
    rows = db.execute(
        f"{_IDENTITY} WHERE identity.retired_op IS NULL AND instr(identity.name_key, ?) > 0 "
        "ORDER BY identity.name_key LIMIT ? OFFSET ?",
        (key, -1 if limit is None else min(limit, MOST), min(offset, MOST)),
    )
    return [_identity(row) for row in rows]


def samples(db: sqlite3.Connection, identity_id: int) -> list[StoredSample]:
    """Return the samples of an identity, oldest first."""
    rows = db.execute(
        "SELECT id, quality, source_hash, face_no, kind, created, "
        "EXISTS (SELECT 1 FROM photo WHERE photo.sample_id = sample.id) "
        "FROM sample WHERE identity_id = ? AND retired_op IS NULL ORDER BY id",
        (identity_id,),
    )
    return [
        StoredSample(number, quality, source, face_no, kind, utc(created), bool(has_crop))
        for number, quality, source, face_no, kind, created, has_crop in rows
    ]


def crops(db: sqlite3.Connection, identity_id: int) -> list[tuple[int, bytes]]:
    """Return sample id and PNG of every kept crop of an identity."""
    return db.execute(
        "SELECT sample.id, photo.image FROM sample JOIN photo ON photo.sample_id = sample.id "
        "WHERE sample.identity_id = ? AND sample.retired_op IS NULL ORDER BY sample.id",
        (identity_id,),
    ).fetchall()


def sources(db: sqlite3.Connection) -> set[tuple[str, int]]:
    """Return source hash and face number of everything enrolled."""
    return set(
        db.execute("SELECT DISTINCT source_hash, face_no FROM sample WHERE retired_op IS NULL")
    )


def has_source(db: sqlite3.Connection, source_hash: str, identity_id: int | None) -> bool:
    """Say whether a photograph is enrolled, for anybody or for one identity."""
    row = db.execute(
        "SELECT 1 FROM sample WHERE source_hash = ? AND retired_op IS NULL "
        "AND identity_id = coalesce(?, identity_id) LIMIT 1",
        (source_hash, identity_id),
    ).fetchone()
    return row is not None


def templates(
    db: sqlite3.Connection, identity_id: int | None = None
) -> "tuple[NDArray[np.int64], NDArray[np.int64], Floats]":
    """Return the templates of one identity or of everybody.

    A damaged one is left out with a warning; the others do their work.

    Returns:
        Template ids (N,) in rising order, identity ids (N,), and float32 (N, D).
    """
    import numpy as np

    model_id = str(setting(db, "model"))
    rows: list[Any] = db.execute(
        "SELECT template.id, sample.identity_id, template.sample_id, template.vec, template.crc "
        "FROM sample JOIN template ON template.sample_id = sample.id "
        "WHERE sample.retired_op IS NULL AND template.retired_op IS NULL "
        "AND template.model_id = ? "
        + ("AND sample.identity_id = ?" if identity_id is not None else ""),
        (model_id,) if identity_id is None else (model_id, identity_id),
    ).fetchall()
    matrix, whole = vectors.decode([row[2:] for row in rows], model_id, dim(db) or 0)
    ids = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    for template, owner in ids[~whole]:
        person = by_id(db, int(owner))
        who = person.name if person else f"identity {owner}"
        logger.warning(
            "template %d of %s is damaged and not used: see 'facegate gallery check'", template, who
        )
    # Sorted here, for SQLite would carry every vector through its sorter.
    order = np.argsort(ids[:, 0])
    order = order[whole[order]]
    return ids[order, 0], ids[order, 1], matrix[order]


def _identity(row: Any) -> Identity:
    number, uid, name, created, n_samples = row
    return Identity(number, uid, name, n_samples, utc(created))
