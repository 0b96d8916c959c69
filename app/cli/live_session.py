"""What one run of ``identify --camera`` prints, shows and writes."""

import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegate.cli.common import Output
from facegate.errors import FacegateError
from facegate.live import Event, Moment, Watch
from facegate.live.reporter import utc_now
from facegate.live.steady import SteadyCamera
from facegate.live.summary import Summary, clock
from facegate.live.watch import FILM_STEP_S
from facegate.preview import Preview

if TYPE_CHECKING:
    from facegate.capture import Frames
    from facegate.recognizer import Recognizer

STATUS_EVERY_S = 1.0


class LiveSession:
    """Frames in, event lines and pictures out."""

    def __init__(
        self,
        recognizer: "Recognizer",
        camera: str,
        frames: "Frames",
        again_s: float,
        snapshots: Path | None,
        output: Output,
    ) -> None:
        from facegate.capture import open_camera

        self.frames = frames
        self._output, self._snapshots = output, snapshots
        self._decisions: Counter[str] = Counter()
        self._summary = Summary()
        self._status, self._status_s = "", 0.0
        self._preview: Preview | None = None
        self._snapshots_failed = False
        if frames.is_film:
            self._source: Frames | SteadyCamera = frames
            self.watch = Watch(recognizer, frames, again_s=again_s, step_s=FILM_STEP_S)
        else:
            self._source = SteadyCamera(frames, lambda: open_camera(camera), output.note)
            self.watch = Watch(recognizer, self._source, again_s=again_s, started=utc_now())
            self._preview = Preview.open("facegate") if not output.plain else None

    def run(self) -> None:
        """Work until the frames end or the window is closed."""
        bar = nullcontext(lambda _steps: None)
        with (
            self._output.progress("film", self.frames.n_frames)
            if self.frames.is_film
            else bar as step
        ):
            done = 0
            for moment in self.watch:
                self._take(moment)
                step(moment.frame.index + 1 - done)
                done = moment.frame.index + 1
                if self._preview is not None and self._preview.quit:
                    return

    def close(self) -> None:
        """Give camera and window back."""
        self._source.close()
        if self._preview is not None:
            self._preview.close()

    def finish(self) -> int:
        """Print the summary and the budget; return the exit status."""
        output = self._output
        self._clear_line()
        if self.frames.is_film:
            for span in self._summary.appearances():
                output.note(f"{clock(span.from_s)} to {clock(span.to_s)}  {span.who}")
            if not self._decisions:
                output.note(f"film {self.frames.name} shows no face for long enough to be decided")
            if self.frames.note:
                output.note(self.frames.note)
        output.note(self.watch.budget.line(self._source.n_seen, self._source.n_dropped))
        if not self.frames.is_film:
            return 0
        if self._decisions["unknown"]:
            return 1
        return 0 if self._decisions["match"] and not self._decisions["inconclusive"] else 3

    def _take(self, moment: Moment) -> None:
        if self.frames.is_film:
            self._summary.see(moment.tracks)
        for event in moment.events:
            self._decisions[event.decision] += 1
            self._clear_line()
            self._output.result(describe(event, is_film=self.frames.is_film), event.as_json())
            if self._snapshots is not None:
                self._write(moment, event)
        if self._preview is not None and self._preview.alive:
            from facegate.draw.live import live_picture

            self._preview.show(live_picture(moment.frame.pixels, moment.tracks, self._line()))
        elif not self.frames.is_film and self._output.shows_progress:
            click.echo(f"\r{self._line()}\x1b[K", err=True, nl=False)

    def _clear_line(self) -> None:
        """Make room on a terminal where the budget's line stands."""
        if not self.frames.is_film and self._output.shows_progress:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _line(self) -> str:
        """Return the budget in words, renewed once a second so that it can be read."""
        now = time.monotonic()
        if now - self._status_s >= STATUS_EVERY_S:
            self._status_s = now
            source = self._source
            self._status = self.watch.budget.line(source.n_seen, source.n_dropped)
        return self._status

    def _write(self, moment: Moment, event: Event) -> None:
        """Keep the annotated frame of an event; a full disk must not end a watch of days."""
        from facegate.data.images import write_image
        from facegate.draw.live import live_picture

        assert self._snapshots is not None  # the caller looked
        stamp = event.stamp.replace(":", "-")
        path = self._snapshots / f"{stamp}-track{event.track}.jpg"
        try:
            write_image(path, live_picture(moment.frame.pixels, moment.tracks))
            self._snapshots_failed = False
        except FacegateError as error:
            if not self._snapshots_failed:
                self._output.note(f"no snapshot: {error}")
            self._snapshots_failed = True


def describe(event: Event, *, is_film: bool) -> str:
    """Return the one line that a person reads about an event."""
    when = clock(event.time_s) if is_film else event.stamp
    who = event.identity.name if event.identity is not None else event.decision
    line = f"{when}  {who}"
    if event.score is not None and event.threshold is not None:
        sign = ">=" if event.score >= event.threshold else "<"
        line += f"  score {event.score:.3f} {sign} {event.threshold:.3f}"
    return f"{line}  track {event.track}"
