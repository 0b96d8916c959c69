"""Every probe against every identity: the scores that open-set identification is measured on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegate.models.metrics.errors import Scores
from facegate.models.metrics.pairs import Indices, rounded
from facegate.models.values import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """The scores of every probe against every identity.

    Attributes:
        scores: float32 (n_probes, n_identities), of the identity's best template; a row of -inf
            for a probe without a found face, a column of -inf for a failed enrolment.
        mate: int64 (n_probes,), the identity of each probe, or -1 for a stranger.
        person: int64 (n_probes,), who is in each probe, numbered over mates and strangers.
    """

    scores: Floats
    mate: Indices
    person: Indices

    @property
    def n_identities(self) -> int:
        """Return the size of the gallery."""
        return int(self.scores.shape[1])

    def best(self, columns: Indices | None = None) -> tuple[Scores, Scores, Indices]:
        """Return what a gallery of some identities answers.

        Args:
            columns: the identities enrolled; all where None.

        Returns:
            own (n,): the score of a mated probe's identity, -inf where another comes first;
            stranger (m,): the best score of each non-mated probe; and the rows of the n mated
            probes whose identity is enrolled.
        """
        chosen = np.arange(self.n_identities) if columns is None else columns
        place = np.full(self.n_identities, -1)
        place[chosen] = np.arange(chosen.size)
        strangers = np.flatnonzero(self.mate < 0)
        mated = np.flatnonzero(self.mate >= 0)
        mated = mated[place[self.mate[mated]] >= 0]
        among = self.scores[np.ix_(mated, chosen)]
        columns_own = place[self.mate[mated]]
        own = among[np.arange(mated.size), columns_own].copy()
        among[np.arange(mated.size), columns_own] = -np.inf
        # A tie with another person is no identification.
        own[own <= among.max(axis=1, initial=-np.inf)] = -np.inf
        stranger = self.scores[np.ix_(strangers, chosen)].max(axis=1, initial=-np.inf)
        return own, stranger, mated


def search(
    probes: Floats,
    found: NDArray[np.bool_],
    templates: Floats,
    identity: Indices,
    n_identities: int,
) -> Floats:
    """Return the best score of each probe against the templates of each identity.

    Args:
        probes: (n, d) unit rows.
        found: bool (n,), False for a probe without a face; its row is -inf.
        templates: (t, d) unit rows.
        identity: int64 (t,), whose template each is.
        n_identities: columns of the result; -inf for identities without a template.

    >>> rows = np.eye(2, dtype=np.float32)
    >>> search(rows, np.array([True, False]), rows, np.array([0, 0]), 2).tolist()
    [[1.0, -inf], [-inf, -inf]]
    """
    scores = np.full((len(probes), n_identities), -np.inf, np.float32)
    order = np.argsort(identity, kind="stable")
    if order.size:
        starts = np.flatnonzero(np.append(True, np.diff(identity[order]) > 0))
        names = identity[order][starts]
        for start in range(0, len(probes), 512):
            block = slice(start, start + 512)
            each = rounded(probes[block] @ templates[order].T)
            scores[block, names] = np.maximum.reduceat(each, starts, axis=1)
    scores[~found] = -np.inf
    return scores
