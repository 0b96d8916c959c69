"""Accuracy with a threshold that never saw the pairs it judges: View 2 of LFW, and its like."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.models.metrics.bootstrap import Weights, people_draws
from facegate.models.metrics.difference import Difference
from facegate.models.metrics.dyads import Share, pair_counts, share_of
from facegate.models.metrics.errors import Scores
from facegate.models.metrics.intervals import Figure, quantile95
from facegate.models.metrics.pairs import Indices


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Pairs and whether each was judged right: (n,) each.

    Attributes:
        right: bool; weight: such that each fold weighs the same, and all together 1.
        same: bool; person_a, person_b: who is compared.
    """

    right: NDArray[np.bool_]
    weight: NDArray[np.float64]
    same: NDArray[np.bool_]
    person_a: Indices
    person_b: Indices

    def share(self, counted: NDArray[Any], draws: Weights | None) -> Share:
        """Return the weighted share of pairs that count."""
        n_people = int(max(self.person_a.max(), self.person_b.max())) + 1
        same, other = self.same, ~self.same
        a, b = self.person_a.astype(np.int32), self.person_b.astype(np.int32)
        weighed = counted * self.weight
        return share_of(
            pair_counts(a[other], b[other], n_people, weighed[other]),
            pair_counts(a[other], b[other], n_people, self.weight[other]),
            people_draws(n_people) if draws is None else draws,
            np.bincount(a[same], weighed[same], minlength=n_people),
            np.bincount(a[same], self.weight[same], minlength=n_people),
        )


@dataclass(frozen=True, slots=True, eq=False)
class FoldAccuracy:
    """The accuracy of each fold at the threshold of the others.

    Attributes:
        accuracy: the mean over folds, with its interval over resampled people.
        sem: the standard error of the mean over folds (sd with n - 1, over the root of n): what
            LFW's own table prints. Most repositories print the 3.2 times larger sd.
        folds: the accuracy of each.
        thresholds: the threshold of each, from the other folds.
        judged: the pairs.
    """

    accuracy: Figure
    sem: float
    folds: tuple[float, ...]
    thresholds: tuple[float, ...]
    judged: Judged

    @property
    def threshold(self) -> float:
        """Return the mean of the thresholds."""
        return float(np.mean(self.thresholds))


def best_threshold(scores: Scores, same: NDArray[np.bool_]) -> float:
    """Return the threshold with most right answers, half way between two scores.

    Of equally good ones it is the highest. Scores of -inf (a face that was not found) are wrong
    at any threshold and have no say.

    >>> best_threshold(np.array([0.9, 0.7, 0.5, 0.1]), np.array([True, True, False, False]))
    0.6
    """
    scores, same = scores[scores > -np.inf], same[scores > -np.inf]
    if not scores.size:
        raise ValueError("there is no score to fit a threshold on")
    order = np.argsort(scores)[::-1]
    falling = scores[order].astype(np.float64)
    gain = np.concatenate([[0], np.cumsum(np.where(same[order], 1, -1))])
    can_cut = np.concatenate([[True], falling[1:] != falling[:-1], [True]])
    cut = int(np.argmax(np.where(can_cut, gain, gain.min() - 1)))
    above = falling[cut - 1] if cut else np.nextafter(falling[0], np.inf)
    below = falling[cut] if 0 < cut < falling.size else above
    return float((above + below) / 2)


def fold_accuracy(
    scores: Scores,
    same: NDArray[np.bool_],
    fold: Indices,
    person_a: Indices,
    person_b: Indices,
    *,
    draws: Weights | None = None,
) -> FoldAccuracy:
    """Judge each fold with the threshold that fits the others best.

    A pair with a face that was not found (-inf) is an error, whichever its kind.

    The interval resamples people with the thresholds as they are: a threshold that is best stands
    where accuracy is level, so that its own luck does not matter.

    Args:
        scores: (n,); same: (n,); fold: (n,), at least two different ones.
        person_a, person_b: (n,), who is compared, numbered from 0.
        draws: of people; the thousand of ``people_draws`` where None.

    Raises:
        ValueError: there are fewer than two folds.
    """
    names, index = np.unique(fold, return_inverse=True)
    index = index.reshape(-1)
    if names.size < 2:
        raise ValueError("accuracy needs at least two folds: one is judged by the others")
    thresholds = [best_threshold(scores[index != k], same[index != k]) for k in range(names.size)]
    accepted = scores >= np.array(thresholds)[index]
    right = (accepted == same) & (scores > -np.inf)
    folds = [float(right[index == k].mean()) for k in range(names.size)]
    judged = Judged(right, 1 / (names.size * np.bincount(index)[index]), same, person_a, person_b)
    sem = float(np.std(folds, ddof=1) / np.sqrt(names.size))
    accuracy = judged.share(right, draws).figure
    return FoldAccuracy(accuracy, sem, tuple(folds), tuple(thresholds), judged)


def accuracy_difference(
    first: FoldAccuracy, second: FoldAccuracy, *, draws: Weights | None = None
) -> Difference:
    """Compare the accuracies of two models on the same pairs, under the same draws of people."""
    gained = second.judged.right.astype(np.float64) - first.judged.right
    share = first.judged.share(gained, draws)
    half = quantile95(share.degrees) * share.variance**0.5
    before, after = first.accuracy.value, second.accuracy.value
    return Difference("accuracy", before, after, after - before - half, after - before + half)
