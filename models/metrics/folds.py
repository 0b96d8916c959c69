"""Accuracy with a threshold that never saw the pairs it judges: View 2 of LFW, and its like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegate.models.metrics.bootstrap import Weights, people_draws
from facegate.models.metrics.dyads import pair_counts, share_figure
from facegate.models.metrics.errors import Scores
from facegate.models.metrics.intervals import Figure
from facegate.models.metrics.pairs import Indices


@dataclass(frozen=True, slots=True, eq=False)
class FoldAccuracy:
    """The accuracy of each fold at the threshold of the others.

    Attributes:
        accuracy: the mean over folds, with its interval over resampled people.
        sem: the standard error of the mean over folds (sd with n - 1, over the root of n): what
            LFW's own table prints. Most repositories print the 3.2 times larger sd.
        folds: the accuracy of each.
        thresholds: the threshold of each, from the other folds.
    """

    accuracy: Figure
    sem: float
    folds: tuple[float, ...]
    thresholds: tuple[float, ...]

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
    n_people = int(max(person_a.max(), person_b.max())) + 1
    weight = 1 / (names.size * np.bincount(index)[index])
    people = people_draws(n_people) if draws is None else draws
    a, b = person_a.astype(np.int32), person_b.astype(np.int32)
    accuracy = share_figure(
        pair_counts(a[~same], b[~same], n_people, (right * weight)[~same]),
        pair_counts(a[~same], b[~same], n_people, weight[~same]),
        people,
        np.bincount(a[same], (right * weight)[same], minlength=n_people),
        np.bincount(a[same], weight[same], minlength=n_people),
    )
    sem = float(np.std(folds, ddof=1) / np.sqrt(names.size))
    return FoldAccuracy(accuracy, sem, tuple(folds), tuple(thresholds))
