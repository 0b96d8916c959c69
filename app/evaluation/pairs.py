"""Verification: pairs of photographs, or a folder of people compared with each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.data.protocols.pairs import PairProtocol
from facegate.data.protocols.people import PeopleProtocol
from facegate.errors import InputError
from facegate.evaluation.road import Embedded, Failure
from facegate.models.metrics.comparisons import Comparisons, compare_people
from facegate.models.metrics.folds import FoldAccuracy, fold_accuracy
from facegate.models.metrics.pairs import rounded
from facegate.models.metrics.rates import rate_grid
from facegate.models.metrics.verification import FARS, VerificationFigures, measure

Json = dict[str, Any]

FEWEST_PEOPLE = 30
"""A group of fewer people is not shown: its rates would say nothing, and could point at people."""

PAIRS_AT_A_TIME = 65_536
"""Rows that are gathered for scores at once, 33 MB of 128 numbers on each side."""


@dataclass(frozen=True, slots=True, eq=False)
class VerificationResult:
    """What an evaluation of verification found.

    Attributes:
        protocol: ``lfw``, ``pairs`` or ``people``.
        model: the model's id.
        n_pairs: how many comparisons the protocol has.
        figures: rates of all of them.
        accuracy: where the protocol has folds.
        failures: photographs without an embedding; n_failed_pairs: comparisons they spoil.
        groups: figures by group; None for a group that is too small to show.
        comparisons: the scores.
    """

    protocol: str
    model: str
    n_pairs: int
    figures: VerificationFigures
    accuracy: FoldAccuracy | None
    failures: tuple[Failure, ...]
    n_failed_pairs: int
    comparisons: Comparisons
    groups: dict[str, VerificationFigures | None] = field(default_factory=dict)

    def as_json(self) -> Json:
        """Return the object that ``evaluate --json`` prints."""
        accuracy = self.accuracy
        own = figures_json(self.figures)
        ci95 = {"accuracy": accuracy.accuracy.ci95 if accuracy else None, **own.pop("ci95")}
        return {
            "protocol": self.protocol,
            "model": self.model,
            "pairs": self.n_pairs,
            "accuracy": accuracy.accuracy.value if accuracy else None,
            "sem": accuracy.sem if accuracy else None,
            **own,
            "threshold": accuracy.threshold if accuracy else None,
            "folds": list(accuracy.folds) if accuracy else None,
            "failures": len(self.failures),
            "failed_pairs": self.n_failed_pairs,
            "left_out": [
                {"source": str(f.path), "code": f.code, "message": f.message} for f in self.failures
            ],
            "ci95": ci95,
            "groups": {
                name: None if figures is None else figures_json(figures)
                for name, figures in self.groups.items()
            },
        }


def figures_json(figures: VerificationFigures) -> Json:
    """Return rates as JSON; null at the false accept rates that are not resolvable."""
    tar = {f"{far:g}": None for far in FARS}
    ci95: dict[str, Any] = dict(tar)
    at: dict[str, Any] = dict(tar)
    for entry in figures.tars:
        key = f"{entry.far:g}"
        tar[key] = entry.tar.value  # type: ignore[assignment]
        ci95[key] = entry.tar.ci95
        at[key] = {
            "threshold": entry.threshold,
            "achieved": entry.achieved,
            "low_confidence": entry.low_confidence,
        }
    return {
        "eer": figures.eer.value,
        "auc": figures.auc.value,
        "tar": tar,
        "at": at,
        "det": det_points(figures),
        "smallest_far": figures.smallest_far,
        "genuine": figures.n_genuine,
        "impostor": figures.n_impostor,
        "people": figures.n_people,
        "ci95": {"eer": figures.eer.ci95, "auc": figures.auc.ci95, "tar": ci95},
    }


def det_points(figures: VerificationFigures) -> list[list[float]]:
    """Return the error trade-off as [false match rate, false non-match rate], by falling rate."""
    curve, rates = figures.curve, rate_grid(figures.n_impostor)
    last = np.searchsorted(curve.fmr, np.array(rates) * (1 + 1e-9), side="right") - 1
    return [[rate, float(curve.fnmr[k])] for rate, k in zip(rates, last, strict=True)]


def evaluate_pairs(protocol: PairProtocol, embedded: Embedded, model: str) -> VerificationResult:
    """Measure a list of pairs.

    A pair with a photograph without an embedding scores -inf: no false match, a false non-match,
    and an error of the accuracy whatever its kind.

    Raises:
        InputError: the list has pairs of one kind only, or no pair has two usable faces.
    """
    scores = pair_scores(protocol, embedded)
    comparisons = pair_comparisons(protocol, scores)
    accuracy = _accuracy(protocol, scores)
    groups: dict[str, VerificationFigures | None] = {}
    for name in sorted({name for name in protocol.group or () if name}):
        member = np.array([group == name for group in protocol.group or ()])
        people = np.unique(
            protocol.person[np.concatenate([protocol.a[member], protocol.b[member]])]
        )
        kinds = np.unique(protocol.same[member])
        is_shown = people.size >= FEWEST_PEOPLE and kinds.size == 2
        groups[name] = measure(pair_comparisons(protocol, scores, member)) if is_shown else None
    return VerificationResult(
        protocol=protocol.name,
        model=model,
        n_pairs=scores.size,
        figures=measure(comparisons),
        accuracy=accuracy,
        failures=embedded.failures,
        n_failed_pairs=int(np.count_nonzero(scores == -np.inf)),
        comparisons=comparisons,
        groups=groups,
    )


def _accuracy(protocol: PairProtocol, scores: NDArray[np.float32]) -> FoldAccuracy | None:
    """Return the accuracy where the list has folds."""
    usable = scores > -np.inf
    if not usable.any():
        raise InputError(
            "no pair has two usable faces", hint="look what the photographs show, and at --data"
        )
    if protocol.fold is None or np.unique(protocol.fold).size < 2:
        return None
    if np.unique(protocol.fold[usable]).size < 2:
        raise InputError(
            f"only fold {protocol.fold[usable][0]} has pairs with two usable faces, so that no "
            "other gives it a threshold",
            hint="leave the column fold out",
        )
    person = protocol.person
    return fold_accuracy(
        scores, protocol.same, protocol.fold, person[protocol.a], person[protocol.b]
    )


def pair_scores(protocol: PairProtocol, embedded: Embedded) -> NDArray[np.float32]:
    """Return the score of each pair, -inf where a photograph has no embedding."""
    rows, found = embedded.rows, embedded.found
    product = np.empty(protocol.a.size, np.float32)
    for start in range(0, product.size, PAIRS_AT_A_TIME):
        block = slice(start, start + PAIRS_AT_A_TIME)
        product[block] = rounded(
            np.einsum("nd,nd->n", rows[protocol.a[block]], rows[protocol.b[block]])
        )
    usable = found[protocol.a] & found[protocol.b]
    return np.where(usable, product, -np.inf).astype(np.float32)


def pair_comparisons(
    protocol: PairProtocol,
    scores: NDArray[np.float32],
    member: NDArray[np.bool_] | None = None,
) -> Comparisons:
    """Return the scores of pairs, of some where ``member`` says which, with their people.

    Raises:
        InputError: there are pairs of one kind only.
    """
    chosen = np.ones(scores.size, bool) if member is None else member
    same, different = protocol.same & chosen, ~protocol.same & chosen
    if not same.any() or not different.any():
        kind = "two people" if same.any() else "one person"
        raise InputError(f"the list has no pair of {kind}", hint="error rates need both kinds")
    used = np.unique(protocol.person[np.concatenate([protocol.a[chosen], protocol.b[chosen]])])
    number = np.zeros(int(protocol.person.max()) + 1, np.int64)
    number[used] = np.arange(used.size)
    person = number[protocol.person]
    return Comparisons(
        genuine=scores[same],
        genuine_person=person[protocol.a[same]],
        genuine_weight=np.ones(int(same.sum())),
        impostor=scores[different],
        person_a=person[protocol.a[different]].astype(np.int32),
        person_b=person[protocol.b[different]].astype(np.int32),
        n_people=used.size,
    )


def evaluate_people(protocol: PeopleProtocol, embedded: Embedded, model: str) -> VerificationResult:
    """Compare everybody with everybody: true accepts are the mean over people.

    Photographs without an embedding are left out and counted: which comparisons they would have
    been in is a matter of the others.

    Raises:
        InputError: too few people or photographs.
    """
    found = embedded.found
    comparisons = _compare(embedded.rows[found], protocol.person[found])
    groups: dict[str, VerificationFigures | None] = {}
    for name in sorted({name for name in protocol.group or () if name}):
        of_group = np.array([group == name for group in protocol.group or ()])
        member = found & of_group[protocol.person]
        people = Counter(protocol.person[member].tolist())
        is_shown = len(people) >= FEWEST_PEOPLE and max(people.values()) > 1
        groups[name] = (
            measure(compare_people(embedded.rows[member], protocol.person[member]))
            if is_shown
            else None
        )
    return VerificationResult(
        protocol="people",
        model=model,
        n_pairs=int(comparisons.genuine.size + comparisons.impostor.size),
        figures=measure(comparisons),
        accuracy=None,
        failures=embedded.failures,
        n_failed_pairs=0,
        comparisons=comparisons,
        groups=groups,
    )


def _compare(rows: NDArray[np.float32], person: NDArray[np.int64]) -> Comparisons:
    try:
        comparisons = compare_people(rows, person)
    except ValueError as error:
        raise InputError(f"the folder is too large: {error}", hint="name a --split") from error
    if not comparisons.genuine.size or not comparisons.impostor.size:
        raise InputError(
            "error rates need two people with usable photographs, and two of one of them",
            hint="add photographs",
        )
    return comparisons


def failure_counts(failures: Sequence[Failure]) -> dict[str, int]:
    """Return how many photographs failed, by reason code."""
    return dict(Counter(failure.code for failure in failures))


def first_failures(failures: Sequence[Failure], most: int = 5) -> list[tuple[Path, str]]:
    """Return some of the photographs that failed, with the reason."""
    return [(failure.path, failure.message) for failure in failures[:most]]
