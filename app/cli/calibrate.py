"""``facegate calibrate``: thresholds of one's own gallery, with the error rates they keep."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegate.cli.common import (
    DEVICES,
    Output,
    Place,
    default_gallery,
    gallery_option,
    output_options,
    rate_option,
)

if TYPE_CHECKING:
    from facegate.calibration.closeness import ClosePair
    from facegate.calibration.stored import Calibration
    from facegate.calibration.strangers import Resemblance

FOLDER = Place()

SHOWN = 20
"""Pairs of people who are too close that are named."""


@click.command(name="calibrate")
@rate_option("--fmr", 1e-3, "Of strangers who claim a name, this share may be accepted.")
@rate_option("--fpir", 1e-2, "Of strangers looked for, this share may be named as somebody.")
@click.option("--strangers", type=FOLDER, help="A folder of photographs of people not enrolled.")
@click.option("--device", type=click.Choice(DEVICES), default="auto")
@click.option("--forget", is_flag=True, help="Go back to the figures of the model.")
@gallery_option
@output_options
def command(
    fmr: float,
    fpir: float,
    strangers: Path | None,
    device: str,
    forget: bool,
    gallery: Path | None,
    output: Output,
) -> None:
    """Turn the scores of a gallery into error rates, and keep its thresholds in it.

    How strangers score is learnt from the statistics that come with the model, from the enrolled
    people compared with each other, and from --strangers: one folder a person, or photographs of
    one person each. The strictest of these with enough comparisons sets each threshold. A rate
    that they cannot support is refused.
    """
    from facegate.calibration.closeness import alike_by_model, score_by_model, too_close
    from facegate.calibration.make import calibrate
    from facegate.calibration.stored import forget_calibration, keep_calibration
    from facegate.calibration.strangers import strangers_of
    from facegate.data.text import counted
    from facegate.gallery import Gallery
    from facegate.models.impostor_files import load_statistics
    from facegate.models.pipeline import Pipeline
    from facegate.results import LeftOut

    with Gallery.open(default_gallery(gallery)) as people:
        if forget:
            forget_calibration(people)
            output.result("the model's own figures decide again", {"calibration": None})
            return
        others, shipped = None, load_statistics(people.model_id)
        if strangers is not None:
            pipeline = Pipeline(people.model_id, device=device)
            with output.progress("strangers", None) as progress:
                others, failures, near = strangers_of(strangers, people, pipeline, progress)
            for failure in failures:
                output.left_out(LeftOut(str(failure.path), failure.code, failure.message))
            _say_near(near, score_by_model(people, shipped, fpir), output)
        made = calibrate(people, fmr=fmr, fpir=fpir, shipped=shipped, strangers=others)
        keep_calibration(people, made)
        if others is not None and all(entry.kind != "strangers" for entry in made.evidence):
            n = len(others.rows) * made.n_templates
            output.note(f"{counted(n, 'comparison')} with strangers: too few for any rate")
        search = made.search_threshold()
        by_model = alike_by_model(people, shipped, fpir)
        close = max(too_close(people, search.score) if search else [], by_model, key=len)
    value = {**_json(made), "too_close": [[p.first, p.second, p.score] for p in close]}
    output.result("\n".join(_lines(made)), value)
    _say_close(close, output)


def _say_near(near: "Sequence[Resemblance]", score: float | None, output: Output) -> None:
    for one in [one for one in near if score is not None and one.score >= score][:SHOWN]:
        output.note(
            f"{one.photo} scores {one.score:.3f} with {one.name!r}: take it out of the folder if "
            "it shows who is enrolled"
        )


def _say_close(close: "Sequence[ClosePair]", output: Output) -> None:
    from facegate.data.text import counted

    for pair in close[:SHOWN]:
        output.note(
            f"{pair.first!r} and {pair.second!r} are too close, score {pair.score:.3f}: they look "
            "alike, or are one person under two names"
        )
    if len(close) > SHOWN:
        output.note(f"and {counted(len(close) - SHOWN, 'pair')} more, which --json lists")


def _json(made: "Calibration") -> dict[str, Any]:
    verification = made.scale.threshold(made.fmr)
    search = made.search_threshold()
    band = made.scale.tables[0].band(made.fmr)
    return {
        "calibration": made.id,
        "created": made.created,
        "model": made.model,
        "fmr": made.fmr,
        "threshold": verification.score,
        "ci95": [verification.low, verification.high],
        "inconclusive": list(band),
        "fpir": made.fpir,
        "search_threshold": search.score if search else None,
        "search_ci95": [search.low, search.high] if search else None,
        "identities": made.n_identities,
        "templates": made.n_templates,
        "smallest_fmr": made.scale.tables[0].smallest_fmr,
        "evidence": [entry.as_json() for entry in made.evidence],
    }


def _lines(made: "Calibration") -> list[str]:
    from facegate.calibration.stored import MEANINGS

    verification, search = made.scale.threshold(made.fmr), made.search_threshold()
    low, high = made.scale.tables[0].band(made.fmr)
    people = f"{made.n_identities:,} {'person' if made.n_identities == 1 else 'people'}"
    templates = f"{made.n_templates:,} {'template' if made.n_templates == 1 else 'templates'}"
    lines = [
        f"{made.id}: model {made.model}, {people}, {templates}",
        f"  verify    threshold {verification.score:.3f} at FMR {made.fmr:g} "
        f"[{verification.low:.2g}, {verification.high:.2g}]; inconclusive from {low:.3f} "
        f"to {high:.3f}",
    ]
    if search is not None:
        lines.append(
            f"  identify  threshold {search.score:.3f} at FPIR {made.fpir:g} "
            f"[{search.low:.2g}, {search.high:.2g}]; it rises as the gallery grows"
        )
    for entry in made.evidence:
        doubt = "" if entry.fits else "; left out: your own people score higher"
        lines.append(
            f"  from {MEANINGS[entry.kind]}: {entry.n_comparisons:,} comparisons of "
            f"{entry.n_people:,} people ({entry.protocol}){doubt}"
        )
    return lines
