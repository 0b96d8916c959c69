"""What all commands share of their output."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from facegate.cli import run
from facegate.cli.common import Output, output_options, photographs_in
from facegate.data import folders
from facegate.models.inference.openvino_torch import announce


class Stream(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Let the first use be announced anew."""
    announce.cache_clear()
    yield
    announce.cache_clear()
    for name in ("facegate", announce.__module__, folders.__name__):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).setLevel(logging.NOTSET)


@click.command()
@output_options
def use_twice(output: Output) -> None:
    announce()
    announce()


@pytest.mark.parametrize(
    ("arguments", "is_terminal", "lines"),
    [
        ([], True, 1),
        (["--json"], True, 1),
        (["-q"], True, 0),
        (["--plain"], True, 0),
        ([], False, 0),
    ],
)
def test_who_waits_at_a_terminal_is_told_once_why(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_terminal: bool, lines: int
) -> None:
    stream = Stream(is_terminal)
    # Here and not in a fixture: pytest puts its own stream there before the test begins.
    monkeypatch.setattr("sys.stderr", stream)
    use_twice.main(arguments, standalone_mode=False)
    assert stream.getvalue().count("some seconds the first time\n") == lines


def test_a_line_printed_under_a_bar_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, output = Stream(is_terminal=True), Output()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("facegate.cli.progress_bar.DRAW_EVERY_S", 0.0)
    for item in output.each("work", ["one", "two"], 2):
        output.result(f"line {item}", None)
        output.note(f"note {item}")
    output.result("the end", None)
    shown = terminal.getvalue()
    for line in ("line one\n", "note one\n", "line two\n", "note two\n"):
        assert f"\r\x1b[K{line}" in shown
    assert "1/2" in shown
    assert "2/2" in shown
    assert shown.endswith("the end\n")
    assert "\x1b[Kthe end" not in shown


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@output_options
def look(folder: Path, output: Output) -> None:
    photographs_in([folder], output)


@pytest.mark.parametrize(("flag", "lines"), [("--json", 1), ("-q", 0), ("--plain", 0)])
def test_who_names_a_huge_folder_hears_that_it_is_searched(
    flag: str,
    lines: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(folders, "FIRST_NOTE_S", 0.0)
    look.main([str(tmp_path), flag], standalone_mode=False)
    printed = capsys.readouterr()
    assert printed.err.count(f"looking for photographs in {tmp_path}: 0 among 1 file") == lines
    assert not printed.out


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("verify", "--threshold"),
        ("verify", "--fmr"),
        ("identify", "--fpir"),
        ("identify", "--again"),
        ("calibrate", "--fmr"),
    ],
)
def test_what_is_not_a_number_lies_in_no_range(
    command: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, flag, "nan"]) == 2
    message = f"facegate: Invalid value for '{flag}': 'nan' is not a number: see"
    assert capsys.readouterr().err.startswith(message)


@click.command()
@output_options
def warn(output: Output) -> None:
    logging.getLogger("facegate.gallery").warning("template 3 is\x1b[31m damaged")


@pytest.mark.parametrize(("arguments", "said"), [([], 1), (["--plain"], 1), (["-q"], 0)])
def test_a_warning_is_one_harmless_line_unless_quiet(
    arguments: list[str], said: int, capsys: pytest.CaptureFixture[str]
) -> None:
    warn.main(arguments, standalone_mode=False)
    assert capsys.readouterr().err == "template 3 is\\x1b[31m damaged\n" * said


@click.command()
@output_options
def fail(output: Output) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        logging.getLogger("facegate.server").error("request 7 failed", exc_info=error)


def test_an_error_that_is_logged_has_its_traceback_also_when_quiet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail.main(["-q"], standalone_mode=False)
    said = capsys.readouterr().err
    assert said.startswith("request 7 failed\nTraceback")
    assert said.endswith("ZeroDivisionError\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["identify", ""],
        ["identify", "a.jpg", "--annotate", ""],
        ["identify", "a.jpg", "--csv", ""],
        ["verify", "a.jpg", ""],
        ["enroll", "Ada", ""],
        ["enroll", "--folder", ""],
        ["calibrate", "--strangers", ""],
        ["gallery", "list", "--gallery", ""],
        ["gallery", "backup", ""],
    ],
)
def test_an_empty_path_is_not_the_working_folder(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """``enroll Ada "$PHOTOGRAPHS"`` where the variable is not set."""
    assert run(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("facegate: Invalid value for ")
    assert "an empty path names nothing: see 'facegate" in printed
