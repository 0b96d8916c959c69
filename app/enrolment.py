"""Which samples of a person are kept, and how they get into the gallery."""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from facegate.agreement import agreeing, agreement_score
from facegate.choice import FaceChoice, display_name, rows, sample
from facegate.data.images import Photo, PhotoSource
from facegate.data.text import printable
from facegate.decision import is_too_poor
from facegate.errors import (
    FacegateError,
    ImageError,
    InputError,
    NoAnswerError,
    SeveralFacesError,
)
from facegate.gallery.names import clean_name, name_key
from facegate.models.values import Floats
from facegate.results import EmbeddedFace, Enrolment, IdentifiedFace, LeftOut, Near

if TYPE_CHECKING:
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
    if _is_one_photograph(sources):
        raise ValueError("enroll takes a list of photographs, got one: put it into a list")
    looked: list[EmbeddedFace] = []
    left_out: list[LeftOut] = []
    for source in sources:
        try:
            looked += recognizer.faces(source, face=face)
        except (ImageError, NoAnswerError) as error:
            left_out.append(refused(display_name(source), error))
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
    before = {(s.source_hash, s.face_no) for s in gallery.samples(known.name)} if known else set()
    samples_kept = [sample(f, kind, keep_crops) for f in kept]
    done = gallery.enroll(name, samples_kept, op_uid=op_uid, actor=recognizer.actor)
    if done.n_known:
        outs += _known(kept, before)
    return Enrolment(
        done.identity, samples, done.n_added, tuple(outs), conflicts, recognizer.model_id
    )


def check_choice(face: FaceChoice) -> None:
    """Refuse to enrol several faces of one photograph under one name."""
    if face == "all":
        raise InputError("enrolling takes one face a photograph", hint="use --face largest")


def refused(source: str, error: FacegateError) -> LeftOut:
    """Return why a photograph is left out."""
    if isinstance(error, SeveralFacesError):  # all of them are not to have one name
        return LeftOut(source, error.code, f"{error.message}: choose with --face largest")
    return LeftOut(source, error.code, str(error))


def _is_one_photograph(sources: object) -> bool:
    """Say whether what should be many is one: its letters, lines or pixels are many, too."""
    if isinstance(sources, np.ndarray):
        return sources.dtype == np.uint8 and sources.ndim < 4
    return isinstance(sources, str | bytes | os.PathLike) or hasattr(sources, "read")


def _known(kept: Sequence[EmbeddedFace], before: Collection[tuple[str, int]]) -> Iterator[LeftOut]:
    """Yield what was enrolled already, before or from another file with the same contents."""
    seen = set(before)
    for face in kept:
        key = (face.source_hash, face.face_no)
        if key in seen:
            shown = printable(face.source, limit=4000)
            yield LeftOut(face.source, "known", f"{shown} is enrolled already")
        seen.add(key)


def _agreeing(
    recognizer: "Recognizer", looked: Sequence[EmbeddedFace], enrolled: Floats
) -> list[EmbeddedFace]:
    """Return the faces that agree with their person; all where nothing tells."""
    if not looked:
        return []
    score = recognizer.threshold
    if score is None:
        score = agreement_score(recognizer.card)
    if score is None:
        return list(looked)
    keep = agreeing(rows(looked), enrolled, score)
    return [face for face, agrees in zip(looked, keep, strict=True) if agrees]


def conflicts_of(
    recognizer: "Recognizer", kept: Sequence[EmbeddedFace], *, name: str = ""
) -> tuple[Near, ...]:
    """Return the enrolled people whom a person looks like, most alike first.

    Args:
        name: the person's own, under which they may be enrolled already.
    """
    best: dict[int, Near] = {}
    for answer in recognizer.search(kept):
        near = _resembled(answer)
        if near is None or (name and name_key(near.identity.name) == name_key(name)):
            continue
        before = best.get(near.identity.id)
        if before is None or near.score > before.score:
            best[near.identity.id] = near
    return tuple(sorted(best.values(), key=lambda near: -near.score))


def _resembled(answer: IdentifiedFace) -> Near | None:
    """Return whom a face looks like, also where two who are enrolled do so equally."""
    if answer.identity is not None and answer.score is not None:
        return Near(answer.identity, answer.score)
    if answer.score is None or answer.threshold is None or is_too_poor(answer.face.quality):
        return None
    return answer.runner_up if answer.score >= answer.threshold.score else None
