"""Which samples of one person agree with one another."""

import numpy as np
from numpy.typing import NDArray

from facegate.errors import NoThresholdError
from facegate.models.card import Card
from facegate.models.values import Floats

# A photograph that one stranger in fifty would match no worse is worth a question, not yet an
# accusation: stricter, and hard poses of the right person are thrown out.
AGREEMENT_FMR = 0.02


def agreement_score(card: Card) -> float | None:
    """Return the score from which two photographs count as one person's.

    A model that was measured on few people has no threshold for so small a rate: then its
    strictest serves. None where none was measured.
    """
    if not card.thresholds:
        return None
    try:
        return card.threshold_at(AGREEMENT_FMR).score
    except NoThresholdError:
        return min(card.thresholds, key=lambda rate: rate.fmr).score


def agreeing(new: Floats, enrolled: Floats, threshold: float) -> NDArray[np.bool_]:
    """Return which new embeddings belong with the rest of their person.

    With templates enrolled, these are the rest. Without, the rest is the largest group around
    one sample: the one with most others at or above the threshold, then the highest mean score,
    then the first. A sample agrees when its mean score with the rest reaches the threshold.

    Args:
        new: (n, D) unit rows.
        enrolled: (m, D) unit rows, m may be 0.
        threshold: cosine similarity.

    Returns:
        bool (n,). One sample alone, with nothing enrolled, agrees.

    >>> a, b = [1.0, 0.0], [0.0, 1.0]
    >>> agreeing(np.float32([a, b, a]), np.zeros((0, 2), np.float32), 0.5).tolist()
    [True, False, True]
    """
    n = len(new)
    if len(enrolled):
        means: NDArray[np.floating] = (new @ enrolled.T).mean(axis=1)
        return means >= threshold
    if n < 2:
        return np.ones(n, dtype=bool)
    scores = new @ new.T
    near = scores >= threshold
    np.fill_diagonal(near, True)
    with_others = scores.copy()
    np.fill_diagonal(with_others, 0)  # not quite 1 for every row, which would tell two apart
    order = np.lexsort((-np.arange(n), with_others.sum(axis=1), near.sum(axis=1)))
    core = near[order[-1]]
    sums = scores[:, core].sum(axis=1) - np.where(core, np.diag(scores), 0)
    others = core.sum() - core
    means = np.divide(sums, others, out=np.ones(n, np.float32), where=others > 0)
    kept: NDArray[np.bool_] = means >= threshold
    kept[order[-1]] = True
    return kept
