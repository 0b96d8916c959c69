"""Enrolled people who would be taken for each other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facegate.calibration.stored import CalibrationReader
from facegate.decision import Search
from facegate.errors import InputError, NoThresholdError
from facegate.gallery.values import Finding
from facegate.models.impostor_files import ImpostorStatistics

if TYPE_CHECKING:
    from facegate.gallery import Gallery


@dataclass(frozen=True, slots=True)
class ClosePair:
    """Two enrolled people whose templates score at or above a threshold."""

    first: str
    second: str
    score: float


def too_close(gallery: "Gallery", score: float) -> list[ClosePair]:
    """Return the pairs of enrolled people who would be taken for each other, the closest first.

    They look alike, or they are one person under two names.

    Args:
        gallery: open.
        score: the threshold; templates of two people on it or above are too close.
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
    closest = sorted(best, key=lambda pair: -best[pair])
    names = {person.id: person.name for person in gallery.identities()} if closest else {}
    return [ClosePair(names[a], names[b], best[a, b]) for a, b in closest]


def alike_by_model(
    gallery: "Gallery", shipped: ImpostorStatistics | None, fpir: float
) -> list[ClosePair]:
    """Return who would be taken for each other by the statistics of the model alone.

    A person who is enrolled under two names scores with themselves like nobody else: such pairs
    make a gallery's own people seem so alike that its threshold passes them by.

    Args:
        gallery: open.
        shipped: the statistics of its model; without any, or where they support no rate that
            small, there is nothing to find.
        fpir: the rate to aim at.
    """
    score = score_by_model(gallery, shipped, fpir)
    return [] if score is None else too_close(gallery, score)


def score_by_model(
    gallery: "Gallery", shipped: ImpostorStatistics | None, fpir: float
) -> float | None:
    """Return the threshold of a search by the statistics of the model alone, where they have one.

    Args:
        gallery, shipped, fpir: as ``alike_by_model`` has them.
    """
    n_identities, n_templates = gallery.count()
    if shipped is None or not n_templates:
        return None
    try:
        line = shipped.scale.search_threshold(fpir, templates=n_templates, identities=n_identities)
    except NoThresholdError:
        return None
    return line.score


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
