"""What a training run looks like on a terminal: one live line, and lines that stay."""

import math
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from facegate.cli.common import Output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from facegate.models.training.config import Config
    from facegate.models.training.loop import Trainer

SMOOTH = 0.95
QUIET_SECONDS = 30.0
"""Without a terminal, a line this often."""


class Screen:
    """Hears of a run and shows it on stderr; a listener of `facegate.models.training.loop`.

    Args:
        config: the run's settings, for the number of steps.
        output: how to speak.
    """

    def __init__(self, config: "Config", output: Output) -> None:
        self._stages = config.stages
        self._output = output
        self._smooth: dict[str, float] = {}
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._tar: float | None = None
        self._what = ""
        self._last = time.monotonic()

    def __enter__(self) -> "Screen":
        if self._output.shows_progress:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
            from rich.table import Column

            # In lines below each other where a terminal is narrow: cut off, they said nothing of
            # speed and rates, and left no place for the bar and the time.
            facts = TextColumn("{task.fields[facts]}", table_column=Column(no_wrap=False))
            columns = ("{task.description}", BarColumn(bar_width=20), TimeRemainingColumn(), facts)
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._bar.start()
            self._output.speakers.append(self._say)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._output.speakers.remove(self._say)
            self._bar.stop()

    def decoding(self, what: str, done: int, total: int) -> None:
        """Show how far the reading of images is."""
        self._show(what, done, total, "")

    def step(self, event: dict[str, Any]) -> None:
        """Show a step."""
        if event["step"] == 1:  # the figures of a stage are its own
            self._smooth = {}
        for key in ("loss", "images_s", "semi", "easy", "none", "distil"):
            if event.get(key) is not None and math.isfinite(event[key]):
                old = self._smooth.get(key, event[key])
                self._smooth[key] = SMOOTH * old + (1 - SMOOTH) * event[key]
        facts = [f"loss {self._smooth.get('loss', 0):.3f}"]
        if "distil" in self._smooth:
            facts.append(f"teacher {self._smooth['distil']:.3f}")
        if event.get("d_an") is not None:
            shares = "/".join(f"{self._smooth[key]:.0%}" for key in ("semi", "easy", "none"))
            facts.append(f"semi/easy/none {shares}")
            facts.append(f"d_ap {event['d_ap'][1]:.2f} d_an {event['d_an'][1]:.2f}")
        facts.append(f"{self._smooth['images_s']:.0f} images/s")
        if self._tar is not None:
            facts.append(f"validation TAR {self._tar:.1%}")
        stage = self._stages[event["stage"]]
        self._show(stage.name, event["step"], stage.steps, ", ".join(facts))

    def look(self, event: dict[str, Any], is_best: bool) -> None:
        """Show a look at split val."""
        val = event["val"]
        self._tar = val["tar"]
        self._say(
            f"step {event['step']}: validation TAR {val['tar']:.1%} at FMR {val['fmr']:g}, "
            f"EER {val['eer']:.1%}{', the best so far' if is_best else ''}"
        )

    def warn(self, event: dict[str, Any]) -> None:
        """Show a warning of the watchdog."""
        self._say(f"step {event['step']}: {event['warning']}")

    def keep(self, trainer: "Trainer") -> None:
        """Nothing is shown when a checkpoint is written."""

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            self._output.note(text)

    def _show(self, what: str, done: int, total: int, facts: str) -> None:
        if self._bar is None:
            now = time.monotonic()
            if now - self._last > QUIET_SECONDS and not self._output.quiet:
                self._last = now
                self._say(f"{what} {done}/{total}" + (f": {facts}" if facts else ""))
            return
        if what != self._what or self._task is None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task, self._what = self._bar.add_task(what, total=total, facts=""), what
        self._bar.update(self._task, completed=done, facts=facts)
