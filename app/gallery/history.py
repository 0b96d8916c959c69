"""Operations: audit log, change feed, undo log and idempotency key in one table.

The log holds opaque ids and counts. Names come from the identities when a line is read, so that
an erase leaves "identity 17"; only a rename keeps the old name, which goes with an erase.
"""

import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from facegate.data.text import counted
from facegate.errors import ConflictError, InputError
from facegate.gallery.store import now
from facegate.gallery.values import MOST, Operation, utc

_UID = re.compile(r"[!-~]{1,64}")
_MAX_ACTOR = 128


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes the gallery, when, and under which id of their own."""

    uid: str
    actor: str
    at: int = field(default_factory=now)

    def record(
        self,
        db: sqlite3.Connection,
        kind: str,
        identity_id: int | None,
        other_id: int | None = None,
        *,
        note: Mapping[str, Any] = MappingProxyType({}),
        own_uid: bool = True,
    ) -> int:
        """Write one operation and return its number; the caller holds the write transaction.

        Args:
            note: what an undo, a repetition or the history needs to know.
            own_uid: take the caller's id; a change of several operations has it on one of them.
        """
        uid = self.uid if own_uid else secrets.token_hex(16)
        cursor = db.execute(
            "INSERT INTO op (uid, kind, actor, at, identity_id, other_id, detail) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (uid, kind, self.actor, self.at, identity_id, other_id, json.dumps(dict(note))),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid


def change(op_uid: str | None, actor: str) -> Change:
    """Return a change, its id random where the caller has none.

    Raises:
        InputError: an id that is not 1 to 64 printable ASCII characters, or a bad actor.
    """
    if op_uid is not None and not _UID.fullmatch(op_uid):
        raise InputError(
            f"{op_uid!a:.80} cannot be the id of an operation",
            hint="use 1 to 64 printable ASCII characters without spaces",
        )
    if not actor or len(actor) > _MAX_ACTOR or not actor.isprintable():
        raise InputError(
            f"{actor!a:.80} cannot be an actor", hint="use 1 to 128 printable characters"
        )
    return Change(op_uid or secrets.token_hex(16), actor)


_SELECT = """
SELECT op.seq, op.uid, op.kind, op.at, op.actor, op.identity_id, op.undone_by, op.other_id,
       op.detail, who.name, other.name, undone.seq, undone.kind, undone.detail
FROM op
LEFT JOIN identity AS who ON who.id = op.identity_id
LEFT JOIN identity AS other ON other.id = op.other_id
LEFT JOIN op AS undone ON undone.undone_by = op.seq
"""


def by_seq(db: sqlite3.Connection, seq: int) -> Operation:
    """Return the operation of this number; it exists."""
    return _operation(db.execute(_SELECT + "WHERE op.seq = ?", (seq,)).fetchone())


def by_uid(db: sqlite3.Connection, uid: str) -> Operation | None:
    """Return the operation that has this id, or None."""
    row = db.execute(_SELECT + "WHERE op.uid = ?", (uid,)).fetchone()
    return _operation(row) if row else None


def repeated(db: sqlite3.Connection, uid: str, kind: str) -> Operation | None:
    """Return the operation that this one repeats, or None.

    Raises:
        ConflictError: the id was used for something else.
    """
    done = by_uid(db, uid)
    if done is not None and done.kind != kind:
        raise ConflictError(
            f"operation id {uid!a} was used before, for: {done.kind}", hint="use a fresh id"
        )
    return done


def detail(db: sqlite3.Connection, seq: int) -> dict[str, Any]:
    """Return what an operation noted for its undo and its repetition."""
    found: dict[str, Any] = json.loads(
        db.execute("SELECT detail FROM op WHERE seq = ?", (seq,)).fetchone()[0]
    )
    return found


def amend(db: sqlite3.Connection, seq: int, note: Mapping[str, Any]) -> None:
    """Write what an operation has to note when it is known only at its end."""
    db.execute("UPDATE op SET detail = ? WHERE seq = ?", (json.dumps(dict(note)), seq))


def latest(db: sqlite3.Connection, limit: int, identity_id: int | None) -> list[Operation]:
    """Return the latest operations, newest first, of everybody or of one identity."""
    where, values = "", []
    if identity_id is not None:
        where, values = "WHERE op.identity_id = ? OR op.other_id = ? ", [identity_id, identity_id]
    rows = db.execute(
        f"{_SELECT} {where} ORDER BY op.seq DESC LIMIT ?", [*values, min(limit, MOST)]
    )
    return [_operation(row) for row in rows]


def _operation(row: tuple[Any, ...]) -> Operation:
    seq, uid, kind, at, actor, identity_id, undone_by, other_id, note, name, other, *undone = row
    who = name or ("somebody" if identity_id is None else f"identity {identity_id}")
    other = other or f"identity {other_id}"
    if kind == "undo":
        number, what, its_note = undone
        line = f"took back number {number}: {_text(what, who, other, json.loads(its_note))}"
    else:
        line = _text(kind, who, other, json.loads(note))
    return Operation(seq, uid, kind, utc(at), actor, identity_id, line, undone_by)


def _text(kind: str, who: str, other: str, noted: dict[str, Any]) -> str:
    """Return an operation as a readable line."""
    match kind:
        case "enroll":
            verb = "enrolled" if noted.get("created", True) else "added to"
            return f"{verb} {who}{_samples(noted.get('added'))}"
        case "rename":
            return f"renamed {noted.get('from', 'somebody')} to {noted.get('to', who)}"
        case "merge":
            return f"merged {other} into {who}{_samples(noted.get('moved'))}"
        case "remove":
            return f"removed {who}{_samples(noted.get('removed'))}"
        case "remove_sample":
            return f"removed a sample of {who}"
        case "erase":
            return f"erased {who}"
        case "import":
            new = counted(noted.get("identities", 0), "person", "people")
            return f"imported an export{_samples(noted.get('added'))}, {new} new"
        case "reembed":
            return f"moved from model {noted.get('from')} to {noted.get('to')}"
        case "restore":
            return f"restored from a backup of {noted.get('of', 'unknown time')}"
    return kind


def _samples(count: int | None) -> str:
    # Nothing is known of what was erased.
    return "" if count is None else f": {counted(count, 'sample')}"
