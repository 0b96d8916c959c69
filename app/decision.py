"""From a score to an answer: which threshold applies, and what the answer's error rate is."""

from dataclasses import dataclass
from typing import Literal

from facegate.errors import NoThresholdError
from facegate.models.card import Card

Outcome = Literal["match", "no match", "unknown", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The score from which two faces count as one person, and where it comes from.

    Attributes:
        score: cosine similarity; a score on it is accepted.
        rate: the rate of wrong matches of the decision as made, as measured: FMR for a
            verification, FPIR for an identification. None where the user gave the score.
        source: ``card``, a calibration's id, or ``user``.
        note: what a reader must know about it in one sentence, or empty.
    """

    score: float
    rate: float | None
    source: str
    note: str = ""


def verification_threshold(card: Card, fmr: float, *, comparisons: int = 1) -> Threshold:
    """Return the card's threshold for the best of several comparisons.

    The best of k impostor scores passes a threshold at most k times as often as one of them
    (union bound), so each comparison gets the k-th part of the rate.

    Raises:
        NoThresholdError: the card has no threshold at a rate that small.
    """
    rate = card.threshold_at(fmr / comparisons)
    return Threshold(rate.score, min(1.0, rate.fmr * comparisons), "card")


def identification_threshold(card: Card, fpir: float, *, templates: int) -> Threshold:
    """Return the card's threshold for a search among so many templates.

    FPIR is at most the number of templates times FMR. Where the card cannot support so small a
    rate, its smallest serves, and the note says which FPIR that bounds.

    Raises:
        NoThresholdError: the card has no threshold at all.
    """
    try:
        rate, note = card.threshold_at(fpir / max(templates, 1)), ""
    except NoThresholdError:
        if not card.thresholds:
            raise
        rate = min(card.thresholds, key=lambda r: r.fmr)
        bound = min(1.0, rate.fmr * templates)
        note = (
            f"model {card.name} supports no threshold for FPIR {fpir:g} among {templates} "
            f"templates; its smallest rate, FMR {rate.fmr:g}, bounds FPIR at {bound:.2g}"
        )
    return Threshold(rate.score, min(1.0, rate.fmr * max(templates, 1)), "card", note)


def rate_at(card: Card, score: float, *, comparisons: int = 1) -> float | None:
    """Return the rate of impostors whose best score is at least this one, or None.

    It is an upper bound: the smallest tabled FMR whose threshold the score reaches, times the
    number of comparisons. Scores below the whole table have no rate.
    """
    rate = card.rate_at(score)
    return None if rate is None else min(1.0, rate.fmr * comparisons)
