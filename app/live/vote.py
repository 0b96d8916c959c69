"""Many frames, one decision."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from facegate.results import IdentifiedFace

if TYPE_CHECKING:
    from facegate.gallery import Identity

LEAST_FRAMES = 3  # no name rests on fewer
UNKNOWN_FRAMES, UNKNOWN_AFTER_S = 5, 1.5  # a face may come nearer and be known yet


@dataclass(frozen=True, slots=True, eq=False)
class Vote:
    """What the frames of a track say together.

    Attributes:
        decision: ``match`` or ``unknown``.
        identity: of a match.
        score: the median score of the frames that agree; None where nobody is enrolled.
        threshold: the score that each of them had to reach, or None.
        n_for, n_frames: frames that agree, of how many.
    """

    decision: Literal["match", "unknown"]
    identity: "Identity | None"
    score: float | None
    threshold: float | None
    n_for: int
    n_frames: int


def vote(answers: Sequence[IdentifiedFace], age_s: float) -> Vote | None:
    """Let every frame vote; None while the frames are too few or disagree.

    A name needs more than half of the votes and at least ``LEAST_FRAMES`` of them; ``unknown``
    needs more than half of at least ``UNKNOWN_FRAMES``, and ``UNKNOWN_AFTER_S`` of patience.

    Args:
        answers: one a frame, each decided alone.
        age_s: for how long the face has been seen.
    """
    decided = [answer for answer in answers if answer.decision in ("match", "unknown")]
    if len(decided) < LEAST_FRAMES:
        return None
    names = Counter(answer.identity.id if answer.identity else None for answer in decided)
    winner, n_for = names.most_common(1)[0]
    if 2 * n_for <= len(decided):
        return None
    if winner is None:
        if len(decided) < UNKNOWN_FRAMES or age_s < UNKNOWN_AFTER_S:
            return None
    elif n_for < LEAST_FRAMES:
        return None
    agreeing = [a for a in decided if (a.identity.id if a.identity else None) == winner]
    scores = [a.score for a in agreeing if a.score is not None]
    bounds = [a.threshold.score for a in agreeing if a.threshold is not None]
    return Vote(
        "match" if winner is not None else "unknown",
        agreeing[-1].identity,
        median(scores) if scores else None,
        max(bounds) if bounds else None,
        n_for,
        len(decided),
    )
