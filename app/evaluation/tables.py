"""What an evaluation says, as lines of text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from facegate.evaluation.identification import IdentificationResult
from facegate.evaluation.pairs import FEWEST_PEOPLE, VerificationResult
from facegate.evaluation.road import Failure
from facegate.models.metrics.difference import Difference
from facegate.models.metrics.intervals import Figure
from facegate.models.metrics.openset import FPIRS, OpenSetFigures
from facegate.models.metrics.verification import FARS, VerificationFigures

TITLES = {
    "lfw": "LFW View 2, unrestricted with labelled outside data",
    "pairs": "pairs",
    "people": "everybody against everybody",
}
SHOWN_FAILURES = 5


def result_lines(result: VerificationResult | IdentificationResult) -> list[str]:
    """Return a result as lines, intervals of 95 % in brackets."""
    if isinstance(result, IdentificationResult):
        return _identification_lines(result)
    lines = [f"{TITLES[result.protocol]}: {result.n_pairs:,} comparisons, model {result.model}"]
    if result.accuracy is not None:
        accuracy = result.accuracy
        lines.append(
            f"  accuracy  {100 * accuracy.accuracy.value:.2f} % +- {100 * accuracy.sem:.2f} "
            f"(standard error of {len(accuracy.folds)} folds) {_brackets(accuracy.accuracy.ci95)}, "
            f"threshold {accuracy.threshold:.3f}"
        )
    lines += figure_lines(result.figures)
    lines += failure_lines(result.failures)
    if result.n_failed_pairs:
        lines.append(f"  {result.n_failed_pairs} comparisons without a face count as errors")
    for name, figures in result.groups.items():
        if figures is None:
            lines.append(
                f"  group {name}: not shown, fewer than {FEWEST_PEOPLE} people or one kind"
            )
        else:
            lines += [f"  group {name}: {figures.n_people:,} people"]
            lines += [f"  {line}" for line in figure_lines(figures)]
    return lines


def figure_lines(figures: VerificationFigures) -> list[str]:
    """Return rates as lines."""
    lines = [f"  EER       {figures.eer}", f"  AUC       {figures.auc}"]
    for tar in figures.tars:
        doubt = ", low confidence" if tar.low_confidence else ""
        lines.append(
            f"  TAR       {tar.tar} at FAR {tar.far:g} "
            f"(achieved {tar.achieved:.2g}, threshold {tar.threshold:.3f}{doubt})"
        )
    beyond = [far for far in FARS if far < figures.smallest_far]
    if beyond:
        lines.append(
            f"  TAR       not resolvable at FAR {beyond[0]:g}: {figures.n_impostor:,} impostor "
            f"comparisons resolve {figures.smallest_far:.2g}"
        )
    lines.append(
        f"  from {figures.n_genuine:,} genuine and {figures.n_impostor:,} impostor comparisons "
        f"of {figures.n_people:,} people"
    )
    return lines


def figure_rows(result: VerificationResult) -> list[tuple[str, str, str, str]]:
    """Return rates as rows of a table: figure, value, interval, detail."""
    rows = []
    if result.accuracy is not None:
        accuracy = result.accuracy
        detail = f"+- {100 * accuracy.sem:.2f}, standard error of {len(accuracy.folds)} folds"
        rows.append(("accuracy", *_cells(accuracy.accuracy), detail))
    figures = result.figures
    people = f"{figures.n_genuine:,} genuine, {figures.n_impostor:,} impostor"
    rows.append(("equal error rate", *_cells(figures.eer), people))
    rows.append(("area under the curve", *_cells(figures.auc), f"{figures.n_people:,} people"))
    for tar in figures.tars:
        doubt = "; low confidence" if tar.low_confidence else ""
        detail = f"threshold {tar.threshold:.3f}, achieved {tar.achieved:.2g}{doubt}"
        rows.append((f"TAR at FAR {tar.far:g}", *_cells(tar.tar), detail))
    beyond = f"not resolvable below FAR {figures.smallest_far:.2g}"
    rows.append(("TAR", beyond, "", "ten false accepts must be expected"))
    return rows


def _cells(figure: Figure) -> tuple[str, str]:
    return f"{100 * figure.value:.2f} %", _brackets(figure.ci95)


def failure_lines(failures: Sequence[Failure]) -> list[str]:
    """Return how many photographs gave no embedding, why, and the first few."""
    if not failures:
        return ["  every photograph gave a face"]
    kinds = Counter(failure.code for failure in failures)
    counted = ", ".join(f"{count} {code}" for code, count in kinds.items())
    lines = [f"  {len(failures)} photographs without a usable face: {counted}"]
    lines += [f"    {failure.path}: {failure.message}" for failure in failures[:SHOWN_FAILURES]]
    if len(failures) > SHOWN_FAILURES:
        lines.append(f"    and {len(failures) - SHOWN_FAILURES} more; --json lists all")
    return lines


def difference_lines(found: Sequence[Difference], first: str, second: str) -> list[str]:
    """Return a comparison of two models as lines, the verdict first."""
    lines = [found[0].verdict(first, second)]
    for entry in found:
        lines.append(
            f"  {entry.name:<10} {100 * entry.first:.2f} % -> {100 * entry.second:.2f} %, "
            f"difference [{100 * entry.low:+.2f}, {100 * entry.high:+.2f}]"
        )
    return lines


def differences_json(found: Sequence[Difference], first: str, second: str) -> dict[str, Any]:
    """Return a comparison of two models as JSON."""
    return {
        "first": first,
        "second": second,
        "verdict": found[0].verdict(first, second),
        "differences": [
            {
                "name": entry.name,
                "first": entry.first,
                "second": entry.second,
                "ci95": [entry.low, entry.high],
                "clear": entry.is_clear,
            }
            for entry in found
        ],
    }


def _identification_lines(result: IdentificationResult) -> list[str]:
    figures = result.figures
    lines = [
        f"open set: {figures.n_identities:,} identities with {result.n_templates:,} templates, "
        f"{figures.n_mated:,} mated and {figures.n_nonmated:,} non-mated probes, "
        f"model {result.model}",
        f"  rank 1    {figures.rank1}",
    ]
    for entry in figures.dirs:
        doubt = ", low confidence" if entry.low_confidence else ""
        lines.append(
            f"  DIR       {entry.dir} at FPIR {entry.fpir:g} "
            f"(achieved {entry.achieved:.2g}, threshold {entry.threshold:.3f}{doubt})"
        )
    if figures.smallest_fpir > min(FPIRS):
        lines.append(f"  DIR       {beyond_words(figures)}")
    sizes = sorted({point.n for point in figures.curve})
    if len(sizes) > 1:
        for fpir in sorted({point.fpir for point in figures.curve}, reverse=True):
            row = [f"{p.n:,}: {100 * p.dir:.1f} %" for p in figures.curve if p.fpir == fpir]
            lines.append(f"  DIR by size at FPIR {fpir:g}: {', '.join(row)}")
    if result.not_enrolled:
        lines.append(f"  {len(result.not_enrolled)} people could not be enrolled")
    return lines + failure_lines(result.failures)


def beyond_words(figures: OpenSetFigures) -> str:
    """Return at which FPIR nothing can be said, and why."""
    if not figures.n_nonmated:
        return "not resolvable: no probe shows a stranger"
    return (
        f"not resolvable at FPIR below {figures.smallest_fpir:.2g}: "
        f"{figures.n_nonmated:,} non-mated probes"
    )


def _brackets(ci95: list[float] | None) -> str:
    return "" if ci95 is None else f"[{100 * ci95[0]:.2f}, {100 * ci95[1]:.2f}]"
