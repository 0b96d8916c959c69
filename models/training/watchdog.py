"""Look at every step for the ways in which training fails, and say which one it is.

Signals are smoothed (a step counts 2 %); distances are Euclidean. A warning is said once a
spell; a stop raises `TrainingStopped` with the cause and the advice. The limits come from
training on synthetic identities, where a collapsed run had a median negative distance of 0.012
and a healthy one of 1.2 to 1.41 (the uniform sphere gives 1.41).
"""

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from facegate.errors import NoAnswerError
from facegate.models.losses.result import LossStats

SMOOTH = 0.98
WINDOW = 100
SETTLING = 50
"""Steps before the smoothed signals count; at the start every net looks collapsed."""


class TrainingStopped(NoAnswerError):
    """The watchdog ended a run; the last good checkpoint stands."""

    code = "training_stopped"


@dataclass(frozen=True, slots=True)
class Signals:
    """What one step showed.

    Attributes:
        loss: the whole loss; may be NaN.
        gradient: norm of the whole gradient before clipping; may be NaN.
        stats: of the triplet loss, or None in a stage without one.
        resultant: length of the mean embedding, 0 (spread out) to 1 (all point one way).
        spread: participation ratio of the batch's covariance over the most it can be, 0 to 1.
        margin: of the triplet loss in its own units, or None.
    """

    loss: float
    gradient: float
    stats: LossStats | None
    resultant: float
    spread: float
    margin: float | None = None


@dataclass(slots=True)
class Watchdog:
    """Watches one stage; `look` is called at every step."""

    step: int = 0
    smooth: dict[str, float] = field(default_factory=dict)
    spell: dict[str, int] = field(default_factory=dict)
    gradients: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    broken: deque[int] = field(default_factory=lambda: deque(maxlen=5))
    standing: frozenset[str] = frozenset()

    def is_sound(self, signals: Signals) -> bool:
        """Say whether a step may change the weights: finite, and no spike of the gradient."""
        if not (math.isfinite(signals.loss) and math.isfinite(signals.gradient)):
            return False
        if len(self.gradients) < 20:
            return True
        return signals.gradient <= 100 * max(median(self.gradients), 1e-12)

    def look(self, signals: Signals) -> list[str]:
        """Take in one step.

        Returns:
            Warnings that did not stand at the step before, in words.

        Raises:
            TrainingStopped: going on would waste time.
        """
        self.step += 1
        said = self._numbers(signals)
        if math.isfinite(signals.loss):
            said |= self._shape(signals)
            if signals.stats is not None:
                said |= self._triplets(signals.stats, signals.margin)
        fresh = sorted(said - self.standing)
        self.standing = frozenset(said)
        return fresh

    def _numbers(self, signals: Signals) -> set[str]:
        if not (math.isfinite(signals.loss) and math.isfinite(signals.gradient)):
            self.broken.append(self.step)
            if len(self.broken) == 5 and self.step - self.broken[0] < WINDOW:
                _stop("5 steps of the last 100 were not finite", "lower lr; use precision f32")
            return {"a step was not finite and was left out"}
        spike = bool(self.gradients) and signals.gradient > 10 * median(self.gradients)
        if self.is_sound(signals):
            self.gradients.append(signals.gradient)
        return {"the gradient jumped to ten times its usual norm"} if spike else set()

    def _shape(self, signals: Signals) -> set[str]:
        resultant = self._follow("resultant", signals.resultant)
        spread = self._follow("spread", signals.spread)
        said = set()
        if self._lasts("resultant", resultant > 0.9, SETTLING):
            _stop(
                f"all embeddings point one way (mean length {resultant:.2f})",
                "lower lr, or warm up longer",
            )
        if self._lasts("spread", spread < 0.01, SETTLING):
            _stop(
                f"the embeddings use {spread:.1%} of their dimensions",
                "lower lr, or start from a classification stage",
            )
        if self.step > SETTLING and resultant > 0.5:
            said.add("embeddings point more and more one way")
        if self.step > SETTLING and spread < 0.05:
            said.add("embeddings use few of their dimensions")
        return said

    def _triplets(self, stats: LossStats, margin: float | None) -> set[str]:
        if self._lasts("empty", stats.n_pairs == 0, 10):
            _stop("10 batches held no positive pair", "people need two images; check the sampler")
        if stats.n_pairs == 0 or stats.d_an is None:
            return {"a batch held no positive pair"}
        said = self._collapse(stats, margin)
        none = self._follow("none", stats.none)
        easy = self._follow("easy", stats.easy)
        if self._lasts("none", self.step > 500 and none > 0.9, SETTLING):
            _stop(
                "9 pairs in 10 have only negatives nearer than their positive",
                "lower lr, look for wrong labels, or set fallback = easiest",
            )
        if self._lasts("idle", stats.n_active == 0 and stats.none < 1, WINDOW):
            said.add(
                "100 steps without an active triplet: the stage ends, it has learnt what it can; "
                "raise p or margin, or go on with batch-hard"
            )
        if self.step > 500 and none > 0.5:
            said.add("most pairs have only negatives nearer than their positive")
        if easy > 0.9:
            said.add("9 pairs in 10 are past the margin: raise p or margin")
        if self._follow("n_active", stats.n_active) < 32 <= stats.n_pairs:
            said.add("fewer than 32 active terms in a batch: the gradient is noisy")
        return said

    def _collapse(self, stats: LossStats, margin: float | None) -> set[str]:
        assert stats.d_an is not None
        far = self._follow("d_an", stats.d_an[1])
        if self._lasts("collapse", far < 0.1, SETTLING):
            _stop(
                f"the embeddings collapsed: the median negative lies at {far:.3f}",
                "lower lr to a third, use metric = euclidean and semi-hard, or warm up",
            )
        values = (math.log(2), *(() if margin is None else (margin,)))
        stuck = far < 0.2 and any(abs(stats.loss - v) < 0.01 * v for v in values)
        if self._lasts("stuck", stuck, SETTLING):
            _stop(
                f"the loss is stuck at {stats.loss:.3f}, its value for collapsed embeddings",
                "lower lr to a third, or start from a classification stage",
            )
        close = self.step > SETTLING and far < 0.5
        return {"negatives are getting very near"} if close else set()

    def _follow(self, name: str, value: float) -> float:
        old = self.smooth.get(name, value)
        self.smooth[name] = SMOOTH * old + (1 - SMOOTH) * value
        return self.smooth[name]

    def _lasts(self, name: str, holds: bool, steps: int) -> bool:
        self.spell[name] = self.spell.get(name, 0) + 1 if holds else 0
        return self.spell[name] >= steps

    @property
    def is_saturated(self) -> bool:
        """Say whether nothing is left to learn in this stage: no failure, but its end."""
        return self.spell.get("idle", 0) >= WINDOW

    def state(self) -> dict[str, Any]:
        """Return all that `restored` needs, as plain JSON values."""
        return {
            "step": self.step,
            "smooth": self.smooth,
            "spell": self.spell,
            "gradients": list(self.gradients),
            "broken": list(self.broken),
            "standing": sorted(self.standing),
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "Watchdog":
        """Return the watchdog whose `state` this is."""
        return cls(
            step=state["step"],
            smooth=dict(state["smooth"]),
            spell=dict(state["spell"]),
            gradients=deque(state["gradients"], maxlen=WINDOW),
            broken=deque(state["broken"], maxlen=5),
            standing=frozenset(state["standing"]),
        )


def _stop(cause: str, advice: str) -> None:
    raise TrainingStopped(f"training stopped: {cause}", hint=advice)
