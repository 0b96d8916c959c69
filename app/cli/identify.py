"""``facegate identify``: every face in photographs and folders, or before a camera."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegate.cli.common import (
    FACES,
    PHOTOGRAPH,
    NumberIn,
    Output,
    Place,
    gallery_option,
    model_options,
    one_line,
    output_options,
    photographs_in,
    rate_option,
    rotate_option,
    threshold_option,
)

if TYPE_CHECKING:
    from facegate.choice import FaceChoice
    from facegate.data.images import Photo
    from facegate.errors import ImageError, NoAnswerError
    from facegate.recognizer import Recognizer
    from facegate.results import Identification, IdentifiedFace, LeftOut


@click.command(short_help="Who, if anyone enrolled, is in these photographs?")
@click.argument("photographs", nargs=-1, type=PHOTOGRAPH)
@click.option("--annotate", type=Place(), help="A folder for annotated copies.")
@click.option("--csv", "csv_file", type=Place(), help="A table for spreadsheets.")
@click.option("--camera", metavar="CAMERA", help="auto, an index, a path, a URL or a film.")
@click.option(
    "--again",
    type=NumberIn(min=0),
    metavar="SECONDS",
    help="With --camera: report a person once in so many seconds; 0: each time they come.  "
    "[default: 60]",
)
@click.option(
    "--snapshots",
    type=Place(),
    help="With --camera: a folder for the annotated frame of each event.",
)
@click.option("--face", type=click.Choice(FACES), default="all", show_default=True)
@rate_option("--fpir", 1e-2, "The share of strangers who may get a name.", calibrated=True)
@threshold_option
@rotate_option
@gallery_option
@model_options
@output_options
def command(
    photographs: tuple[Path, ...],
    annotate: Path | None,
    csv_file: Path | None,
    camera: str | None,
    again: float | None,
    snapshots: Path | None,
    face: "FaceChoice",
    fpir: float | None,
    threshold: float | None,
    rotate: str,
    gallery: Path | None,
    model: str | None,
    device: str,
    output: Output,
) -> int:
    """Say who, if anyone enrolled, each face in the PHOTOGRAPHS (files and folders) is.

    With --camera: who comes before a camera, until it is stopped, or who is in a film; one line
    an event.

    Exit status: 0 every face was named, 1 some face is unknown, 3 no answer for some face or
    no face at all.
    """
    from facegate.data.files import check_output, check_output_folder
    from facegate.recognizer import Recognizer

    _check_usage(photographs, camera, (annotate, csv_file), (again, snapshots))
    if csv_file is not None:
        check_output(csv_file)
    if annotate is not None:
        check_output_folder(annotate)
    with Recognizer(
        gallery, model=model, device=device, fpir=fpir, threshold=threshold, rotate=rotate == "auto"
    ) as recognizer:
        recognizer.require_gallery()  # before a folder is searched
        if camera is not None:
            from facegate.cli.identify_camera import identify_camera

            return identify_camera(
                recognizer,
                camera,
                again_s=60.0 if again is None else again,
                snapshots=snapshots,
                output=output,
            )
        run = _Run(recognizer, face, annotate, output)
        files = photographs_in(photographs, output)
        for path in output.each("identify", files, len(files)):
            run.identify(path)
        return run.finish(csv_file)


def _check_usage(
    photographs: tuple[Path, ...],
    camera: str | None,
    for_photographs: tuple[object, ...],
    for_camera: tuple[object, ...],
) -> None:
    """Refuse a mixture of photographs and a camera."""
    if bool(photographs) == (camera is not None):
        raise click.UsageError("identify takes photographs, folders or --camera")
    if camera is not None and any(value is not None for value in for_photographs):
        raise click.UsageError("--annotate and --csv are for photographs; use --snapshots, --json")
    if camera is None and any(value is not None for value in for_camera):
        raise click.UsageError("--again and --snapshots are for --camera")


def _none_of(errors: "Sequence[ImageError | NoAnswerError]") -> "ImageError | NoAnswerError":
    """Return one error for files of which none gave an answer: a bad file's where there is one."""
    worst = max(errors, key=lambda error: error.exit_status == 2)
    if len(errors) == 1:
        return worst
    message = f"none of {len(errors)} files could be used: {worst.message}"
    return type(worst)(message, hint=worst.hint, code=worst.code)


