"""A bar on the last line of a terminal that says how far a command is."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

DRAW_EVERY_S = 0.1


@contextmanager
def progress_bar(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Draw a bar on stderr; yield a function that is told of each step done."""
    bar = Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,  # a thread that draws would draw into a line being printed
        redirect_stdout=False,  # rich would send results where the bar is
        redirect_stderr=False,
    )
    drawn_s = time.monotonic()

    def advance(steps: int) -> None:
        nonlocal drawn_s
        bar.advance(task, steps)
        if time.monotonic() - drawn_s >= DRAW_EVERY_S:
            bar.refresh()
            drawn_s = time.monotonic()

    with bar:
        task = bar.add_task(label, total=total)
        yield advance
