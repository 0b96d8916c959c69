"""Take the newest operation back: the state afterwards is the state before it.

Runs inside its caller's write transaction. Rows carry the number of the operation that added and
of the one that retired them, so an undo clears or sets stamps; ids stay what they were.
"""

import sqlite3
from typing import Any

from facegate.errors import ConflictError
from facegate.gallery import history, people
from facegate.gallery.history import Change
from facegate.gallery.store import set_setting
from facegate.gallery.values import Operation, microseconds, row_number
from facegate.gallery.writes import changes, erasing

_FOREVER = {"erase": "what was erased is gone", "restore": "restore the replaced file instead"}


def undo(db: sqlite3.Connection, by: Change, number: int | None) -> int:
    """Take back an operation, by default the newest, and return the undo's own number.

    Raises:
        ConflictError: it cannot be taken back; the message says why.
    """
    target = _target(db, number)
    _refuse(db, by, target)
    noted = history.detail(db, target.seq)
    (other_id,) = db.execute("SELECT other_id FROM op WHERE seq = ?", (target.seq,)).fetchone()
    seq = by.record(db, "undo", target.identity_id, other_id)
    db.execute("UPDATE op SET undone_by = ? WHERE seq = ?", (seq, target.seq))
    match target.kind:
        case "enroll" | "import":
            _retire_added(db, target.seq, seq)
        case "rename":
            _rename_back(db, target, noted)
        case "reembed":
            _embed_back(db, target.seq, seq, noted)
        case _:
            _bring_back(db, target)
    return seq


def _target(db: sqlite3.Connection, number: int | None) -> Operation:
    if number is None:
        row = db.execute(
            "SELECT max(seq) FROM op WHERE undone_by IS NULL AND kind <> 'undo'"
        ).fetchone()
        if row[0] is None:
            raise ConflictError("there is nothing to take back", hint="nothing was changed")
        number = row[0]
    elif not db.execute("SELECT 1 FROM op WHERE seq = ?", (row_number(number),)).fetchone():
        raise ConflictError(
            f"there is no operation {number}", hint="'facegate gallery history' lists them"
        )
    assert number is not None
    return history.by_seq(db, number)


def _refuse(db: sqlite3.Connection, by: Change, target: Operation) -> None:
    """Refuse what cannot be taken back."""
    what = f"number {target.seq} ({target.text})"
    if target.undone_by is not None:
        raise ConflictError(f"{what} was taken back already", hint=f"by number {target.undone_by}")
    if target.kind == "undo":
        raise ConflictError(f"{what} is an undo itself", hint="do the operation again")
    if target.kind in _FOREVER:
        raise ConflictError(f"{what} cannot be taken back", hint=_FOREVER[target.kind])
    later = _later(db, target)
    if later is not None:
        raise ConflictError(
            f"{what} cannot be taken back before number {later.seq} ({later.text})",
            hint=_FOREVER.get(later.kind) or f"take number {later.seq} back first",
        )
    age = by.at - microseconds(target.at)
    gone = target.identity_id is not None and people.by_id(db, target.identity_id) is None
    if age > erasing.RETENTION_US or gone:
        raise ConflictError(
            f"{what} is too old to be taken back",
            hint=f"what was removed is kept for {erasing.RETENTION_DAYS} days",
        )


def _later(db: sqlite3.Connection, target: Operation) -> Operation | None:
    """Return the newest operation after this one on the same people, or None."""
    row = db.execute(
        "SELECT max(later.seq) FROM op AS later JOIN op AS mine ON mine.seq = ?1 "
        "WHERE later.seq > ?1 AND later.undone_by IS NULL AND later.kind <> 'undo' AND ("
        "mine.identity_id IS NULL OR later.identity_id IS NULL "
        "OR later.identity_id IN (mine.identity_id, mine.other_id) "
        "OR later.other_id IN (mine.identity_id, mine.other_id))",
        (target.seq,),
    ).fetchone()
    return history.by_seq(db, row[0]) if row[0] is not None else None


def _retire_added(db: sqlite3.Connection, added_op: int, seq: int) -> None:
    for table in ("sample", "identity"):
        db.execute(
            f"UPDATE {table} SET retired_op = ? WHERE added_op = ? AND retired_op IS NULL",
            (seq, added_op),
        )


def _rename_back(db: sqlite3.Connection, target: Operation, noted: dict[str, Any]) -> None:
    name = noted.get("from")
    if not isinstance(name, str):
        raise ConflictError(
            f"number {target.seq} cannot be taken back, its old name was erased",
            hint="rename the person instead",
        )
    assert target.identity_id is not None
    changes.refuse_taken(db, name, but=target.identity_id)
    changes.set_name(db, target.identity_id, name)


def _bring_back(db: sqlite3.Connection, target: Operation) -> None:
    """Undo a merge or a removal: clear its stamps, and send moved samples home."""
    rows = db.execute("SELECT id, name FROM identity WHERE retired_op = ?", (target.seq,))
    for identity_id, name in rows.fetchall():
        changes.refuse_taken(db, name, but=identity_id)
    cleared = db.execute(
        "UPDATE identity SET retired_op = NULL WHERE retired_op = ?", (target.seq,)
    ).rowcount
    db.execute(
        "UPDATE sample SET identity_id = op_move.from_identity FROM op_move "
        "WHERE op_move.op = ? AND op_move.sample_id = sample.id",
        (target.seq,),
    )
    cleared += db.execute(
        "UPDATE sample SET retired_op = NULL WHERE retired_op = ?", (target.seq,)
    ).rowcount
    if not cleared:
        raise ConflictError(
            f"number {target.seq} ({target.text}) cannot be taken back",
            hint="what it removed has been deleted since",
        )


def _embed_back(db: sqlite3.Connection, target: int, seq: int, noted: dict[str, Any]) -> None:
    db.execute(
        "UPDATE template SET retired_op = ? WHERE added_op = ? AND retired_op IS NULL",
        (seq, target),
    )
    db.execute("UPDATE template SET retired_op = NULL WHERE retired_op = ?", (target,))
    set_setting(db, "model", str(noted["from"]))
