"""What a score is worth as evidence: log-likelihood ratios, and how honest they are.

A ratio says how much more likely a score is when both faces show one person. Only with a prior
does it become a probability, so the prior is an argument wherever one appears.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facegate.models.metrics.comparisons import Comparisons

Values = NDArray[np.float64]

MOST_FITTED = 200_000
"""Impostor scores that a fit looks at: every k-th by size where there are more."""

N_BINS = 15


def cllr(genuine: ArrayLike, impostor: ArrayLike) -> float:
    """Return the cost of log-likelihood ratios (natural logarithm): 0 perfect, 1 knows nothing.

    Source: Brummer and du Preez, Computer Speech & Language 20 (2006).

    >>> cllr([0.0], [0.0])
    1.0
    >>> cllr([np.inf], [-np.inf])
    0.0
    """
    same, different = np.asarray(genuine, np.float64), np.asarray(impostor, np.float64)
    cost = np.logaddexp(0, -same).mean() + np.logaddexp(0, different).mean()
    return float(cost / (2 * np.log(2)))


def min_cllr(genuine: ArrayLike, impostor: ArrayLike) -> float:
    """Return the smallest cost that any rising map of these scores could reach (by PAV).

    >>> min_cllr([0.8, 0.9], [0.1, 0.2])
    0.0
    >>> min_cllr([0.5], [0.5])
    1.0
    """
    from sklearn.isotonic import IsotonicRegression

    same, different = np.asarray(genuine, np.float64), np.asarray(impostor, np.float64)
    scores = np.concatenate([same, different])
    is_same = np.concatenate([np.ones(same.size), np.zeros(different.size)])
    # Each kind weighs one half, so that the odds of the fit are likelihood ratios.
    weight = np.concatenate(
        [np.full(same.size, 0.5 / same.size), np.full(different.size, 0.5 / different.size)]
    )
    share = IsotonicRegression(y_min=0, y_max=1).fit_transform(
        scores, is_same, sample_weight=weight
    )
    with np.errstate(divide="ignore"):
        ratio = np.log(share) - np.log1p(-share)
    return cllr(ratio[: same.size], ratio[same.size :])


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """A straight line from a score to a log-likelihood ratio: ``slope * score + offset``."""

    slope: float
    offset: float

    def __call__(self, scores: ArrayLike) -> Values:
        """Return the natural log-likelihood ratio of each score."""
        return self.slope * np.asarray(scores, np.float64) + self.offset


def fit_score_map(genuine: ArrayLike, impostor: ArrayLike) -> ScoreMap:
    """Fit the line by logistic regression with both kinds weighing one half.

    Scores of faces that were not found (-inf) are left out.
    """
    from sklearn.linear_model import LogisticRegression

    same, different = _finite(genuine), _finite(impostor)
    scores = np.concatenate([same, different])[:, None]
    is_same = np.concatenate([np.ones(same.size), np.zeros(different.size)])
    fit = LogisticRegression(C=1e6, class_weight="balanced").fit(scores, is_same)
    return ScoreMap(float(fit.coef_[0, 0]), float(fit.intercept_[0]))


@dataclass(frozen=True, slots=True)
class Bin:
    """Comparisons of similar claimed probability.

    Attributes:
        claimed: their mean claimed probability of one person.
        observed: how many of them were one person, as a share.
        weight: their share of all comparisons at the prior.
    """

    claimed: float
    observed: float
    weight: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How honest log-likelihood ratios are.

    Attributes:
        cllr, min_cllr: the cost as fitted, and the least that a rising map could reach.
        ece: the mean distance between claimed and observed share, over bins of equal count.
        prior: the prior probability of one person that ``ece`` and ``bins`` hold for.
    """

    cllr: float
    min_cllr: float
    ece: float
    prior: float
    bins: tuple[Bin, ...]


def reliability(
    genuine: ArrayLike, impostor: ArrayLike, *, prior: float = 0.5, n_bins: int = N_BINS
) -> Reliability:
    """Judge log-likelihood ratios.

    Args:
        genuine, impostor: natural log-likelihood ratios of the two kinds.
        prior: of one person; the two kinds are weighed by it.
        n_bins: of equal count of comparisons.
    """
    same, different = np.asarray(genuine, np.float64), np.asarray(impostor, np.float64)
    ratio = np.concatenate([same, different])
    is_same = np.concatenate([np.ones(same.size), np.zeros(different.size)])
    weight = np.concatenate(
        [
            np.full(same.size, prior / same.size),
            np.full(different.size, (1 - prior) / different.size),
        ]
    )
    claimed = 1 / (1 + np.exp(-(ratio + np.log(prior) - np.log1p(-prior))))
    bins = []
    for rows in np.array_split(np.argsort(claimed, kind="stable"), min(n_bins, ratio.size)):
        share = weight[rows].sum()
        bins.append(
            Bin(
                float(np.average(claimed[rows], weights=weight[rows])),
                float(np.average(is_same[rows], weights=weight[rows])),
                float(share),
            )
        )
    ece = sum(b.weight * abs(b.claimed - b.observed) for b in bins)
    return Reliability(cllr(same, different), min_cllr(same, different), ece, prior, tuple(bins))


def cross_fitted(comparisons: Comparisons, *, prior: float = 0.5) -> Reliability | None:
    """Fit the map on one half of the people and judge it on the other, both ways.

    Pairs of people from different halves belong to neither.

    Returns:
        None where a half has fewer than ten comparisons of a kind: too few to fit.
    """
    c = comparisons
    genuine_half, a_half, b_half = c.genuine_person % 2, c.person_a % 2, c.person_b % 2
    halves = []
    for half in (0, 1):
        same = _finite(c.genuine[genuine_half == half])
        different = _finite(c.impostor[(a_half == half) & (b_half == half)])
        if min(same.size, different.size) < 10:
            return None
        halves.append((same, thinned(different)))
    maps = [fit_score_map(*half) for half in halves]
    judged = [(maps[1 - k](same), maps[1 - k](other)) for k, (same, other) in enumerate(halves)]
    genuine = np.concatenate([pair[0] for pair in judged])
    impostor = np.concatenate([pair[1] for pair in judged])
    return reliability(genuine, impostor, prior=prior)


def thinned(scores: Values, most: int = MOST_FITTED) -> Values:
    """Return at most about this many scores, equally spaced by rank."""
    step = max(1, scores.size // most)
    return scores if step == 1 else np.sort(scores)[step // 2 :: step]


def _finite(scores: ArrayLike) -> Values:
    values = np.asarray(scores, np.float64)
    return values[np.isfinite(values)]
