"""``facegate verify``: two photographs, or a claim against the gallery."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegate.cli.common import (
    FACES,
    PHOTOGRAPH,
    Output,
    Place,
    gallery_option,
    model_options,
    output_options,
    rate_option,
    rotate_option,
    threshold_option,
)

if TYPE_CHECKING:
    from facegate.choice import FaceChoice
    from facegate.results import Verification

STATUS = {"match": 0, "no match": 1, "inconclusive": 3}


@click.command(short_help="Are these two the same person? Is this who it is said to be?")
@click.argument("photographs", nargs=-1, required=True, type=PHOTOGRAPH)
@click.option("--name", help="An enrolled name: does the one photograph show this person?")
@click.option(
    "--face",
    type=click.Choice(FACES),
    default="only",
    show_default=True,
    help="Which face where a photograph has several; with all, the best pair decides.",
)
@rate_option("--fmr", 1e-3, "The rate of wrong matches to aim at.", calibrated=True)
@threshold_option
@rotate_option
@click.option(
    "--report",
    type=Place(),
    metavar="FILE",
    help="Explain the answer in one HTML file, with the faces.",
)
@gallery_option
@model_options
@output_options
def command(
    photographs: tuple[Path, ...],
    name: str | None,
    face: "FaceChoice",
    fmr: float | None,
    threshold: float | None,
    rotate: str,
    report: Path | None,
    gallery: Path | None,
    model: str | None,
    device: str,
    output: Output,
) -> int:
    """Say whether two PHOTOGRAPHS show the same person, or, with --name, whether one
    photograph shows the person enrolled under that name.

    A matching score is not presence: facegate does not tell a live face from a photograph or
    a screen.

    Exit status: 0 match, 1 no match, 3 no answer.
    """
    from facegate.data.files import check_output
    from facegate.recognizer import Recognizer

    wanted = 1 if name is not None else 2
    if len(photographs) != wanted:
        what = "one photograph with --name" if name is not None else "two photographs"
        raise click.UsageError(f"verify takes {what}, got {len(photographs)}")
    if report is not None:
        check_output(report)
    with Recognizer(
        gallery, model=model, device=device, fmr=fmr, threshold=threshold, rotate=rotate == "auto"
    ) as recognizer:
        if name is not None:
            answer = recognizer.verify_name(name, photographs[0], face=face)
        else:
            answer = recognizer.verify(*photographs, face=face)
        if report is not None:
            from facegate.evaluation.decision_report import write_decision_report

            write_decision_report(report, recognizer, answer)
            output.note(f"wrote {report}")
    output.result(describe(answer), answer.as_json())
    spent = ", ".join(f"{stage} {s * 1000:.0f} ms" for stage, s in answer.seconds.items())
    output.detail(f"model {answer.model}; {spent}")
    if answer.problem is not None:
        return output.problem(answer.problem)
    return STATUS[answer.decision or "inconclusive"]


def describe(answer: "Verification") -> str:
    """Return the one line that a person reads."""
    threshold, who = answer.threshold, f"{answer.identity.name}: " if answer.identity else ""
    if threshold is None:
        return f"{who}score {answer.score:.3f}, no decision"
    relation = ">=" if answer.score >= threshold.score else "<"
    scores = f"score {answer.score:.3f} {relation} threshold {threshold.score:.3f}"
    line = f"{who}{answer.decision}: {scores}"
    if threshold.rate is None:
        return f"{line} (given by you; no error rate is known for it)"
    if answer.fmr_at_score is None:
        return f"{line} (threshold at FMR {threshold.rate:.2g})"
    interval = answer.fmr_ci95
    known = f", 95 % interval {interval[0]:.2g} to {interval[1]:.2g}" if interval else ""
    line = f"{line} (at most {answer.fmr_at_score:.2g} of strangers score that high{known})"
    return f"{line}: {answer.reason}" if answer.reason else line
