"""From a score to an answer: which threshold applies, and what the answer's error rate is."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from facegate.errors import NoThresholdError
from facegate.models.card import Card
from facegate.models.impostors import Line, Scale

Outcome = Literal["match", "no match", "unknown", "inconclusive"]


FMR, FPIR = 1e-3, 1e-2
"""The rates that decisions aim at where neither a calibration nor anybody says another."""

LEAST_QUALITY = 0.2
"""A face below it is too dark, too bright, too blurred, too small or too far turned for any answer:
one's own face is accepted less than half as often, and an enrolled one may be as poor."""

LEAST_OF_TWO = 0.4
"""Of two faces compared one must reach it. Two poorer ones resemble each other by what spoils them:
strangers of quality 0.2 to 0.4 with the same damage match a hundred times as often as is asked
for. ``benchmarks/quality`` measures both values, on split val."""


def is_too_poor(*qualities: float | None) -> bool:
    """Say whether quality forbids an answer about the faces compared, or one with the enrolled.

    >>> is_too_poor(0.3), is_too_poor(0.3, 0.9), is_too_poor(0.3, 0.3), is_too_poor(0.1, 0.9)
    (False, False, True, True)
    """
    known = [quality for quality in qualities if quality is not None]
    if any(quality < LEAST_QUALITY for quality in known):
        return True
    return len(known) > 1 and all(quality < LEAST_OF_TWO for quality in known)


@dataclass(frozen=True, slots=True)
class Threshold:
    """The score from which two faces count as one person, and where it comes from.

    Attributes:
        score: cosine similarity; a score on it is accepted.
        rate: the rate of wrong matches of the decision as made, as measured: FMR for a
            verification, FPIR for an identification. None where the user gave the score.
        source: ``card``, a calibration's id, or ``user``.
        note: what a reader must know about it in one sentence, or empty.
        target: the rate that a calibrated decision must keep with all the doubt of its counts;
            None where reaching the score is enough.
    """

    score: float
    rate: float | None
    source: str
    note: str = ""
    target: float | None = None

    def __post_init__(self) -> None:
        if math.isnan(self.score):  # it would say "no match" to everybody
            raise ValueError("a threshold must be a number, got nan")


@dataclass(frozen=True, slots=True)
class RateAtScore:
    """The share of strangers who reach a score, an upper bound, and its 95 % interval.

    The interval is None where the model has thresholds but no impostor statistics.
    """

    rate: float
    ci95: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many comparisons a verification is the best of.

    Attributes:
        probes: faces of the photographs; pairs of them without a claim.
        templates: of the claimed person.
    """

    probes: int = 1
    templates: int = 1


@dataclass(frozen=True, slots=True)
class Search:
    """How large the gallery is that a face is looked for in."""

    templates: int
    identities: int


ONE = Comparison()


@dataclass(frozen=True, slots=True)
class Basis:
    """What is known of how strangers score with a model.

    Attributes:
        card: the model's card, with thresholds by false match rate.
        scale: impostor statistics, the model's or those of the gallery's calibration; where
            there are none the card's thresholds serve.
        calibration: the calibration's id, or None.
        fmr, fpir: the rates to aim at where no other is asked for: those of the calibration.
    """

    card: Card
    scale: Scale | None = None
    calibration: str | None = None
    fmr: float = FMR
    fpir: float = FPIR

    def verification(self, fmr: float | None = None, best: Comparison = ONE) -> Threshold:
        """Return the threshold for the best of several comparisons.

        Without statistics the union bound serves: the best of k impostor scores passes a
        threshold at most k times as often as one of them.

        Raises:
            NoThresholdError: nothing was measured at a rate that small.
            ValueError: the rate is none.
        """
        fmr = _checked(self.fmr if fmr is None else fmr)
        if self.scale is None:
            k = best.probes * best.templates
            rate = self.card.threshold_at(fmr / k)
            return Threshold(rate.score, min(1.0, rate.fmr * k), "card")
        line = self.scale.threshold(fmr, templates=best.templates, comparisons=best.probes)
        return self._threshold(line, fmr)

    def identification(self, fpir: float | None, search: Search) -> Threshold:
        """Return the threshold for a search of a gallery of this size.

        Where so small a rate cannot be supported, the smallest that can serves, and the note says
        which FPIR that bounds.

        Raises:
            NoThresholdError: nothing was measured at all.
        """
        fpir = _checked(self.fpir if fpir is None else fpir)
        try:
            if self.scale is None:
                templates = max(search.templates, 1)
                rate = self.card.threshold_at(fpir / templates)
                return Threshold(rate.score, min(1.0, rate.fmr * templates), "card")
            line = self.scale.search_threshold(
                fpir, templates=max(search.templates, 1), identities=max(search.identities, 1)
            )
            return self._threshold(line, fpir)
        except NoThresholdError:
            return self._strictest(fpir, max(search.templates, 1))

    def rate_at(self, score: float, best: Comparison = ONE) -> RateAtScore | None:
        """Return the rate of impostors whose best score is at least this one.

        None below all that was measured: the rate is above the largest known.
        """
        if self.scale is None:
            rate = self.card.rate_at(score)
            k = best.probes * best.templates
            return None if rate is None else RateAtScore(min(1.0, rate.fmr * k))
        return _rate(self.scale.at(score, templates=best.templates, comparisons=best.probes))

    def search_rate_at(self, score: float, search: Search) -> RateAtScore | None:
        """Return the rate of strangers who reach a score in a search of this size, or None."""
        templates = max(search.templates, 1)
        if self.scale is None:
            rate = self.card.rate_at(score)
            return None if rate is None else RateAtScore(min(1.0, rate.fmr * templates))
        found = self.scale.search_at(
            score, templates=templates, identities=max(search.identities, 1)
        )
        return _rate(found)

    def _threshold(self, line: Line, target: float) -> Threshold:
        is_own = self.calibration is not None
        source = self.calibration or "card"
        return Threshold(line.score, line.fmr, source, target=target if is_own else None)

    def _strictest(self, fpir: float, templates: int) -> Threshold:
        if self.scale is not None:
            table = self.scale.tables[0]
            score, smallest = table.lines[-1].score, table.smallest_fmr
        elif self.card.thresholds:
            strictest = min(self.card.thresholds, key=lambda rate: rate.fmr)
            score, smallest = strictest.score, strictest.fmr
        else:
            return replace(self.verification(fpir))
        bound = min(1.0, smallest * templates)
        note = (
            f"model {self.card.name} supports no threshold for FPIR {fpir:g} among {templates} "
            f"templates; its smallest rate, FMR {smallest:.3g}, bounds FPIR at {bound:.2g}"
        )
        return Threshold(score, bound, self.calibration or "card", note)


def decide(score: float, threshold: Threshold, rate: RateAtScore | None) -> bool | None:
    """Say whether a score is a match; None where the counts do not tell.

    Args:
        score: the best one.
        threshold: that of the decision.
        rate: of strangers who reach the score.

    A calibrated decision is yes where the whole interval of the rate keeps the target, no where
    none of it does, and open between.
    """
    if threshold.target is None or rate is None or rate.ci95 is None:
        return score >= threshold.score
    low, high = rate.ci95
    if high <= threshold.target:
        return True
    return None if low <= threshold.target else False


def _checked(rate: float) -> float:
    if not 0 < rate < 1:
        raise ValueError(f"a rate of errors lies above 0 and below 1, got {rate:g}")
    return rate


def _rate(line: Line | None) -> RateAtScore | None:
    return None if line is None else RateAtScore(line.fmr, (line.low, line.high))
