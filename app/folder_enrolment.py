"""Enrol everybody in a folder of people, one transaction a person."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facegate.choice import FaceChoice
from facegate.data.decoding.sources import read_file
from facegate.data.images import MAX_BYTES, read_photo
from facegate.enrolment import check_choice, enroll_faces, refused
from facegate.errors import ImageError, InvalidNameError, NoAnswerError
from facegate.gallery.names import clean_name
from facegate.results import EmbeddedFace, LeftOut, Near, identity_json

if TYPE_CHECKING:
    from facegate.gallery import Identity
    from facegate.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class Resemblance:
    """A new person who looks like an enrolled one."""

    new: "Identity"
    near: Near

    def as_json(self) -> dict[str, Any]:
        """Return the enrolled identity and the score, and who is new."""
        return {**self.near.as_json(), "new": identity_json(self.new)}


@dataclass(frozen=True, slots=True)
class FolderEnrolment:
    """What the enrolment of a folder of people did.

    Attributes:
        identities: who got samples now, or had all of them already.
        samples: files looked at now; those enrolled before count in ``known``.
    """

    identities: "tuple[Identity, ...]"
    samples: int
    kept: int
    known: int
    left_out: tuple[LeftOut, ...]
    conflicts: tuple[Resemblance, ...]
    model: str

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``enroll --folder --json`` prints."""
        return {
            "identities": [identity_json(identity) for identity in self.identities],
            "samples": self.samples,
            "kept": self.kept,
            "known": self.known,
            "left_out": [entry.as_json() for entry in self.left_out],
            "conflicts": [pair.as_json() for pair in self.conflicts],
            "model": self.model,
        }


def enroll_people(
    recognizer: "Recognizer",
    people: Sequence[tuple[str, Sequence[Path]]],
    *,
    face: FaceChoice = "only",
    keep_crops: bool = False,
    op_uid: Callable[[], str] | None = None,
    done: Callable[[int], None] = lambda _files: None,
) -> FolderEnrolment:
    """Enrol many people from their files, one transaction a person.

    Files whose contents are enrolled are passed over unread, so an enrolment that was stopped
    goes on where it was.

    Args:
        people: names and files.
        op_uid: gives each person's operation its id.
        done: is told of files done.
    """
    check_choice(face)
    identities: list[Identity] = []
    left_out: list[LeftOut] = []
    conflicts: list[Resemblance] = []
    samples = kept = known = 0
    for name, files in people:
        looked, outs, before = _look(recognizer, name, files, face, done)
        samples, known = samples + len(looked) + len(outs), known + before
        left_out += outs
        person: Identity | None = None
        if looked:
            uid = op_uid() if op_uid else None
            answer = enroll_faces(
                recognizer, name, looked, (), keep_crops=keep_crops, kind="photo", op_uid=uid
            )
            kept += answer.kept
            left_out += answer.left_out
            person = answer.identity
            conflicts += [Resemblance(person, near) for near in answer.conflicts if person]
        elif before and (gallery := recognizer.gallery) is not None:
            person = gallery.find(name)
        identities += [person] if person else []
    return FolderEnrolment(
        tuple(identities),
        samples,
        kept,
        known,
        tuple(left_out),
        tuple(conflicts),
        recognizer.model_id,
    )


def _look(
    recognizer: "Recognizer",
    name: str,
    files: Sequence[Path],
    face: FaceChoice,
    done: Callable[[int], None],
) -> tuple[list[EmbeddedFace], list[LeftOut], int]:
    """Return the new faces of a person's files, what was left out, and how many are enrolled."""
    looked: list[EmbeddedFace] = []
    outs: list[LeftOut] = []
    before = 0
    for path in files:
        try:
            found = _new_faces(recognizer, clean_name(name), path, face)
            before += found is None
            looked += found or ()
        except (ImageError, InvalidNameError, NoAnswerError) as error:
            outs.append(refused(str(path), error))
        done(1)
    return looked, outs, before


def _new_faces(
    recognizer: "Recognizer", name: str, path: Path, face: FaceChoice
) -> tuple[EmbeddedFace, ...] | None:
    """Return the faces of a file, or None when it is enrolled for this person already."""
    contents = read_file(path, max_bytes=MAX_BYTES)
    gallery = recognizer.gallery
    if gallery is not None and gallery.has_source(hashlib.sha256(contents).hexdigest(), name):
        return None
    return recognizer.faces(read_photo(contents, name=str(path)), face=face)