class _Run:
    """The answers of one run as they come in."""

    def __init__(
        self, recognizer: "Recognizer", face: "FaceChoice", annotate: Path | None, output: Output
    ) -> None:
        self.recognizer, self.face, self.annotate = recognizer, face, annotate
        self.output = output
        self.answers: list[Identification] = []
        self.left_out: list[LeftOut] = []
        self.errors: list[ImageError | NoAnswerError] = []
        self.decode_s = 0.0

    def identify(self, path: Path) -> None:
        """Identify one photograph, or note why not."""
        from facegate.data.images import read_photo
        from facegate.errors import ImageError, NoAnswerError
        from facegate.results import LeftOut

        before = time.perf_counter()
        try:
            photo = read_photo(path)
            self.decode_s += time.perf_counter() - before
            answer = self.recognizer.identify(photo, face=self.face)
        except (ImageError, NoAnswerError) as error:
            self.left_out.append(LeftOut(str(path), error.code, str(error)))
            self.errors.append(error)
            return
        self.answers.append(answer)
        if self.annotate is not None:
            self._draw(photo, answer)
        if not self.output.json:
            self._print(answer)

    def finish(self, csv_file: Path | None) -> int:
        """Print what remains, write the table, return the exit status."""
        if csv_file is not None:
            write_table(csv_file, self.answers)
        if not self.answers and self.errors:
            raise _none_of(self.errors)
        for entry in self.left_out:
            self.output.left_out(entry)
        gallery = self.recognizer.gallery
        people, templates = gallery.count() if gallery is not None else (0, 0)
        if not people:
            self.output.note(f"nobody is enrolled in {self.recognizer.path}")
        faces = [face for answer in self.answers for face in answer.faces]
        for note in dict.fromkeys(face.threshold.note for face in faces if face.threshold):
            if note:
                self.output.note(note)
        if self.output.json:
            self.output.result("", self._json(faces, people, templates))
        for answer in self.answers:
            if answer.problem is not None:
                return self.output.problem(answer.problem)
        return status(faces)

    def _print(self, answer: "Identification") -> None:
        source = one_line(answer.source)
        for face in answer.faces:
            self.output.result(f"{source}: {describe(face)}", None)
        if not answer.faces:
            self.output.result(f"{source}: no face found", None)
        if answer.n_left_out:
            self.output.note(f"{source}: {_left_out(answer)} more faces were left out")

    def _json(self, faces: "list[IdentifiedFace]", people: int, templates: int) -> dict[str, Any]:
        seconds = dict.fromkeys(("decode", "detect", "embed", "total"), 0.0)
        for answer in self.answers:
            for stage, spent in answer.seconds.items():
                seconds[stage] += spent
        for stage in ("decode", "total"):  # photographs come to the recognizer decoded
            seconds[stage] += self.decode_s
        return {
            "faces": [face.as_json() for face in faces],
            "photographs": [
                {"source": a.source, "faces": len(a.faces), "faces_left_out": a.n_left_out}
                for a in self.answers
            ],
            "left_out": [entry.as_json() for entry in self.left_out],
            "model": self.recognizer.model_id,
            "identities": people,
            "templates": templates,
            "seconds": {stage: round(spent, 4) for stage, spent in seconds.items()},
        }

    def _draw(self, photo: "Photo", answer: "Identification") -> None:
        from facegate.data.images import write_image
        from facegate.draw import annotated

        assert self.annotate is not None
        stem = Path(answer.source).stem[:50]  # with the sum it is to fit where the name did
        target = self.annotate / f"{stem}-{photo.sha256[:8]}.jpg"
        write_image(target, annotated(photo, answer.faces))
        self.output.detail(f"wrote {one_line(target)}")


def _left_out(answer: "Identification") -> str:
    from facegate.models.pipeline import MOST_COUNTED

    is_bound = len(answer.faces) + answer.n_left_out > MOST_COUNTED
    return f"at least {answer.n_left_out}" if is_bound else str(answer.n_left_out)


def status(faces: "list[IdentifiedFace]") -> int:
    """Return the exit status of architecture §4 for these faces."""
    decisions = {face.decision for face in faces}
    if "unknown" in decisions:
        return 1
    return 0 if decisions == {"match"} else 3


def describe(face: "IdentifiedFace") -> str:
    """Return the one line that a person reads about a face."""
    x1, y1, x2, y2 = (round(float(v)) for v in face.face.box)
    where = f"[{x1} {y1} {x2} {y2}]"
    if face.score is None:
        return f"{face.decision} {where}" + (f": {face.reason}" if face.reason else "")
    near = face.runner_up
    if face.threshold is None:
        who = near.identity.name if near is not None else "somebody"
        return f"score {face.score:.3f} with {who}, no decision {where}"
    relation = ">=" if face.score >= face.threshold.score else "<"
    scores = f"{where} score {face.score:.3f} {relation} {face.threshold.score:.3f}"
    other = f"{near.identity.name} {near.score:.3f}" if near is not None else ""
    if face.identity is not None:
        return f"{face.identity.name} {scores}" + (f"; next {other}" if other else "")
    line = f"{face.decision} {scores}" + (f"; nearest {other}" if other else "")
    return f"{line}: {face.reason}" if face.reason else line


def write_table(path: Path, answers: "list[Identification]") -> None:
    """Write one row a face as CSV; cells that a spreadsheet would compute are quoted by ``'``."""
    import csv
    import io

    from facegate.data.files import write_output

    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(
        ("source", "decision", "name", "score", "threshold", "x1", "y1", "x2", "y2", "quality")
    )
    for answer in answers:
        for face in answer.faces:
            box = [round(float(v), 1) for v in face.face.box]
            row = face.as_json()
            name = face.identity.name if face.identity else ""
            cells = (answer.source, face.decision, name, row["score"], row["threshold"])
            writer.writerow([_cell(value) for value in (*cells, *box, row["quality"])])
    write_output(path, buffer.getvalue().encode("utf-8", "surrogateescape"))


def _cell(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
