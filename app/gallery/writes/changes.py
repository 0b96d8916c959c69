"""Enrol, rename, merge and remove. Every function runs inside its caller's write transaction.

Nothing is deleted here: rows are retired by the operation that took them away, so that an undo
finds them.
"""

import re
import secrets
import sqlite3
from collections.abc import Sequence

from facegate.errors import ConflictError, NameTakenError
from facegate.gallery import history, people, vectors
from facegate.gallery.history import Change
from facegate.gallery.names import clean_name, name_key
from facegate.gallery.store import setting
from facegate.gallery.values import Enrolled, Identity, Sample, row_number

MAX_CROP_BYTES = 4 * 2**20
_PNG = b"\x89PNG\r\n\x1a\n"
_HASH = re.compile(r"[0-9A-Za-z:_-]{1,128}")


def check_samples(samples: Sequence[Sample], dim: int | None) -> None:
    """Refuse samples that must not get into a gallery; only a mistake in code makes such.

    Raises:
        ValueError: there are none, or one has a wrong embedding, hash, number, kind or crop.
    """
    import numpy as np

    if not samples:
        raise ValueError("an enrolment needs at least one sample")
    rows = [np.asarray(sample.embedding) for sample in samples]
    if len({row.shape for row in rows}) != 1:
        raise ValueError("embeddings must all have the same shape")
    if problem := vectors.fault(np.stack(rows), dim):
        raise ValueError(problem)
    for sample in samples:
        check_facts(sample)


def check_facts(sample: Sample) -> None:
    """Refuse a sample whose facts are not such; see ``check_samples``."""
    if not _HASH.fullmatch(sample.source_hash):
        got = f"{sample.source_hash!r:.80}"
        raise ValueError(f"source_hash must be 1 to 128 letters and digits, got {got}")
    if not 0 <= sample.face_no < 2**31:
        raise ValueError(f"face_no must be from 0 to 2**31 - 1, got {sample.face_no}")
    if sample.kind not in ("photo", "frame"):
        raise ValueError(f"kind must be 'photo' or 'frame', got {sample.kind!r:.80}")
    if sample.quality is not None and not 0 <= sample.quality <= 1:
        raise ValueError(f"quality must be 0 to 1 or None, got {sample.quality}")
    if sample.crop is not None and not is_crop(sample.crop):
        raise ValueError(f"a crop must be a PNG of at most {MAX_CROP_BYTES} bytes")


def is_crop(image: bytes) -> bool:
    """Say whether bytes can be a kept crop; they are decoded only to be embedded anew."""
    return len(image) <= MAX_CROP_BYTES and image.startswith(_PNG)


def enroll(db: sqlite3.Connection, by: Change, name: str, samples: Sequence[Sample]) -> Enrolled:
    """Enrol somebody new, or add to who has the name; samples known before are passed over."""
    name = clean_name(name)
    check_samples(samples, people.dim(db))
    found = people.find(db, name)
    fresh = _unknown(db, found, samples)
    if found is not None and not fresh:
        return Enrolled(found, 0, len(samples))
    note = {"added": len(fresh), "known": len(samples) - len(fresh), "created": found is None}
    seq = by.record(db, "enroll", found.id if found else None, note=note)
    if found is None:
        identity_id = add_identity(db, by, seq, name, secrets.token_hex(16), by.at)
        db.execute("UPDATE op SET identity_id = ? WHERE seq = ?", (identity_id, seq))
    else:
        identity_id = found.id
    add_samples(db, by, seq, identity_id, fresh)
    return enrolled(db, seq)


def enrolled(db: sqlite3.Connection, seq: int) -> Enrolled:
    """Return what an enrolment answered, also when it is asked again.

    Raises:
        ConflictError: the person was erased since.
    """
    operation, noted = history.by_seq(db, seq), history.detail(db, seq)
    identity = people.by_id(db, operation.identity_id or 0)
    if identity is None:
        raise ConflictError(
            f"the enrolment {operation.uid!a} was done and its identity erased since",
            hint="enrol with a fresh operation id",
        )
    return Enrolled(identity, noted.get("added", 0), noted.get("known", 0))


