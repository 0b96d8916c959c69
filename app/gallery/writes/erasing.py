"""Delete for good: what somebody asked to have erased, and what was removed 30 days ago.

Every function runs inside its caller's write transaction. SQLite overwrites deleted rows
(``secure_delete``), but not the copies that stay behind in a page when a row moves to another one
(1 of 4,528 markers in a trial), so the file is rewritten afterwards: ``UNSWEPT`` remembers that
this is due, also over a crash.
"""

import json
import sqlite3
from collections.abc import Iterable

from facegate.errors import ConflictError
from facegate.gallery import people
from facegate.gallery.history import Change
from facegate.gallery.names import clean_name, name_key
from facegate.gallery.store import set_setting

UNSWEPT = "unswept"
RETENTION_DAYS = 30
RETENTION_US = RETENTION_DAYS * 24 * 3600 * 1_000_000
"""How long what was removed can be had back."""


def erase(db: sqlite3.Connection, by: Change, name: str) -> int:
    """Delete a person's rows, and return the number of the operation.

    With them go earlier identities of the same name that were removed, identities that were
    merged into this one, and the person's names in the history.
    """
    doomed = _doomed(db, name)
    forget(db, doomed, also_names=True)
    seq = 0
    for number, (identity_id, uid) in enumerate(doomed.items(), 1):
        last = number == len(doomed)
        # The uid lets a restore erase the person from an older backup again.
        seq = by.record(db, "erase", identity_id, note={"uid": uid}, own_uid=last)
    set_setting(db, UNSWEPT, "1")
    return seq


def erase_by_uid(db: sqlite3.Connection, uids: Iterable[str]) -> dict[int, str]:
    """Delete the people of these uids, where there are any; return their ids and uids."""
    doomed = {}
    for uid in uids:
        row = db.execute("SELECT id FROM identity WHERE uid = ?", (uid,)).fetchone()
        if row is not None:
            doomed.update(_with_merged(db, row[0]))
    forget(db, doomed, also_names=True)
    return doomed


def erased_uids(db: sqlite3.Connection) -> set[str]:
    """Return the uids of everybody who was erased from a gallery."""
    notes = db.execute("SELECT detail FROM op WHERE kind = 'erase'")
    return {uid for (note,) in notes if isinstance(uid := json.loads(note).get("uid"), str)}


def forget(db: sqlite3.Connection, identities: Iterable[int], *, also_names: bool = False) -> None:
    """Delete identities, all that hangs on them, and what the history noted about them.

    Args:
        also_names: take their names out of what the history noted about others, too.
    """
    gone = sorted(identities)
    keys: set[str] = set()
    for identity_id in gone:
        row = db.execute("SELECT name_key FROM identity WHERE id = ?", (identity_id,)).fetchone()
        keys.update(row or ())
        mine = "(op.identity_id = ?1 OR op.other_id = ?1) AND op.kind <> 'erase'"
        for (note,) in db.execute(f"SELECT detail FROM op WHERE {mine}", (identity_id,)):
            keys.update(_keys_in(note))
        db.execute(f"UPDATE op SET detail = '{{}}' WHERE {mine}", (identity_id,))
        samples = db.execute("SELECT id FROM sample WHERE identity_id = ?", (identity_id,))
        _delete_samples(db, [number for (number,) in samples.fetchall()])
        db.execute("DELETE FROM op_move WHERE from_identity = ?", (identity_id,))
        db.execute("DELETE FROM identity WHERE id = ?", (identity_id,))
    if also_names and keys:
        _strike(db, keys)


def purge(db: sqlite3.Connection, at: int) -> None:
    """Delete what was retired longer ago than the retention."""
    old = "(SELECT seq FROM op WHERE at < ?)"
    values = (at - RETENTION_US,)
    gone = db.execute(f"SELECT id FROM identity WHERE retired_op IN {old}", values).fetchall()
    forget(db, [number for (number,) in gone])
    samples = db.execute(f"SELECT id FROM sample WHERE retired_op IN {old}", values).fetchall()
    _delete_samples(db, [number for (number,) in samples])
    templates = db.execute(f"DELETE FROM template WHERE retired_op IN {old}", values).rowcount
    if gone or samples or templates:
        set_setting(db, UNSWEPT, "1")


def _doomed(db: sqlite3.Connection, name: str) -> dict[int, str]:
    key = name_key(clean_name(name))
    rows = db.execute(
        "SELECT identity.id, identity.retired_op IS NULL, op.kind, op.identity_id "
        "FROM identity LEFT JOIN op ON op.seq = identity.retired_op WHERE identity.name_key = ?",
        (key,),
    ).fetchall()
    rows.sort(key=lambda row: row[1])  # the one who is enrolled last: the operation is on them
    is_enrolled = any(is_live for _, is_live, _, _ in rows)
    doomed: dict[int, str] = {}
    for identity_id, _, kind, _ in rows:
        if kind != "merge" or is_enrolled:
            merged = _with_merged(db, identity_id)
            doomed = {**{n: uid for n, uid in doomed.items() if n not in merged}, **merged}
    for _, _, _, into in rows if not doomed else ():
        if (person := people.by_id(db, into)) is not None:
            raise ConflictError(
                f"{name!r} was merged into {person.name!r}",
                hint=f"erase {person.name!r}, or undo the merge first",
            )
    if not doomed:
        people.get(db, name)  # raises, and names the nearest
    return doomed


def _with_merged(db: sqlite3.Connection, identity_id: int) -> dict[int, str]:
    """Return id and uid of an identity and of all that were merged into it."""
    rows = db.execute(
        "WITH RECURSIVE one (id) AS (SELECT ?1 UNION "
        "SELECT identity.id FROM one JOIN op ON op.identity_id = one.id AND op.kind = 'merge' "
        "JOIN identity ON identity.id = op.other_id AND identity.retired_op = op.seq) "
        "SELECT identity.id, identity.uid FROM one JOIN identity USING (id) ORDER BY id = ?1",
        (identity_id,),
    )
    return dict(rows.fetchall())


def _delete_samples(db: sqlite3.Connection, samples: list[int]) -> None:
    one_each = [(number,) for number in samples]
    added_by = set()
    for number in one_each:
        added_by.add(db.execute("SELECT added_op FROM sample WHERE id = ?", number).fetchone())
    for table, column in (
        ("photo", "sample_id"),
        ("template", "sample_id"),
        ("op_move", "sample_id"),
        ("sample", "id"),
    ):
        db.executemany(f"DELETE FROM {table} WHERE {column} = ?", one_each)
    db.executemany(
        "UPDATE op SET n_samples = (SELECT count(*) FROM sample WHERE added_op = op.seq) "
        "WHERE seq = ?",
        sorted(added_by),
    )


def _strike(db: sqlite3.Connection, keys: set[str]) -> None:
    """Empty what renames of other people noted, where it holds one of these names."""
    renames = db.execute("SELECT seq, detail FROM op WHERE kind = 'rename'").fetchall()
    struck = [(seq,) for seq, note in renames if keys & _keys_in(note)]
    db.executemany("UPDATE op SET detail = '{}' WHERE seq = ?", struck)


def _keys_in(note: str) -> set[str]:
    noted = json.loads(note)
    return {name_key(noted[end]) for end in ("from", "to") if isinstance(noted.get(end), str)}
