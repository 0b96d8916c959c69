"""The values that go into a gallery and come out of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from facegate.models.values import Floats

Kind = Literal["photo", "frame"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOST = 2**63 - 1
"""The largest number that SQLite takes."""


def row_number(number: int) -> int:
    """Return a number to find a row by: 0, which none has, for one that SQLite does not take."""
    return number if 0 < number <= MOST else 0


def utc(microseconds: int) -> datetime:
    """Return a stored time, integer UTC microseconds, as a datetime."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(at: datetime) -> int:
    """Return a time as it is stored: exact, so without the floats of ``timestamp``."""
    return (at - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is enrolled: one face of one photograph, or one kept frame.

    Attributes:
        embedding: float32 (D,), unit length.
        quality: 0 to 1, or None where it was not measured.
        source_hash: names the photograph; sha256 of its bytes in hex.
        face_no: which face of the photograph, from 0.
        kind: "photo" or "frame".
        crop: the aligned crop as PNG, to be kept for another model; or None.
        source: the photograph's name for messages; it is not stored.
    """

    embedding: "Floats"
    quality: float | None
    source_hash: str
    face_no: int
    kind: Kind = "photo"
    crop: bytes | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class StoredSample:
    """A sample as the gallery keeps it; its id is never given twice."""

    id: int
    quality: float | None
    source_hash: str
    face_no: int
    kind: Kind
    created: datetime
    has_crop: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who is enrolled.

    Attributes:
        id: a number of this gallery's, never given twice.
        uid: 128 random bits in hex, the same in every copy of the gallery.
    """

    id: int
    uid: str
    name: str
    n_samples: int
    created: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """An identity that a search found: the score is that of its best template."""

    identity: Identity
    score: float
    template: int


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What an enrolment did: samples added, and samples that were there before."""

    identity: Identity
    n_added: int
    n_known: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of a gallery's history.

    Attributes:
        seq: its number; later operations have greater ones.
        uid: the caller's own id of the operation, or a random one.
        kind: enroll, rename, merge, remove, remove_sample, erase, undo, import, reembed, restore.
        actor: who asked for it.
        identity_id: whom it concerns, or None where it concerns the whole gallery.
        text: one readable line.
        undone_by: the number of the operation that took it back, or None.
    """

    seq: int
    uid: str
    kind: str
    at: datetime
    actor: str
    identity_id: int | None
    text: str
    undone_by: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check of a gallery found wrong."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes:
        n_identities: people who were not in the gallery before.
        n_joined: people who were, and got more samples.
        n_samples: samples added.
        n_known: samples that were there before.
        n_erased: people left out because they were erased from this gallery.
    """

    n_identities: int
    n_joined: int
    n_samples: int
    n_known: int
    n_erased: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        replaced: where the gallery that was there before lies now, or None.
        n_erased: people of the backup who were erased since, and so were erased again.
        n_identities: people in the gallery now.
        knows_erased: False where the replaced file was too damaged to say who was erased.
    """

    replaced: str | None
    n_erased: int
    n_identities: int
    knows_erased: bool = True
