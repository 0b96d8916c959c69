"""What a loss returns: the number to differentiate, and what happened on the way to it."""

from dataclasses import dataclass

from torch import Tensor

Percentiles = tuple[float, float, float]

# Percentiles for the log come from at most this many distances, evenly spaced over the batch: an
# exact median of the 3.2 million distances of 1,800 images would cost as much as mining them.
SAMPLE = 4096


@dataclass(frozen=True, slots=True)
class LossStats:
    """What a batch looked like to the loss; the watchdog and the progress line read it.

    Attributes:
        loss: the value of the loss over the whole batch, all processes together.
        n_pairs: ordered positive pairs (anchor, positive) whose anchor has a negative. Losses
            that take one triplet an anchor count anchors.
        n_semi: pairs whose nearest negative beyond the positive lies within the margin.
        n_easy: pairs whose nearest negative beyond the positive lies past the margin.
        n_none: pairs with every negative as near as the positive or nearer.
        n_active: terms that the loss was made of (its gradient comes from these alone).
        d_ap: 5th, 50th, 95th percentile of the distances of positive pairs, Euclidean, or None.
        d_an: the same for negative pairs.
    """

    loss: float
    n_pairs: int = 0
    n_semi: int = 0
    n_easy: int = 0
    n_none: int = 0
    n_active: int = 0
    d_ap: Percentiles | None = None
    d_an: Percentiles | None = None

    @property
    def semi(self) -> float:
        """Return the share of pairs with a semi-hard negative, 0 to 1."""
        return self.n_semi / max(self.n_pairs, 1)

    @property
    def easy(self) -> float:
        """Return the share of pairs that are past the margin already, 0 to 1."""
        return self.n_easy / max(self.n_pairs, 1)

    @property
    def none(self) -> float:
        """Return the share of pairs with hard negatives only, 0 to 1."""
        return self.n_none / max(self.n_pairs, 1)


@dataclass(frozen=True, slots=True, eq=False)
class LossResult:
    """A loss and its circumstances.

    Attributes:
        loss: 0-d tensor, connected to the embeddings also when it is 0.
        stats: counts and percentiles, plain numbers.
    """

    loss: Tensor
    stats: LossStats


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """A loss before it is divided: what some anchors of a batch contribute.

    A loss is the sum of one or two terms, each a sum over something divided by how many.

    Attributes:
        totals: (T,), differentiable: the sums.
        denominators: float64 (T,): what to divide each by; below 1 reads as 1.
        counts: float64 (5,): n_pairs, n_semi, n_easy, n_none, n_active.
        d_ap: a sample of distances of positive pairs, 1-d, Euclidean.
        d_an: the same of negative pairs.
    """

    totals: Tensor
    denominators: Tensor
    counts: Tensor
    d_ap: Tensor
    d_an: Tensor

    def value(self) -> Tensor:
        """Return the loss, 0-d, in the dtype of the totals."""
        return (self.totals / self.denominators.clamp_min(1).to(self.totals.dtype)).sum()


def percentiles(values: Tensor) -> Percentiles | None:
    """Return the 5th, 50th and 95th percentile (by the nearest rank), or None of nothing."""
    if not len(values):
        return None
    last = len(values) - 1
    ranks = [round(share * last) for share in (0.05, 0.5, 0.95)]
    low, middle, high = values.sort().values[ranks].tolist()
    return low, middle, high


def finish(sums: Sums) -> LossResult:
    """Divide the sums and read the counters, on one process."""
    loss = sums.value()
    return LossResult(loss, read_stats(float(loss.detach()), sums))


def read_stats(loss: float, sums: Sums) -> LossStats:
    """Turn counters and samples into plain numbers."""
    n_pairs, n_semi, n_easy, n_none, n_active = (int(n) for n in sums.counts.tolist())
    d_ap, d_an = percentiles(sums.d_ap), percentiles(sums.d_an)
    return LossStats(loss, n_pairs, n_semi, n_easy, n_none, n_active, d_ap, d_an)
