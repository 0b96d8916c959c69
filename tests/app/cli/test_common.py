"""What all commands share of their output."""

import io
import logging
from collections.abc import Iterator

import click
import pytest

from facegate.cli.common import Output, output_options
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
    logger = logging.getLogger(announce.__module__)
    announce.cache_clear()
    yield
    announce.cache_clear()
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)


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
