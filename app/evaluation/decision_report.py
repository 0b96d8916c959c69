"""One decision explained in one file: both faces, where the score lies, what matched, who else."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facegate.data.files import write_output
from facegate.data.images import read_photo
from facegate.decision import Basis
from facegate.evaluation import page
from facegate.evaluation.plots import Axis, Chart, Points, steps
from facegate.models.values import Pixels
from facegate.results import Verification

if TYPE_CHECKING:
    from facegate.recognizer import Recognizer

KINDS = {"match": "yes", "no match": "no", "inconclusive": "open"}
SMALLEST = 1e-6

NARROWEST = 0.02
"""The least width of a histogram's bin: of rates that were measured closer, one is taken."""


def write_decision_report(path: Path, recognizer: "Recognizer", answer: Verification) -> None:
    """Write the report of a verification.

    Args:
        path: of the HTML file.
        recognizer: that answered.
        answer: its answer.

    Raises:
        InputError, MachineError: the place cannot be written to.
    """
    words = answer.decision or "no decision"
    sections = [
        f'<p class="answer {KINDS.get(words, "open")}">{words}</p>',
        page.text(_sentence(answer)),
        page.section("Faces", page.gallery(_faces(recognizer, answer))),
        page.section("The score among others", page.charts(*_charts(recognizer.basis, answer))),
        page.section("In numbers", page.table(("fact", "value"), _rows(recognizer, answer))),
    ]
    who = f"is this {answer.identity.name}?" if answer.identity else "are these one person?"
    subtitle = f"{who} {' and '.join(face.source for face in answer.faces)}"
    write_output(path, page.page("One verification", subtitle, sections).encode())


def _sentence(answer: Verification) -> str:
    if answer.threshold is None:
        return f"The score is {answer.score:.3f}; nothing tells how often strangers reach it."
    relation = "reaches" if answer.score >= answer.threshold.score else "stays below"
    line = f"The score {answer.score:.3f} {relation} the threshold {answer.threshold.score:.3f}."
    if answer.fmr_at_score is None:
        return line
    line += f" At most {answer.fmr_at_score:.2g} of strangers score that high"
    if answer.fmr_ci95 is not None:
        line += f" (95 % interval {answer.fmr_ci95[0]:.2g} to {answer.fmr_ci95[1]:.2g})"
    return f"{line}. {answer.reason}" if answer.reason else f"{line}."


def _faces(recognizer: "Recognizer", answer: Verification) -> list[str]:
    parts = [
        page.faces([face.crop], [face.source, f"quality {face.face.quality:.2f}"])
        if face.face.quality is not None
        else page.faces([face.crop], [face.source])
        for face in answer.faces
    ]
    if answer.identity is not None:
        crop, sample = _matched(recognizer, answer)
        lines = [f"{answer.identity.name}, {sample}"]
        if crop is None:
            lines.append("its crop was not kept (enroll --keep-crops keeps it)")
        parts.append(page.faces([crop], lines))
    return parts


def _matched(recognizer: "Recognizer", answer: Verification) -> tuple[Pixels | None, str]:
    """Return the crop of the sample that decided, where it was kept, and its name."""
    gallery, identity = recognizer.gallery, answer.identity
    if gallery is None or identity is None or answer.template is None:
        return None, "no sample"
    samples = sorted(gallery.samples(identity.name), key=lambda sample: sample.id)
    ids = np.sort(gallery.templates(identity.name)[0])
    # Each sample has one template, and both are numbered in the order they came.
    if len(samples) != len(ids):
        return None, f"template {answer.template}"
    sample = samples[int(np.searchsorted(ids, answer.template))]
    kept = dict(gallery.crops(identity.name))
    crop = read_photo(kept[sample.id], min_side=1).pixels if sample.id in kept else None
    return crop, f"sample {sample.id} of {sample.created:%Y-%m-%d}"


