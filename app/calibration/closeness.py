"""Enrolled people who would be taken for each other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facegate.calibration.stored import CalibrationReader
from facegate.decision import Search
from facegate.errors import InputError, NoThresholdError
from facegate.gallery.values import Finding

if TYPE_CHECKING:
    from facegate.gallery import Gallery

SHOWN = 20


@dataclass(frozen=True, slots=True)
class ClosePair:
    """Two enrolled people whose templates score at or above a threshold."""

    first: str
    second: str
    score: float


def too_close(gallery: "Gallery", score: float, *, most: int = SHOWN) -> list[ClosePair]:
    """Return the pairs of enrolled people who would be taken for each other, the closest first.

    They look alike, or they are one person under two names.

    Args:
        gallery: open.
        score: the threshold; templates of two people on it or above are too close.
        most: pairs that are returned.
    """
    _, owners, rows = gallery.all_templates()
    best: dict[tuple[int, int], float] = {}
    for start in range(0, len(rows), 1024):
        scores = rows[start : start + 1024] @ rows[start:].T
        block = owners[start : start + 1024]
        near = (scores >= score) & (block[:, None] != owners[None, start:])
        for i, j in zip(*np.nonzero(near), strict=True):
            one, other = sorted((int(block[i]), int(owners[start + j])))
            best[one, other] = max(best.get((one, other), -1.0), float(scores[i, j]))
    closest = sorted(best, key=lambda pair: -best[pair])[:most]
    names = {person.id: person.name for person in gallery.identities()} if closest else {}
    return [ClosePair(names[a], names[b], best[a, b]) for a, b in closest]


def close_findings(gallery: "Gallery") -> list[Finding]:
    """Return as findings the enrolled people who are too close for a search.

    The threshold is that of the gallery's calibration, else of its model; without either, or with
    a model that this machine does not know, there is nothing to find.
    """
    from facegate.models.zoo import card

    n_identities, n_templates = gallery.count()
    if n_identities < 2:
        return []
    try:
        basis = CalibrationReader().basis(card(gallery.model_id), gallery.model_id, gallery)
        threshold = basis.identification(None, Search(n_templates, n_identities))
    except (InputError, NoThresholdError):
        return []
    return [
        Finding(
            "too_close",
            f"{pair.first!r} and {pair.second!r} are too close, score {pair.score:.3f} with "
            f"threshold {threshold.score:.3f}: they look alike, or are one person under two names",
        )
        for pair in too_close(gallery, threshold.score)
    ]
