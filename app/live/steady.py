"""A camera that is opened again when it is lost."""

import time
from collections.abc import Callable, Iterator

from facegate.capture import Frame, Frames
from facegate.errors import FacegateError

PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # then 30 s again and again


class SteadyCamera:
    """Frames of one camera over all its losses; the times run on.

    Args:
        first: the camera, opened once; what is wrong at the start is raised.
        reopen: opens it again.
        say: is told of every loss and return, one sentence each.
        wait: waits so many seconds.

    Attributes:
        n_seen, n_dropped: frames that arrived, and those that nobody took in time.
        n_losses: how often it was lost.
    """

    def __init__(
        self,
        first: Frames,
        reopen: Callable[[], Frames],
        say: Callable[[str], None],
        *,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._frames = first
        self._reopen, self._say, self._wait = reopen, say, wait
        self._seen_before = self._dropped_before = 0
        self.n_losses = 0

    @property
    def n_seen(self) -> int:
        """Return how many frames arrived."""
        return self._seen_before + self._frames.n_seen

    @property
    def n_dropped(self) -> int:
        """Return how many of them nobody took in time."""
        return self._dropped_before + self._frames.n_dropped

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames for ever.

        Raises:
            CameraError: the camera gives no first frame.
        """
        started = time.monotonic()
        offset, index, failures, said = 0.0, 0, 0, ""
        while True:
            try:
                if failures:
                    self._open_again()
                for frame in self._frames:
                    if failures:
                        self._say(f"{self._frames.name} is back")
                        failures, said = 0, ""
                    yield Frame(frame.pixels, frame.time_s + offset, index)
                    index += 1
                return
            except FacegateError as error:
                if not index:
                    raise
                pause = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
                if error.message != said:  # a camera that is away all night is said once
                    self._say(f"{error.message}: it will be opened again in {pause:g} s and so on")
                    said = error.message
                self.n_losses += not failures
                failures += 1
            self._frames.close()
            self._wait(pause)
            offset = time.monotonic() - started

    def _open_again(self) -> None:
        fresh = self._reopen()
        self._seen_before, self._dropped_before = self.n_seen, self.n_dropped
        self._frames = fresh

    def close(self) -> None:
        """Give the camera back."""
        self._frames.close()
