"""What several commands share: options, printing, progress."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from facegate.errors import FacegateError
    from facegate.results import LeftOut

Command = TypeVar("Command", bound=Callable[..., Any])

DEVICES = ("auto", "cpu", "cuda")
FACES = ("only", "largest", "all")
PHOTOGRAPH = click.Path(path_type=Path, readable=False)
"""One of several that may not be read is left out with its reason, as a damaged one is."""


@dataclass(frozen=True, slots=True)
class Output:
    """How a command speaks: results to stdout, everything else to stderr.

    Attributes:
        json: results are JSON, one object (one a line where a command streams).
        plain: no colour and no progress bars.
        quiet: nothing on stderr but errors.
        verbosity: how many -v were given.
    """

    json: bool = False
    plain: bool = False
    quiet: bool = False
    verbosity: int = 0

    def result(self, text: str, value: object) -> None:
        """Print one result: the text for people, or the value as one line of JSON."""
        if self.json:
            click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))
        else:
            click.echo(_lines(text))

    def note(self, message: str) -> None:
        """Print a message to stderr, unless quiet."""
        if not self.quiet:
            click.echo(_lines(message), err=True)

    def left_out(self, entry: "LeftOut") -> None:
        """Say what was left out and why; most reasons name the source themselves."""
        named = entry.source in entry.message
        self.note(f"left out {'' if named else entry.source + ': '}{entry.message}")

    def detail(self, message: str) -> None:
        """Print a message to stderr when -v was given."""
        if self.verbosity:
            self.note(message)

    def problem(self, error: "FacegateError") -> int:
        """Print an error that came with a result, and return its exit status."""
        from facegate.data.text import printable

        click.echo(f"facegate: {printable(str(error))}", err=True)
        return error.exit_status

    @property
    def shows_progress(self) -> bool:
        """Return whether a bar may be drawn: a terminal, and nobody asked for less."""
        return not (self.plain or self.quiet) and sys.stderr.isatty()

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Yield a function that is told of each step done; draws a bar on a terminal."""
        if not self.shows_progress:
            yield lambda _steps: None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TimeRemainingColumn,
        )

        columns = (
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda steps: bar.advance(task, steps)

    def each(self, label: str, items: Iterable[Any], total: int | None) -> Iterator[Any]:
        """Yield the items one by one under a progress bar."""
        with self.progress(label, total) as advance:
            for item in items:
                yield item
                advance(1)


def _lines(text: str) -> str:
    """Return lines of ours with whatever in them could confuse a terminal escaped."""
    from facegate.data.text import printable

    return "\n".join(printable(line, limit=4000) for line in text.split("\n"))


def output_options(command: Command) -> Command:
    """Add --json, --plain, -q, -v; the command receives them as one ``output`` argument."""
    import functools

    @functools.wraps(command)
    def call(
        *args: Any,
        as_json: bool,
        plain: bool,
        quiet: bool,
        verbosity: int,
        **others: Any,
    ) -> Any:
        output = Output(as_json, plain, quiet, verbosity)
        if output.shows_progress:
            _show_first_use()
        return command(*args, output=output, **others)

    for option in (
        click.option("-v", "verbosity", count=True, help="Say more; -v -v shows tracebacks."),
        click.option("-q", "quiet", is_flag=True, help="Nothing on stderr but errors."),
        click.option("--plain", is_flag=True, help="No colour, no progress bars."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout."),
    ):
        call = option(call)
    return call  # type: ignore[return-value]  # click's decorators keep the call's own type


def _show_first_use() -> None:
    """Let who waits at a terminal read why the first use takes longer."""
    import logging

    logger = logging.getLogger("facegate.models.inference.openvino_torch")
    logger.handlers = [logging.StreamHandler()]  # not one with the stderr of a command before
    logger.setLevel(logging.INFO)


def gallery_option(command: Command) -> Command:
    """Add --gallery, a path; None where it was not given."""
    return click.option(
        "--gallery",
        type=click.Path(path_type=Path),
        help="The gallery file.  [default: gallery.db in $FACEGATE_HOME]",
    )(command)


def model_options(command: Command) -> Command:
    """Add --model and --device."""
    command = click.option("--device", type=click.Choice(DEVICES), default="auto")(command)
    return click.option(
        "--model",
        help="The face embedder; a gallery remembers its own.",
        metavar="NAME",
    )(command)


def threshold_option(command: Command) -> Command:
    """Add --threshold: a score in place of the measured one."""
    return click.option(
        "--threshold",
        type=click.FloatRange(-1, 1),
        help="A score to decide by in place of the measured thresholds.",
    )(command)


def rotate_option(command: Command) -> Command:
    """Add --rotate auto|none."""
    return click.option(
        "--rotate",
        type=click.Choice(("none", "auto")),
        default="none",
        help="auto: also look for faces in the photograph turned by 90, 180 and 270 degrees.",
    )(command)


def rate_option(flag: str, default: float, what: str) -> Callable[[Command], Command]:
    """Add --fmr or --fpir: a rate above 0 and below 1."""
    return click.option(
        flag,
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=default,
        show_default=True,
        help=what,
    )


def photographs_in(paths: Iterable[Path], output: Output) -> Iterator[Path]:
    """Yield the files that were named and the photographs in the folders; say which hold none."""
    from facegate.data.folders import find_photos

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = find_photos(path)
        if not found:
            output.note(f"there are no photographs in {path}")
        yield from found


def default_gallery(path: Path | None) -> Path:
    """Return the gallery that was named, or the one in $FACEGATE_HOME."""
    from facegate.models.home import home

    return path if path is not None else home() / "gallery.db"
