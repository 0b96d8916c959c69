"""What several commands share: options, printing, progress."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from facegate.cli import tell

if TYPE_CHECKING:
    from facegate.errors import FacegateError
    from facegate.results import LeftOut

Command = TypeVar("Command", bound=Callable[..., Any])

DEVICES = ("auto", "cpu", "cuda")
FACES = ("only", "largest", "all")


class Place(click.Path):
    """A path. Nobody asks for the working folder by an empty one, as an unset variable gives it."""

    def __init__(self, **checks: bool) -> None:
        super().__init__(path_type=Path, **checks)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or refuse it."""
        if value == "":
            self.fail("an empty path names nothing", param, ctx)
        return super().convert(value, param, ctx)


PHOTOGRAPH = Place(readable=False)
"""One of several that may not be read is left out with its reason, as a damaged one is."""


class NumberIn(click.FloatRange):
    """A number in a range; click lets ``nan`` pass, which lies in none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or refuse it."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


@dataclass(frozen=True, slots=True)
class Output:
    """How a command speaks: results to stdout, everything else to stderr.

    Attributes:
        json: results are JSON, one object (one a line where a command streams).
        plain: no colour and no progress bars.
        quiet: nothing on stderr but errors.
        verbosity: how many -v were given.
        bars: labels of the progress bars that stand on the terminal.
        speakers: what prints notes above a live display, while one stands.
    """

    json: bool = False
    plain: bool = False
    quiet: bool = False
    verbosity: int = 0
    bars: list[str] = field(default_factory=list, repr=False, compare=False)
    speakers: list[Callable[[str], None]] = field(default_factory=list, repr=False, compare=False)

    def result(self, text: str, value: object) -> None:
        """Print one result: the text for people, or the value as one line of JSON."""
        self._make_room()
        if self.json:
            click.echo(_json(value))
        else:
            click.echo(_lines(text))

    def note(self, message: str) -> None:
        """Print a message to stderr, unless quiet."""
        if self.quiet:
            return
        if self.speakers:
            self.speakers[-1](_lines(message))
            return
        self._make_room()
        tell(_lines(message))

    def left_out(self, entry: "LeftOut") -> None:
        """Say what was left out and why; most reasons name the source themselves."""
        source = one_line(entry.source)
        named = source in entry.message
        self.note(f"left out {'' if named else source + ': '}{entry.message}")

    def detail(self, message: str) -> None:
        """Print a message to stderr when -v was given."""
        if self.verbosity:
            self.note(message)

    def problem(self, error: "FacegateError") -> int:
        """Print an error that came with a result, and return its exit status."""
        from facegate.data.text import printable

        tell(f"facegate: {printable(str(error))}")
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
        from facegate.cli.progress_bar import progress_bar

        with progress_bar(label, total) as advance:
            self.bars.append(label)
            try:
                yield advance
            finally:
                self.bars.remove(label)

    def _make_room(self) -> None:
        """Clear the line where a bar stands; it is drawn again below what is printed."""
        if self.bars:
            tell("\r\x1b[K", newline=False)

    def each(self, label: str, items: Iterable[Any], total: int | None) -> Iterator[Any]:
        """Yield the items one by one under a progress bar."""
        with self.progress(label, total) as advance:
            for item in items:
                yield item
                advance(1)


def one_line(text: object) -> str:
    """Return a path or a name as one line of a result, also where it holds a line break."""
    from facegate.data.text import printable

    return printable(str(text), limit=4000)


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        # A path that is no text, or an output without such letters: JSON says both in ASCII.
        return json.dumps(value, allow_nan=False)
    return text


def _lines(text: str) -> str:
    """Return lines of ours with whatever in them could confuse a terminal escaped."""
    return "\n".join(one_line(line) for line in text.split("\n"))


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
        _tell_who_waits(output)
        return command(*args, output=output, **others)

    for option in (
        click.option("-v", "verbosity", count=True, help="Say more; -v -v shows tracebacks."),
        click.option("-q", "quiet", is_flag=True, help="Nothing on stderr but errors."),
        click.option("--plain", is_flag=True, help="No colour, no progress bars."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout."),
    ):
        call = option(call)
    return call  # type: ignore[return-value]  # click's decorators keep the call's own type


def _tell_who_waits(output: Output) -> None:
    """Let be said what takes long before anything else is, and every warning."""
    import logging

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say = tell if record.levelno >= logging.ERROR else output.note  # also when quiet
            say(_lines(self.format(record)))

    for name, is_wanted, level in (
        ("facegate", True, logging.WARNING),
        # the first use, and a search of a large folder
        ("facegate.models.inference.openvino_torch", output.shows_progress, logging.INFO),
        ("facegate.data.folders", not output.plain, logging.INFO),
    ):
        logger = logging.getLogger(name)
        logger.handlers = [Notes(level)] if is_wanted else []  # not those of a command before
        logger.setLevel(logging.INFO)


def gallery_option(command: Command) -> Command:
    """Add --gallery, a path; None where it was not given."""
    return click.option(
        "--gallery",
        type=Place(),
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
        type=NumberIn(-1, 1),
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


def rate_option(
    flag: str, default: float, what: str, *, calibrated: bool = False
) -> Callable[[Command], Command]:
    """Add --fmr or --fpir: a rate above 0 and below 1.

    Args:
        flag: of the option.
        default: the rate where none is given.
        what: the help.
        calibrated: the gallery's calibration says the default, ``default`` only where there is
            none; the command receives None.
    """
    return click.option(
        flag,
        type=NumberIn(0, 1, min_open=True, max_open=True),
        default=None if calibrated else default,
        show_default=f"as the gallery was calibrated, else {default:g}" if calibrated else True,
        help=what,
    )


def photographs_in(paths: Iterable[Path], output: Output) -> list[Path]:
    """Return the files that were named and the photographs in the folders; say which hold none.

    All are found before the first is read: what a command writes into a folder is not of them.
    """
    from facegate.data.folders import find_photos

    photographs: list[Path] = []
    for path in paths:
        found = find_photos(path) if os.path.isdir(path) else [path]
        if not found:
            output.note(f"there are no photographs in {one_line(path)}")
        photographs += found
    return photographs


def default_gallery(path: Path | None) -> Path:
    """Return the gallery that was named, or the one in $FACEGATE_HOME."""
    from facegate.models.home import home

    return path if path is not None else home() / "gallery.db"
