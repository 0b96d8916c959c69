"""How the values of a gallery look in the API, and what is kept from whom."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from facegate.gallery import Identity, Operation, StoredSample
from facegate.results import Enrolment, Identification, Verification
from facegate.server.access.caller import Caller


class Asked(BaseModel):
    """A body of JSON: a word is no number, and a number no yes."""

    model_config = ConfigDict(strict=True)


def identity_shape(identity: Identity) -> dict[str, Any]:
    """Return an identity."""
    return {
        "id": identity.id,
        "uid": identity.uid,
        "name": identity.name,
        "samples": identity.n_samples,
        "created": identity.created.isoformat(),
    }


def sample_shape(sample: StoredSample) -> dict[str, Any]:
    """Return a sample; the hash of its photograph stays in the gallery."""
    return {
        "id": sample.id,
        "quality": None if sample.quality is None else round(sample.quality, 3),
        "kind": sample.kind,
        "created": sample.created.isoformat(),
        "has_crop": sample.has_crop,
    }


def operation_shape(operation: Operation) -> dict[str, Any]:
    """Return a line of the history."""
    return {
        "number": operation.seq,
        "kind": operation.kind,
        "at": operation.at.isoformat(),
        "actor": operation.actor,
        "identity": operation.identity_id,
        "text": operation.text,
        "undone_by": operation.undone_by,
    }


def verification_shape(answer: Verification, caller: Caller, presentation: str) -> dict[str, Any]:
    """Return a verification; only operators are told how near it was."""
    found = {**answer.as_json(), "presentation": presentation}
    if not caller.sees_scores:
        found |= {"score": None, "fmr_at_score": None, "template": None, "fmr_ci95": None}
    found["problem"] = str(answer.problem) if answer.problem else None
    return found


def identification_shape(
    answer: Identification, caller: Caller, presentations: Sequence[str]
) -> dict[str, Any]:
    """Return an identification; only operators are told scores and who came near."""
    faces = [face.as_json() for face in answer.faces]
    for shown, presentation in zip(faces, presentations, strict=True):
        shown["presentation"] = presentation
        if not caller.sees_scores:
            shown |= {"score": None, "runner_up": None, "fpir_at_score": None, "fpir_ci95": None}
    return {
        "faces": faces,
        "left_out": answer.n_left_out,
        "model": answer.model,
        "seconds": {stage: round(s, 4) for stage, s in answer.seconds.items()},
        "problem": str(answer.problem) if answer.problem else None,
    }


def enrolment_shape(answer: Enrolment, caller: Caller) -> dict[str, Any]:
    """Return an enrolment; only operators are told scores."""
    found = answer.as_json()
    if not caller.sees_scores:
        for near in found["conflicts"]:
            near["score"] = None
    return found