def _charts(basis: Basis, answer: Verification) -> list[str]:
    """Return the histograms of scores and the rates at each score, both with this score."""
    lines = basis.scale.tables[0].lines if basis.scale is not None else ()
    impostor = [(line.score, line.fmr) for line in lines] or [
        (rate.score, rate.fmr) for rate in basis.card.thresholds
    ]
    genuine = [(rate.score, rate.fnmr) for rate in basis.card.thresholds if rate.fnmr is not None]
    least = min([rate for _, rate in [*impostor, *genuine] if rate > 0], default=1e-3)
    low = min([-0.2, answer.score, *(score for score, _ in impostor)])
    low, floor = float(np.floor(low * 5) / 5), 10 ** np.floor(np.log10(max(SMALLEST, least)))
    chart = Chart(
        "Of strangers, the share that scores at least this, for one template; of one person, "
        "the share that scores less",
        Axis("score", low, 1.0),
        Axis("share", float(floor), 1.0, log=True, percent=True),
    )
    if lines:
        band = [(line.score, max(SMALLEST, line.low)) for line in lines]
        chart.band(band, [(line.score, line.high) for line in lines], "other band")
    chart.line(impostor, "other", "strangers")
    chart.line([point for point in genuine if point[1] > 0], "same", "one person")
    _mark(chart, answer)
    accepted = [(score, 1 - rate) for score, rate in genuine]
    return [*_histograms(impostor, accepted, low, answer), chart.svg()]


def _histograms(impostor: Points, genuine: Points, low: float, answer: Verification) -> list[str]:
    """Return histograms drawn from the shares at or above scores; none where there are too few."""
    kinds = [("other", "strangers", _bins(impostor)), ("same", "one person", _bins(genuine))]
    heights = [height for *_, (_, found) in kinds for height in found]
    if not heights:
        return []
    chart = Chart(
        "How scores are spread, by the measured rates: of strangers the upper half",
        Axis("score", low, 1.0),
        Axis("density", 0.0, 1.05 * max(heights)),
    )
    for kind, name, (edges, found) in kinds:
        if found:
            chart.area(steps(edges, found), kind, name)
    _mark(chart, answer)
    return [chart.svg()]


def _bins(points: Points) -> tuple[list[float], list[float]]:
    """Return the edges of a histogram and its densities, from the shares at or above scores.

    >>> _bins([(0.0, 0.5), (0.01, 0.49), (0.5, 0.1)])
    ([0.0, 0.5, 1.0], [0.8, 0.2])
    """
    kept: list[tuple[float, float]] = []
    for score, share in sorted(points):
        if score < 1 and (not kept or score - kept[-1][0] >= NARROWEST):
            kept.append((score, share))
    kept.append((1.0, 0.0))
    densities = [(one[1] - other[1]) / (other[0] - one[0]) for one, other in pairwise(kept)]
    return [score for score, _ in kept], densities


def _mark(chart: Chart, answer: Verification) -> None:
    if answer.threshold is not None:
        chart.mark(answer.threshold.score, "plain", "threshold")
    chart.mark(answer.score, "model", "this score")


def _rows(recognizer: "Recognizer", answer: Verification) -> list[tuple[str, str]]:
    threshold = answer.threshold
    rows = [("score", f"{answer.score:.4f}")]
    if threshold is not None:
        rate = "none: it was given by you" if threshold.rate is None else f"{threshold.rate:.3g}"
        rows += [
            ("threshold", f"{threshold.score:.4f}"),
            ("false match rate at the threshold", rate),
            ("from", threshold.source),
        ]
    rows += [("model", answer.model)]
    runner_up = _runner_up(recognizer, answer)
    if runner_up:
        rows.append(("nearest other identity", runner_up))
    return rows


def _runner_up(recognizer: "Recognizer", answer: Verification) -> str:
    gallery = recognizer.gallery if answer.identity is not None else None
    if gallery is None or answer.identity is None:
        return ""
    (found,) = gallery.search(answer.faces[0].embedding[None], k=2)
    others = [candidate for candidate in found if candidate.identity.id != answer.identity.id]
    return f"{others[0].identity.name}, score {others[0].score:.4f}" if others else ""
