"""Put the people of an exported gallery into this one. One operation: an undo takes it back."""

import secrets
import sqlite3
from dataclasses import astuple, replace

from facegate.errors import InputError
from facegate.gallery import history, people
from facegate.gallery.history import Change
from facegate.gallery.moves.parcel import Parcel, Person
from facegate.gallery.values import Identity, Imported
from facegate.gallery.writes import changes, erasing

_NOTED = ("identities", "joined", "added", "known", "erased")


def take_in(db: sqlite3.Connection, by: Change, parcel: Parcel) -> Imported:
    """Add everybody in an export; the caller holds the write transaction.

    Who has the uid or else the name of somebody here joins that identity, as with an enrolment
    under a known name. Who was erased here stays erased.
    """
    if parcel.people and people.dim(db) not in (None, parcel.dim):
        raise InputError(
            f"{parcel.path} cannot be imported, its templates have {parcel.dim} numbers, "
            f"the gallery's have {people.dim(db)}",
            hint="export the gallery again",
            code="bad_export",
        )
    erased = erasing.erased_uids(db)
    if not any(p.uid not in erased and _fresh(db, p, _known(db, p)) for p in parcel.people):
        return _nothing(parcel, erased)
    seq = by.record(db, "import", None)
    new = joined = added = known = left_out = 0
    for person in parcel.people:
        if person.uid in erased:
            left_out += 1
            continue
        identity = _known(db, person)
        fresh = _fresh(db, person, identity)
        known += len(person.samples) - len(fresh)
        if not fresh:
            continue
        new, joined = new + (identity is None), joined + (identity is not None)
        added += len(fresh)
        identity_id = _add(db, by, seq, person) if identity is None else identity.id
        _add_samples(db, by, seq, identity_id, person, fresh, parcel)
    done = Imported(new, joined, added, known, left_out)
    history.amend(db, seq, dict(zip(_NOTED, astuple(done), strict=True)))
    return done


def _nothing(parcel: Parcel, erased: set[str]) -> Imported:
    """Return the answer of an import that brings nothing new."""
    left_out = [person for person in parcel.people if person.uid in erased]
    known = sum(len(p.samples) for p in parcel.people if p.uid not in erased)
    return Imported(0, 0, 0, known, len(left_out))


def imported(db: sqlite3.Connection, seq: int) -> Imported:
    """Return what an import answered, also when it is asked again."""
    noted = history.detail(db, seq)
    return Imported(*(int(noted.get(key, 0)) for key in _NOTED))


def _known(db: sqlite3.Connection, person: Person) -> Identity | None:
    row = db.execute(
        "SELECT id FROM identity WHERE uid = ? AND retired_op IS NULL", (person.uid,)
    ).fetchone()
    return people.by_id(db, row[0]) if row else people.find(db, person.name)


def _fresh(db: sqlite3.Connection, person: Person, identity: Identity | None) -> list[int]:
    """Return which of a person's samples are not here yet, each source once."""
    have: set[tuple[str, int]] = set()
    if identity is not None:
        have = {(s.source_hash, s.face_no) for s in people.samples(db, identity.id)}
    fresh = []
    for number, sample in enumerate(person.samples):
        key = (sample.source_hash, sample.face_no)
        if key not in have:
            have.add(key)
            fresh.append(number)
    return fresh


def _add(db: sqlite3.Connection, by: Change, seq: int, person: Person) -> int:
    taken = db.execute("SELECT 1 FROM identity WHERE uid = ?", (person.uid,)).fetchone()
    uid = secrets.token_hex(16) if taken else person.uid
    return changes.add_identity(db, by, seq, person.name, uid, person.created)


def _add_samples(
    db: sqlite3.Connection,
    by: Change,
    seq: int,
    identity_id: int,
    person: Person,
    fresh: list[int],
    parcel: Parcel,
) -> None:
    # One at a time, so that no more than one crop is in memory.
    for number in fresh:
        crop = person.crops[number]
        image = parcel.crop(*crop) if crop else None
        sample = replace(person.samples[number], crop=image)
        created = [person.samples_created[number]]
        changes.add_samples(db, by, seq, identity_id, [sample], created)
