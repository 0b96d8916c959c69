"""Which samples of a person are kept, and how they get into the gallery."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from facegate.agreement import AGREEMENT_FMR, agreeing
from facegate.choice import FaceChoice, display_name, rows, sample
from facegate.data.decoding.sources import read_file
from facegate.data.images import MAX_BYTES, Photo, PhotoSource, read_photo
from facegate.errors import ImageError, InputError, InvalidNameError, NoAnswerError
from facegate.gallery.names import clean_name
from facegate.models.values import Floats
from facegate.results import EmbeddedFace, Enrolment, LeftOut, Near, identity_json

if TYPE_CHECKING:
    from facegate.gallery import Identity
    from facegate.recognizer import Recognizer


def enroll_photos(
    recognizer: "Recognizer",
    name: str,
    sources: Iterable[PhotoSource | Photo],
    *,
    face: FaceChoice,
    keep_crops: bool,
    op_uid: str | None,
) -> Enrolment:
    """Enrol a person from photographs; see ``Recognizer.enroll``."""
    name = clean_name(name)
    check_choice(face)
    looked: list[EmbeddedFace] = []
    left_out: list[LeftOut] = []
    for source in sources:
        try:
            looked += recognizer.faces(source, face=face)
        except (ImageError, NoAnswerError) as error:
            left_out.append(LeftOut(display_name(source), error.code, str(error)))
    return enroll_faces(
        recognizer, name, looked, left_out, keep_crops=keep_crops, kind="photo", op_uid=op_uid
    )


def enroll_faces(
    recognizer: "Recognizer",
    name: str,
    looked: Sequence[EmbeddedFace],
    left_out: Sequence[LeftOut],
    *,
    keep_crops: bool,
    kind: Literal["photo", "frame"],
    op_uid: str | None,
) -> Enrolment:
    """Enrol faces that are embedded already; see ``Recognizer.enroll_faces``."""
    name, samples, outs = clean_name(name), len(looked) + len(left_out), list(left_out)
    gallery = recognizer.gallery
    known = gallery.find(name) if gallery is not None else None
    enrolled = gallery.templates(known.name)[1] if gallery and known else rows(())
    kept = _agreeing(recognizer, looked, enrolled)
    outs += [
        LeftOut(face.source, "disagrees", f"does not look like the rest of {name}")
        for face in looked
        if face not in kept
    ]
    if not kept:
        return Enrolment(known, samples, 0, tuple(outs), (), recognizer.model_id)
    conflicts = () if known else conflicts_of(recognizer, kept)
    gallery = recognizer.create_gallery()
    samples_kept = [sample(f, kind, keep_crops) for f in kept]
    done = gallery.enroll(name, samples_kept, op_uid=op_uid, actor=recognizer.actor)
    if done.n_known:
        outs.append(LeftOut(name, "known", f"{done.n_known} of the samples were enrolled before"))
    return Enrolment(
        done.identity, samples, done.n_added, tuple(outs), conflicts, recognizer.model_id
    )


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
    conflicts: tuple[Near, ...]
    model: str

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``enroll --folder --json`` prints."""
        return {
            "identities": [identity_json(identity) for identity in self.identities],
            "samples": self.samples,
            "kept": self.kept,
            "known": self.known,
            "left_out": [entry.as_json() for entry in self.left_out],
            "conflicts": [near.as_json() for near in self.conflicts],
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
    conflicts: list[Near] = []
    samples = kept = known = 0
    for name, files in people:
        looked: list[EmbeddedFace] = []
        outs: list[LeftOut] = []
        before = 0
        for path in files:
            try:
                found = _new_faces(recognizer, clean_name(name), path, face)
                before += found is None
                looked += found or ()
            except (ImageError, InvalidNameError, NoAnswerError) as error:
                outs.append(LeftOut(str(path), error.code, str(error)))
            done(1)
        samples, known = samples + len(looked) + len(outs), known + before
        left_out += outs
        if looked:
            answer = enroll_faces(
                recognizer,
                name,
                looked,
                (),
                keep_crops=keep_crops,
                kind="photo",
                op_uid=op_uid() if op_uid else None,
            )
            kept += answer.kept
            left_out += answer.left_out
            conflicts += answer.conflicts
            identities += [answer.identity] if answer.identity else []
        elif before and (gallery := recognizer.gallery) is not None:
            identities += [person] if (person := gallery.find(name)) else []
    return FolderEnrolment(
        tuple(identities),
        samples,
        kept,
        known,
        tuple(left_out),
        tuple(conflicts),
        recognizer.model_id,
    )


def check_choice(face: FaceChoice) -> None:
    """Refuse to enrol several faces of one photograph under one name."""
    if face == "all":
        raise InputError("enrolling takes one face a photograph", hint="use --face largest")


def _new_faces(
    recognizer: "Recognizer", name: str, path: Path, face: FaceChoice
) -> tuple[EmbeddedFace, ...] | None:
    """Return the faces of a file, or None when it is enrolled for this person already."""
    contents = read_file(path, max_bytes=MAX_BYTES)
    gallery = recognizer.gallery
    if gallery is not None and gallery.has_source(hashlib.sha256(contents).hexdigest(), name):
        return None
    return recognizer.faces(read_photo(contents, name=str(path)), face=face)


def _agreeing(
    recognizer: "Recognizer", looked: Sequence[EmbeddedFace], enrolled: Floats
) -> list[EmbeddedFace]:
    """Return the faces that agree with their person; all where nothing tells."""
    if not looked:
        return []
    score = recognizer.threshold
    if score is None and recognizer.card.thresholds:
        score = recognizer.card.threshold_at(AGREEMENT_FMR).score
    if score is None:
        return list(looked)
    keep = agreeing(rows(looked), enrolled, score)
    return [face for face, agrees in zip(looked, keep, strict=True) if agrees]


def conflicts_of(recognizer: "Recognizer", kept: Sequence[EmbeddedFace]) -> tuple[Near, ...]:
    """Return the enrolled people whom a new person looks like, most alike first."""
    best: dict[int, Near] = {}
    for answer in recognizer.search(kept):
        if answer.identity is None or answer.score is None:
            continue
        near = best.get(answer.identity.id)
        if near is None or answer.score > near.score:
            best[answer.identity.id] = Near(answer.identity, answer.score)
    return tuple(sorted(best.values(), key=lambda near: -near.score))
