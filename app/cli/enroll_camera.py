"""``facegate enroll NAME --camera``: the guided enrolment on a window or a terminal."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from facegate.cli.common import Output

if TYPE_CHECKING:
    from facegate.cli.interrupt import Operation
    from facegate.guided import Sitting, Step
    from facegate.models.values import Pixels
    from facegate.preview import Preview
    from facegate.recognizer import Recognizer
    from facegate.results import Near


def enroll_camera(
    recognizer: "Recognizer",
    name: str,
    camera: str,
    operation: "Operation",
    keep_crops: bool,
    output: Output,
) -> int:
    """Lead one person through an enrolment and print what was saved."""
    from facegate.capture import open_camera
    from facegate.cli.enroll import describe, report
    from facegate.guided import Sitting
    from facegate.preview import Preview

    with open_camera(camera) as frames:
        sitting = Sitting(recognizer, name, frames)
        if sitting.coach.same_person <= -1:
            output.note(
                f"model {recognizer.model_id} has no measured threshold: "
                "nobody checks that one person stays before the camera"
            )
        preview = Preview.open(f"facegate: {name}") if not output.plain else None
        try:
            _lead(sitting, preview, output)
        finally:
            if preview is not None:
                preview.close()
        if frames.note:
            output.note(frames.note)
    sitting.result()  # raises where it was not enough: nothing else is said then
    _settle_conflicts(sitting.conflicts(), name, output)
    answer = sitting.save(keep_crops=keep_crops, op_uid=operation.uid())
    for reason in sitting.left_out():
        output.detail(f"not kept: {reason.source}, {reason.message}")
    output.result(describe(answer), answer.as_json())
    return report(replace(answer, conflicts=()), output)  # they were said before saving


def _lead(sitting: "Sitting", preview: "Preview | None", output: Output) -> None:
    """Show each step until the coach or the person ends it."""
    words = _Words(output)
    for step in sitting:
        words.say(sitting, step)
        if preview is None:
            continue
        if preview.alive:
            preview.show(_screen(sitting, step))
        elif preview.quit:
            raise KeyboardInterrupt
    words.end()


def _screen(sitting: "Sitting", step: "Step") -> "Pixels":
    from facegate.draw import enrolment_screen

    return enrolment_screen(
        step.frame.pixels,
        step.advice,
        name=sitting.name,
        face=step.faces[0] if step.faces else None,
        kept=[face.crop for face in sitting.kept()],
        slots=sitting.coach.best,
    )


class _Words:
    """The same guidance on a terminal: one changing line there, else a line when it changes."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._changing = output.shows_progress
        self._last = ""

    def say(self, sitting: "Sitting", step: "Step") -> None:
        if self._output.quiet:
            return
        advice = step.advice
        if self._changing:
            from facegate.guide.advice import DIRECTIONS

            marks = " ".join(f"{'✓' if d in advice.covered else '·'} {d.value}" for d in DIRECTIONS)
            line = f"{advice.text:<38} {marks}   {len(sitting.coach.kept)} kept"
            click.echo(f"\r{line}\x1b[K", err=True, nl=False)
        elif advice.text != self._last:
            self._output.note(f"{step.frame.time_s:6.1f} s  {advice.text}")
        self._last = advice.text

    def end(self) -> None:
        if self._changing and self._last:
            click.echo("", err=True)


def _settle_conflicts(conflicts: "tuple[Near, ...]", name: str, output: Output) -> None:
    """Say who looks like this person before anything is saved; ask where somebody can answer.

    Raises:
        NoAnswerError: the answer was no.
    """
    if not conflicts:
        return
    from facegate.errors import NoAnswerError

    near = conflicts[0]
    other = near.identity.name
    looks = f"this face looks like {other}, who is enrolled (score {near.score:.3f})"
    if output.json or output.quiet or not sys.stdin.isatty():
        output.note(f"warning: {looks}: if they are one person, use 'facegate gallery merge'")
        return
    output.note(looks)
    if not click.confirm(f"Save it as {name} all the same?", default=False, err=True):
        raise NoAnswerError(
            f"{name} was not enrolled, nothing was changed",
            hint=f"to add to {other}, give that name to 'facegate enroll'",
            code="conflict",
        )
