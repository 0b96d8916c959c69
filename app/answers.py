"""The answer about one face: from its nearest identities, or why there is none."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facegate.decision import Outcome, RateAtScore, Threshold, decide, is_too_poor
from facegate.errors import NoThresholdError
from facegate.models.values import Face
from facegate.results import EmbeddedFace, IdentifiedFace, Near, Verification

if TYPE_CHECKING:
    from facegate.gallery import Candidate, Identity


POOR = "a face is too dark, bright, blurred, small or turned for an answer"
DOUBT = "the score lies where the calibration's counts cannot tell"
CLOSEST = 1e-4
"""Scores that differ by less tell nobody apart: somebody is enrolled under two names."""

VERIFIED: dict[bool | None, Outcome] = {True: "match", False: "no match", None: "inconclusive"}
IDENTIFIED: dict[bool | None, Outcome] = {True: "match", False: "unknown", None: "inconclusive"}


def verified(
    score: float,
    threshold: Threshold | NoThresholdError,
    rate: RateAtScore | None,
    faces: tuple[EmbeddedFace, ...],
    *,
    model: str,
    claim: "tuple[Identity, int] | None",
    seconds: dict[str, float],
) -> Verification:
    """Return the answer about two photographs, or a photograph and a claim.

    Args:
        score: the best of the comparisons made.
        threshold: or why there is none; then there is no decision.
        rate: the share of impostors who reach the score, or None.
        faces: those compared.
        model: the model's id.
        claim: the identity and the number of its nearest template, for a claim.
        seconds: by stage.
    """
    problem = threshold if isinstance(threshold, NoThresholdError) else None
    known = None if isinstance(threshold, NoThresholdError) else threshold
    decision: Outcome | None = None
    poor = is_too_poor(*(face.face.quality for face in faces))
    if known is not None:
        decision = "inconclusive" if poor else VERIFIED[decide(score, known, rate)]
    return Verification(
        decision=decision,
        score=score,
        threshold=known,
        fmr_at_score=rate.rate if rate else None,
        fmr_ci95=rate.ci95 if rate else None,
        model=model,
        faces=faces,
        identity=claim[0] if claim else None,
        template=claim[1] if claim else None,
        seconds=seconds,
        problem=problem,
        reason=why(decision, poor),
    )


def nobody_enrolled(face: EmbeddedFace) -> IdentifiedFace:
    """Return the answer of an empty gallery."""
    return IdentifiedFace(face.source, face.face, "unknown", None, None, None, None)


def not_embedded(source: str, face: Face, reason: str) -> IdentifiedFace:
    """Return the answer about a face that could not be embedded, and why."""
    return IdentifiedFace(source, face, "inconclusive", None, None, None, None, reason)


def answer(
    face: EmbeddedFace,
    candidates: Sequence["Candidate"],
    threshold: Threshold | None,
    rate: RateAtScore | None,
) -> IdentifiedFace:
    """Return the answer about a face from its nearest identities, best first.

    Args:
        candidates: at least one.
        threshold: None where none was measured; then there is no decision.
        rate: the share of strangers who reach the best score, or None.
    """
    best = candidates[0]
    decision: Outcome | None = None
    poor = is_too_poor(face.face.quality)
    if threshold is not None:
        decision = "inconclusive" if poor else IDENTIFIED[decide(best.score, threshold, rate)]
    second = candidates[1] if len(candidates) > 1 else None
    reason = why(decision, poor)
    if decision == "match" and second is not None and best.score - second.score < CLOSEST:
        decision = "inconclusive"
        reason = f"{best.identity.name} and {second.identity.name} score the same"
    is_match = decision == "match"
    other = second if is_match else best
    return IdentifiedFace(
        source=face.source,
        face=face.face,
        decision=decision,
        identity=best.identity if is_match else None,
        score=best.score,
        threshold=threshold,
        runner_up=Near(other.identity, other.score) if other else None,
        reason=reason,
        fpir_at_score=rate.rate if rate else None,
        fpir_ci95=rate.ci95 if rate else None,
    )


def why(decision: Outcome | None, poor: bool) -> str:
    """Return the reason of an answer that is none, or an empty text.

    Args:
        decision: the answer.
        poor: whether a face's quality forbade it.
    """
    if decision != "inconclusive":
        return ""
    return POOR if poor else DOUBT
