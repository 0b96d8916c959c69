"""``facegate enroll``: photographs, a folder of people, or a camera."""

import os
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
    one_line,
    output_options,
    photographs_in,
    rotate_option,
)

if TYPE_CHECKING:
    from facegate.choice import FaceChoice
    from facegate.results import Enrolment

FILE_FAULTS = ("no_such_file", "not_a_file", "not_an_image", "image_too_large", "too_small")
"""Codes of ``ImageError``."""


@click.command(short_help="Give a name to a face.")
@click.argument("name", required=False)
@click.argument("photographs", nargs=-1, type=PHOTOGRAPH)
@click.option(
    "--folder",
    type=Place(),
    help="A folder of people: one folder a person, named like the person.",
)
@click.option("--camera", metavar="CAMERA", help="auto, an index, a path, a URL or a film.")
@click.option("--face", type=click.Choice(FACES), default="only", show_default=True)
@click.option("--keep-crops", is_flag=True, help="Keep the aligned crops, for another model later.")
@rotate_option
@gallery_option
@model_options
@output_options
def command(
    name: str | None,
    photographs: tuple[Path, ...],
    folder: Path | None,
    camera: str | None,
    face: "FaceChoice",
    keep_crops: bool,
    rotate: str,
    gallery: Path | None,
    model: str | None,
    device: str,
    output: Output,
) -> int:
    """Enrol NAME from PHOTOGRAPHS (files and folders) or from a camera, or everybody in --folder.

    A known name gets the samples that agree with it. A photograph that disagrees with the rest
    of its person is left out and named.

    Exit status: 0 enrolled, 2 bad input, 3 nobody could be enrolled.
    """
    from facegate.cli.interrupt import Operation
    from facegate.gallery.names import clean_name
    from facegate.recognizer import Recognizer

    _check_usage(name, photographs, folder, camera)
    if name is not None:
        clean_name(name)  # a name that cannot be is refused before a folder is searched
    with (
        Recognizer(gallery, model=model, device=device, rotate=rotate == "auto") as recognizer,
        Operation(recognizer) as operation,
    ):
        if folder is not None:
            from facegate.cli.enroll_folder import enroll_folder

            return enroll_folder(recognizer, folder, operation, face, keep_crops, output)
        assert name is not None  # _check_usage saw to it
        if camera is not None:
            from facegate.cli.enroll_camera import enroll_camera

            return enroll_camera(recognizer, name, camera, operation, keep_crops, output)
        files = photographs_in(photographs, output)
        answer = recognizer.enroll(
            name,
            output.each("enrol", files, len(files)),
            face=face,
            keep_crops=keep_crops,
            op_uid=operation.uid(),
        )
    _refuse_unreadable(answer)
    output.result(describe(answer), answer.as_json())
    if answer.kept and os.path.isfile(name):  # somebody forgot the name
        output.note(
            f"warning: {one_line(name)} was taken for the name, and is a file, too: "
            "'facegate gallery undo' takes it back"
        )
    return report(answer, output)


def _refuse_unreadable(answer: "Enrolment") -> None:
    """Raise where not one of the files is a photograph: bad input, not an answer about a face."""
    from facegate.errors import ImageError

    if answer.samples != len(answer.left_out) or not answer.samples:
        return
    if any(entry.code not in FILE_FAULTS for entry in answer.left_out):
        return
    first, n = answer.left_out[0], answer.samples
    some = "" if n == 1 else f"none of {n} files could be used: "
    raise ImageError(some + first.message, code=first.code)


def report(answer: "Enrolment", output: Output) -> int:
    """Say what was left out and who looks alike; return the exit status."""
    for entry in answer.left_out:
        output.left_out(entry)
    for near in answer.conflicts:
        output.note(
            f"warning: looks like {near.identity.name}, who is enrolled (score {near.score:.3f}): "
            "if they are one person, use 'facegate gallery merge'"
        )
    known = any(entry.code == "known" for entry in answer.left_out)
    return 0 if answer.kept or known else 3


def describe(answer: "Enrolment") -> str:
    """Return the one line that a person reads."""
    if answer.identity is None:
        return f"nobody enrolled: none of {answer.samples} samples could be kept"
    total = answer.identity.n_samples
    return f"{answer.identity.name}: {answer.kept} of {answer.samples} samples kept, {total} in all"


def _check_usage(
    name: str | None, photographs: tuple[Path, ...], folder: Path | None, camera: str | None
) -> None:
    if folder is not None:
        if name is not None or photographs or camera is not None:
            raise click.UsageError("--folder takes the names from its folders: give nothing else")
    elif name is None:
        raise click.UsageError("a name is missing: facegate enroll NAME PHOTOGRAPHS")
    elif bool(photographs) == (camera is not None):
        raise click.UsageError("give photographs or --camera")
