"""What the recognizer answers; each answer knows its JSON of architecture §4."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from facegate.decision import Outcome, Threshold
from facegate.errors import NoThresholdError
from facegate.models.values import Face, Floats, Pixels

if TYPE_CHECKING:
    from facegate.gallery import Identity

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedFace:
    """A face of one photograph and its embedding.

    Attributes:
        source: the photograph's display name, and its sha256 in ``source_hash``.
        face_no: the face's place in the photograph, 0 for the largest.
        face: where it is; its quality is measured.
        crop: uint8 (S, S, 3), the pixels that were embedded.
        embedding: float32 (D,), unit length.
    """

    source: str
    source_hash: str
    face_no: int
    face: Face
    crop: Pixels
    embedding: Floats

    def as_json(self) -> Json:
        """Return the face as the command line and the server show it."""
        return face_json(self.source, self.face)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A source that was not used, and why: a reason code and a sentence."""

    source: str
    code: str
    message: str

    def as_json(self) -> Json:
        """Return the three fields."""
        return {"source": self.source, "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Near:
    """An identity and how alike it is: a runner-up, or a conflict at enrolment."""

    identity: "Identity"
    score: float

    def as_json(self) -> Json:
        """Return the identity and the score."""
        return {"identity": identity_json(self.identity), "score": rounded(self.score)}


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """The answer to "are these the same person?".

    Attributes:
        decision: ``match``, ``no match`` or ``inconclusive``; None without a threshold.
        score: the best of the comparisons made.
        threshold: what decided; None where none was measured, and ``problem`` says so.
        fmr_at_score: the share of impostors who would score as high, an upper bound, or None.
        fmr_ci95: its 95 % interval over resampled people, or None.
        identity, template: the claimed identity and its nearest template, for a claim.
        reason: why the answer is ``inconclusive``, or empty.
        faces: the faces compared: one of each photograph, or the probe alone.
    """

    decision: Outcome | None
    score: float
    threshold: Threshold | None
    fmr_at_score: float | None
    model: str
    faces: tuple[EmbeddedFace, ...]
    identity: "Identity | None" = None
    template: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    problem: NoThresholdError | None = None
    fmr_ci95: tuple[float, float] | None = None
    reason: str = ""

    def as_json(self) -> Json:
        """Return the object that ``verify --json`` prints."""
        return {
            "decision": self.decision,
            "score": rounded(self.score),
            "threshold": rounded(self.threshold.score) if self.threshold else None,
            "fmr": significant(self.threshold.rate) if self.threshold else None,
            "fmr_at_score": significant(self.fmr_at_score),
            "model": self.model,
            "calibration": self.threshold.source if self.threshold else None,
            "identity": identity_json(self.identity),
            "template": self.template,
            "faces": [face.as_json() for face in self.faces],
            "seconds": {stage: round(s, 4) for stage, s in self.seconds.items()},
            "fmr_ci95": [significant(end) for end in self.fmr_ci95] if self.fmr_ci95 else None,
            "reason": self.reason or None,
        }


@dataclass(frozen=True, slots=True, eq=False)
class IdentifiedFace:
    """One face and who it is: ``match``, ``unknown`` or ``inconclusive``; None undecided.

    Attributes:
        source: the photograph's display name.
        identity: the enrolled person, for a match; else None.
        score: that of the nearest template; None where nobody is enrolled or the face could
            not be embedded.
        runner_up: the next identity; for ``unknown`` the nearest one.
        reason: why there is no answer, for ``inconclusive``; else empty.
        fpir_at_score: the share of strangers who would score as high in this gallery, an upper
            bound, and its 95 % interval; None where not known.
    """

    source: str
    face: Face
    decision: Outcome | None
    identity: "Identity | None"
    score: float | None
    threshold: Threshold | None
    runner_up: Near | None
    reason: str = ""
    fpir_at_score: float | None = None
    fpir_ci95: tuple[float, float] | None = None

    def as_json(self) -> Json:
        """Return one entry of ``faces`` in ``identify --json``."""
        return {
            **face_json(self.source, self.face),
            "decision": self.decision,
            "identity": identity_json(self.identity),
            "score": rounded(self.score),
            "threshold": rounded(self.threshold.score) if self.threshold else None,
            "fpir": significant(self.threshold.rate) if self.threshold else None,
            "fpir_at_score": significant(self.fpir_at_score),
            "fpir_ci95": [significant(end) for end in self.fpir_ci95] if self.fpir_ci95 else None,
            "runner_up": self.runner_up.as_json() if self.runner_up else None,
            "detection_score": rounded(self.face.score),
            "reason": self.reason or None,
            "note": (self.threshold.note or None) if self.threshold else None,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """Every face of one photograph, by falling size.

    Attributes:
        n_left_out: faces found beyond the limit of one photograph.
        problem: why there is no threshold to decide by, or None.
    """

    source: str
    faces: tuple[IdentifiedFace, ...]
    n_left_out: int
    model: str
    seconds: dict[str, float] = field(default_factory=dict)
    problem: NoThresholdError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Enrolment:
    """What an enrolment did.

    Attributes:
        identity: the person; None where nothing could be kept of a new one.
        samples: how many were looked at.
        kept: how many became templates.
        left_out: what was not kept, and why.
        conflicts: other identities that look like this new one.
    """

    identity: "Identity | None"
    samples: int
    kept: int
    left_out: tuple[LeftOut, ...]
    conflicts: tuple[Near, ...]
    model: str

    def as_json(self) -> Json:
        """Return the object that ``enroll --json`` prints."""
        return {
            "identity": identity_json(self.identity),
            "samples": self.samples,
            "kept": self.kept,
            "left_out": [entry.as_json() for entry in self.left_out],
            "conflicts": [near.as_json() for near in self.conflicts],
            "model": self.model,
        }


def identity_json(identity: "Identity | None") -> Json | None:
    """Return an identity as ``{"id", "name"}``."""
    return None if identity is None else {"id": identity.id, "name": identity.name}


def face_json(source: str, face: Face) -> Json:
    """Return a face as ``{"source", "box", "landmarks", "score", "quality"}``."""
    return {
        "source": source,
        "box": np.round(face.box.astype(float), 2).tolist(),
        "landmarks": np.round(face.landmarks.astype(float), 2).tolist(),
        "score": rounded(face.score),
        "quality": rounded(face.quality),
    }


def rounded(value: float | None) -> float | None:
    """Return a score with four decimals: more would claim what the measurement does not give."""
    return None if value is None else round(float(value), 4)


def significant(rate: float | None) -> float | None:
    """Return a rate with four significant digits; products of rates have noise behind them.

    >>> from facegate.results import significant
    >>> significant(0.00021300000000000003), significant(None)
    (0.000213, None)
    """
    return None if rate is None else float(f"{rate:.4g}")