def add_identity(
    db: sqlite3.Connection, by: Change, seq: int, name: str, uid: str, created: int
) -> int:
    """Insert an identity and return its id; the name is clean and free."""
    cursor = db.execute(
        "INSERT INTO identity (uid, name, name_key, created, added_op) VALUES (?, ?, ?, ?, ?)",
        (uid, name, name_key(name), created, seq),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def add_samples(
    db: sqlite3.Connection,
    by: Change,
    seq: int,
    identity_id: int,
    samples: Sequence[Sample],
    created: Sequence[int] | None = None,
) -> None:
    """Insert samples with their templates and crops, and count them to their operation."""
    model_id = str(setting(db, "model"))
    for number, sample in enumerate(samples):
        vec = vectors.encode(sample.embedding)
        db.execute(
            "UPDATE model SET dim = ? WHERE model_id = ? AND dim IS NULL",
            (len(vec) // 4, model_id),
        )
        sample_id = db.execute(
            "INSERT INTO sample "
            "(identity_id, source_hash, face_no, kind, quality, created, added_op) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                identity_id,
                sample.source_hash,
                sample.face_no,
                sample.kind,
                sample.quality,
                by.at if created is None else created[number],
                seq,
            ),
        ).lastrowid
        assert sample_id is not None
        add_template(db, seq, sample_id, model_id, vec)
        if sample.crop is not None:
            db.execute("INSERT INTO photo VALUES (?, ?)", (sample_id, sample.crop))
    db.execute("UPDATE op SET n_samples = n_samples + ? WHERE seq = ?", (len(samples), seq))


def add_template(
    db: sqlite3.Connection, seq: int, sample_id: int, model_id: str, vec: bytes
) -> None:
    """Insert a sample's template, sealed with its checksum."""
    db.execute(
        "INSERT INTO template (sample_id, model_id, vec, crc, added_op) VALUES (?, ?, ?, ?, ?)",
        (sample_id, model_id, vec, vectors.checksum(model_id, sample_id, vec), seq),
    )


def rename(db: sqlite3.Connection, by: Change, old: str, new: str) -> int:
    """Give an identity another name, and return the operation's number."""
    identity, name = people.get(db, old), clean_name(new)
    if name == identity.name:
        raise ConflictError(f"{name!r} has that name already", hint="nothing was changed")
    refuse_taken(db, name, but=identity.id)
    seq = by.record(db, "rename", identity.id, note={"from": identity.name, "to": name})
    set_name(db, identity.id, name)
    return seq


def set_name(db: sqlite3.Connection, identity_id: int, name: str) -> None:
    """Write a name that is clean and free."""
    db.execute(
        "UPDATE identity SET name = ?, name_key = ? WHERE id = ?",
        (name, name_key(name), identity_id),
    )


def refuse_taken(db: sqlite3.Connection, name: str, *, but: int) -> None:
    """Refuse a name that somebody else has."""
    other = people.find(db, name)
    if other is not None and other.id != but:
        raise NameTakenError(
            f"{other.name!r} is enrolled already",
            hint="use 'facegate gallery merge' if the two are one person",
        )


def merge(db: sqlite3.Connection, by: Change, source: str, target: str) -> int:
    """Move the samples of one identity to another and retire it; return the number."""
    gone, kept = people.get(db, source), people.get(db, target)
    if gone.id == kept.id:
        raise ConflictError(f"{gone.name!r} cannot be merged into itself", hint="name two people")
    # A photograph that both were enrolled from stays behind and is retired with its identity.
    both = db.execute(
        "SELECT sample.id FROM sample JOIN sample AS other USING (source_hash, face_no) "
        "WHERE sample.identity_id = ? AND sample.retired_op IS NULL "
        "AND other.identity_id = ? AND other.retired_op IS NULL",
        (gone.id, kept.id),
    ).fetchall()
    seq = by.record(db, "merge", kept.id, gone.id, note={"moved": gone.n_samples - len(both)})
    db.executemany(
        "UPDATE sample SET retired_op = ? WHERE id = ?", [(seq, sample_id) for (sample_id,) in both]
    )
    db.execute(
        "INSERT INTO op_move SELECT ?, id, identity_id FROM sample "
        "WHERE identity_id = ? AND retired_op IS NULL",
        (seq, gone.id),
    )
    db.execute(
        "UPDATE sample SET identity_id = ? WHERE identity_id = ? AND retired_op IS NULL",
        (kept.id, gone.id),
    )
    db.execute("UPDATE identity SET retired_op = ? WHERE id = ?", (seq, gone.id))
    return seq


def remove(db: sqlite3.Connection, by: Change, name: str) -> int:
    """Retire an identity with its samples, and return the number."""
    identity = people.get(db, name)
    seq = by.record(db, "remove", identity.id, note={"removed": identity.n_samples})
    retire(db, identity.id, seq)
    return seq


def retire(db: sqlite3.Connection, identity_id: int, seq: int) -> None:
    """Stamp an identity and what it still has of samples."""
    db.execute("UPDATE identity SET retired_op = ? WHERE id = ?", (seq, identity_id))
    db.execute(
        "UPDATE sample SET retired_op = ? WHERE identity_id = ? AND retired_op IS NULL",
        (seq, identity_id),
    )


def remove_sample(db: sqlite3.Connection, by: Change, sample_id: int) -> int:
    """Retire one sample of somebody who has others, and return the number."""
    row = db.execute(
        "SELECT identity_id FROM sample WHERE id = ? AND retired_op IS NULL",
        (row_number(sample_id),),
    ).fetchone()
    identity: Identity | None = people.by_id(db, row[0]) if row else None
    if identity is None:
        raise ConflictError(
            f"there is no sample {sample_id}",
            hint="'facegate gallery show NAME' lists them",
            code="not_found",
        )
    if identity.n_samples == 1:
        raise ConflictError(
            f"sample {sample_id} is the only one of {identity.name!r}", hint="remove the person"
        )
    seq = by.record(db, "remove_sample", identity.id, note={"sample": sample_id})
    db.execute("UPDATE sample SET retired_op = ? WHERE id = ?", (seq, sample_id))
    return seq


def _unknown(
    db: sqlite3.Connection, identity: Identity | None, samples: Sequence[Sample]
) -> list[Sample]:
    """Return the samples that an identity does not have yet, each once."""
    known: set[tuple[str, int]] = set()
    if identity is not None:
        known.update(
            db.execute(
                "SELECT source_hash, face_no FROM sample "
                "WHERE identity_id = ? AND retired_op IS NULL",
                (identity.id,),
            )
        )
    fresh = []
    for sample in samples:
        key = (sample.source_hash, sample.face_no)
        if key not in known:
            known.add(key)
            fresh.append(sample)
    return fresh
