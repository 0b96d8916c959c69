"""The report of an evaluation: charts, tables and the faces that deserve a look, in one file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from facegate.data.files import write_output
from facegate.data.images import read_photo
from facegate.errors import FacegateError
from facegate.evaluation import page
from facegate.evaluation.identification import IdentificationResult
from facegate.evaluation.pairs import FEWEST_PEOPLE, VerificationResult
from facegate.evaluation.plots import Axis, Chart, steps
from facegate.evaluation.road import aligned_crop, central_crop
from facegate.evaluation.run import Evaluation, Result
from facegate.evaluation.suspects import Suspect, likely_mislabels, riskiest_pairs
from facegate.evaluation.tables import TITLES, beyond_words, difference_lines, figure_rows
from facegate.models.metrics.difference import Difference
from facegate.models.metrics.likelihood import cross_fitted
from facegate.models.metrics.openset import FPIRS, OpenSetFigures
from facegate.models.metrics.rates import rate_grid
from facegate.models.metrics.verification import measure
from facegate.models.values import Pixels

N_BINS = 80
FIGURE_HEAD = ("figure", "value", "95 % interval", "")
CURVES = ("model", "second", "same")


def write_report(
    path: Path,
    evaluation: Evaluation,
    model: str,
    result: Result,
    value: dict[str, Any],
    *,
    against: tuple[str, Sequence[Difference]] | None = None,
    controls: Mapping[str, Result] | None = None,
) -> tuple[Path, Path]:
    """Write the report of a result, and its figures as JSON beside it.

    Args:
        path: of the HTML file; the JSON takes its name with the ending ``.json``.
        evaluation: what was measured.
        model: the model's name.
        result: of that model.
        value: the figures.
        against: another model, and how its figures differ.
        controls: results that must be near chance, by name.

    Raises:
        InputError, MachineError: the place cannot be written to.
    """
    if isinstance(result, IdentificationResult):
        title, sections = "Open-set identification", identification_sections(result, controls or {})
    else:
        title, sections = "Verification", verification_sections(result, controls or {})
    if against is not None:
        verdict, *differences = difference_lines(against[1], model, against[0])
        rows = [line.split(maxsplit=1) for line in differences]
        heading = f"Compared with {against[0]}"
        table = page.table(("figure", "of both, and their difference in points"), rows)
        sections.insert(1, page.section(heading, page.text(verdict), table))
    crops = _Crops(evaluation, model)
    embedded = evaluation.embedded(model)
    risky = riskiest_pairs(evaluation.protocol, embedded)
    wrong = likely_mislabels(evaluation.protocol, embedded)
    sections += [
        _suspects("Taken for each other", "Different people who score highest.", risky, crops),
        _suspects(
            "Likely wrong labels",
            "Photographs that resemble another person more than their own, or pairs of one person "
            "that score lowest: look whether the label is right.",
            wrong,
            crops,
        ),
    ]
    write_output(path, page.page(title, _subtitle(result), sections).encode())
    beside = path.with_suffix(".json")
    write_output(beside, (json.dumps(value, indent=1) + "\n").encode())
    return path, beside


def verification_sections(
    result: VerificationResult, controls: Mapping[str, Result] = MappingProxyType({})
) -> list[str]:
    """Return charts and tables of a verification."""
    comparisons = result.comparisons
    rows = figure_rows(result)
    for name, control in controls.items():
        assert isinstance(control, VerificationResult)  # of the same protocol
        rows += [
            (f"control, {name}: {figure}", share, interval, "")
            for figure, share, interval, _ in figure_rows(control)
            if interval
        ]
    sections = [
        page.section("Figures", page.table(FIGURE_HEAD, rows)),
        page.section("Scores", page.charts(*_histogram(result), *_det(result))),
    ]
    judged = cross_fitted(comparisons)
    if judged is not None:
        x = Axis("claimed probability of one person", 0, 1, percent=True)
        chart = Chart("Reliability at even odds", x, Axis("observed", 0, 1, percent=True))
        chart.line([(0, 0), (1, 1)], "plain", "honest")
        chart.dots([(b.claimed, b.observed) for b in judged.bins], "model", "measured")
        words = (
            f"A score becomes a probability only with a prior; here both kinds are equally likely. "
            f"The map was fitted on half of the people and judged on the others: Cllr "
            f"{judged.cllr:.3f}, the least that any rising map reaches {judged.min_cllr:.3f}, "
            f"expected calibration error {100 * judged.ece:.2f} %."
        )
        sections.append(page.section("Reliability", page.charts(chart.svg()), page.text(words)))
    if result.groups:
        rows = []
        for name, figures in result.groups.items():
            if figures is None:
                rows.append((name, f"fewer than {FEWEST_PEOPLE} people", "", ""))
                continue
            tars = "; ".join(f"{tar.tar} at FAR {tar.far:g}" for tar in figures.tars[-2:])
            rows.append((name, f"{figures.n_people:,}", str(figures.eer), tars))
        head = ("group", "people", "EER", "TAR")
        sections.append(page.section("Groups", page.table(head, rows)))
    return sections


def identification_sections(
    result: IdentificationResult, controls: Mapping[str, Result] = MappingProxyType({})
) -> list[str]:
    """Return charts and tables of an open-set identification."""
    figures = result.figures
    rows = _search_rows(figures)
    if figures.smallest_fpir > min(FPIRS):
        rows.append(("DIR", beyond_words(figures), "ten false alarms must be expected"))
    rows.append(("failure to enrol", f"{len(result.not_enrolled):,}", "people"))
    for name, control in controls.items():
        assert isinstance(control, IdentificationResult)  # of the same protocol
        rows += [
            (f"control, {name}: {figure}", share, "")
            for figure, share, _ in _search_rows(control.figures)
        ]
    sections = [page.section("Figures", page.table(("figure", "value", ""), rows))]
    sizes = sorted({point.n for point in figures.curve})
    parts = [*_search_histogram(result)]
    if len(sizes) > 1:
        x = Axis("identities in the gallery", sizes[0], sizes[-1], log=True)
        chart = Chart("DIR against the size of the gallery", x, Axis("DIR", 0, 1, percent=True))
        fpirs = sorted({point.fpir for point in figures.curve}, reverse=True)
        for kind, fpir in zip(CURVES, fpirs, strict=False):
            points = [p for p in figures.curve if p.fpir == fpir]
            low, high = [(p.n, p.low) for p in points], [(p.n, p.high) for p in points]
            chart.band(low, high, f"{kind} band")
            chart.line([(p.n, p.dir) for p in points], kind, f"FPIR {fpir:g}")
        parts.append(chart.svg())
    sections.append(page.section("Scores", page.charts(*parts)))
    return sections


def _search_rows(figures: OpenSetFigures) -> list[tuple[str, str, str]]:
    rows = [("rank 1", str(figures.rank1), f"{figures.n_mated:,} mated probes")]
    for entry in figures.dirs:
        detail = f"threshold {entry.threshold:.3f}, achieved {entry.achieved:.2g}"
        rows.append((f"DIR at FPIR {entry.fpir:g}", str(entry.dir), detail))
    return rows


def _histogram(result: VerificationResult) -> list[str]:
    comparisons = result.comparisons
    genuine = comparisons.genuine[np.isfinite(comparisons.genuine)]
    impostor = comparisons.impostor[np.isfinite(comparisons.impostor)]
    marks = [(tar.threshold, f"threshold at FAR {tar.far:g}") for tar in result.figures.tars[-1:]]
    return score_histogram("Scores of one person and of two", genuine, impostor, marks)


def _search_histogram(result: IdentificationResult) -> list[str]:
    own, stranger, _ = result.searches.best()
    marks = [(d.threshold, f"threshold at FPIR {d.fpir:g}") for d in result.figures.dirs[-1:]]
    title = "Best scores of enrolled people and of strangers"
    return score_histogram(title, own[np.isfinite(own)], stranger[np.isfinite(stranger)], marks)


def score_histogram(
    title: str,
    genuine: np.ndarray,
    impostor: np.ndarray,
    marks: Sequence[tuple[float, str]],
) -> list[str]:
    """Return two histograms of scores, each of area 1, with marks at some scores.

    A kind without a score has no histogram; without any score there is no chart.
    """
    kinds = [
        kind
        for kind in (("same", "one person", genuine), ("other", "two people", impostor))
        if kind[2].size
    ]
    if not kinds:
        return []
    least = min(float(scores.min()) for _, _, scores in kinds)
    low = min(0.9, float(np.floor(least * 10) / 10))
    edges = np.linspace(low, 1.0, N_BINS + 1)
    shares = [np.histogram(scores.clip(low, 1.0), edges, density=True)[0] for *_, scores in kinds]
    top = float(max(share.max() for share in shares)) * 1.05
    chart = Chart(title, Axis("score", low, 1.0), Axis("density", 0, top))
    for (kind, name, _), share in zip(kinds, shares, strict=True):
        chart.area(steps(edges.tolist(), share.tolist()), kind, name)
    for score, name in marks:
        chart.mark(score, "plain", name)
    return [chart.svg()]


def _det(result: VerificationResult) -> list[str]:
    comparisons = result.comparisons
    fars = rate_grid(comparisons.impostor.size)
    if not fars:
        return []
    tars = measure(comparisons, fars=fars).tars
    least = max(
        1e-4, min([1 - tar.tar.value for tar in tars if tar.tar.value < 1], default=1e-2) / 2
    )
    x = Axis("false match rate", min(fars), 1, log=True, percent=True)
    y = Axis("false non-match rate", 10 ** np.floor(np.log10(least)), 1, log=True, percent=True)
    chart = Chart("Detection error trade-off, with its 95 % band", x, y)
    low = [(tar.far, 1 - (tar.tar.high or 0.0)) for tar in tars]
    high = [(tar.far, 1 - (tar.tar.low or 0.0)) for tar in tars]
    chart.band(low, high, "model band")
    chart.line([(tar.far, 1 - tar.tar.value) for tar in tars], "model", result.model)
    return [chart.svg()]


def _subtitle(result: Result) -> str:
    if isinstance(result, IdentificationResult):
        figures = result.figures
        return (
            f"model {result.model}; {figures.n_identities:,} identities, {figures.n_mated:,} mated "
            f"and {figures.n_nonmated:,} non-mated probes, {len(result.failures)} photographs "
            "without a usable face"
        )
    return (
        f"{TITLES[result.protocol]}; model {result.model}; {result.n_pairs:,} comparisons, "
        f"{len(result.failures)} photographs without a usable face"
    )


class _Crops:
    """The aligned faces of single photographs, as the model sees them."""

    def __init__(self, evaluation: Evaluation, model: str) -> None:
        self._pipeline = evaluation.pipeline(model)
        self._aligned = evaluation.aligned

    def of(self, path: Path) -> Pixels | None:
        """Return a photograph's crop, or None where it gives none any more."""
        try:
            photo = read_photo(path)
            if self._aligned:
                return aligned_crop(photo, self._pipeline.embedder.card)
            return central_crop(self._pipeline, photo)
        except FacegateError:
            return None


def _suspects(heading: str, words: str, suspects: Sequence[Suspect], crops: _Crops) -> str:
    if not suspects:
        return ""
    parts = [
        page.faces(
            [crops.of(suspect.first), crops.of(suspect.second)],
            [
                f"score {suspect.score:.3f}: {suspect.words}",
                f"{suspect.first.parent.name}/{suspect.first.name}",
                f"{suspect.second.parent.name}/{suspect.second.name}",
            ],
        )
        for suspect in suspects
    ]
    return page.section(heading, page.text(words), page.gallery(parts))
