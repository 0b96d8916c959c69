"""Open-set identification: enrolled people, probes, strangers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from facegate.data.protocols.openset import OpenSetProtocol
from facegate.errors import InputError
from facegate.evaluation.road import Embedded, Failure
from facegate.models.metrics.openset import FPIRS, OpenSetFigures, measure_open_set
from facegate.models.metrics.searches import Searches, search

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class IdentificationResult:
    """What an evaluation of identification found.

    Attributes:
        model: the model's id.
        figures: the rates.
        n_templates: enrolled photographs.
        not_enrolled: identities of whom no photograph gave an embedding: failures to enrol. They
            stay in the gallery's size and their probes are misses.
        failures: photographs without an embedding, enrolled ones and probes.
        searches: the scores.
    """

    model: str
    figures: OpenSetFigures
    n_templates: int
    not_enrolled: tuple[str, ...]
    failures: tuple[Failure, ...]
    searches: Searches

    def as_json(self) -> Json:
        """Return the object that ``evaluate --json`` prints."""
        figures = self.figures
        asked = {f"{fpir:g}": None for fpir in FPIRS}  # null where not resolvable
        rates: dict[str, Any] = dict(asked)
        ci95: dict[str, Any] = dict(asked)
        at: dict[str, Any] = dict(asked)
        for entry in figures.dirs:
            key = f"{entry.fpir:g}"
            rates[key], ci95[key] = entry.dir.value, entry.dir.ci95
            at[key] = {
                "threshold": entry.threshold,
                "achieved": entry.achieved,
                "low_confidence": entry.low_confidence,
            }
        return {
            "protocol": "openset",
            "model": self.model,
            "rank1": figures.rank1.value,
            "dir": rates,
            "at": at,
            "smallest_fpir": figures.smallest_fpir,
            "n_identities": figures.n_identities,
            "templates": self.n_templates,
            "mated": figures.n_mated,
            "nonmated": figures.n_nonmated,
            "failures": len(self.failures),
            "failures_to_enrol": list(self.not_enrolled),
            "left_out": [
                {"source": str(f.path), "code": f.code, "message": f.message} for f in self.failures
            ],
            "ci95": {"rank1": figures.rank1.ci95, "dir": ci95},
            "curve": [
                {
                    "n": point.n,
                    "fpir": point.fpir,
                    "dir": point.dir,
                    "lowest": point.low,
                    "highest": point.high,
                }
                for point in figures.curve
            ],
        }


def evaluate_open_set(
    protocol: OpenSetProtocol, enrolled: Embedded, probes: Embedded, model: str
) -> IdentificationResult:
    """Search every probe among the enrolled.

    Raises:
        InputError: nobody could be enrolled, or no probe shows an enrolled person.
    """
    if not enrolled.found.any():
        raise InputError("nobody could be enrolled: no photograph gave an embedding")
    n = len(protocol.names)
    templates, owners = enrolled.rows[enrolled.found], protocol.identity[enrolled.found]
    scores = search(probes.rows, probes.found, templates, owners, n)
    searches = Searches(scores, protocol.mate, protocol.person)
    if not (protocol.mate >= 0).any():
        raise InputError(
            "no probe shows an enrolled person",
            hint="a person's folder has the same name in both places",
        )
    has_template = np.bincount(owners, minlength=n) > 0
    return IdentificationResult(
        model=model,
        figures=measure_open_set(searches),
        n_templates=int(owners.size),
        not_enrolled=tuple(protocol.names[k] for k in np.flatnonzero(~has_template)),
        failures=(*enrolled.failures, *probes.failures),
        searches=searches,
    )
