"""A live camera or stream: its latest frame, and what is wrong with it."""

import threading
import time
from collections.abc import Iterator

import numpy as np

from facegate.capture.devices import why_not_open
from facegate.capture.frames import (
    BLACK_BELOW,
    FPS,
    GIVE_UP_S,
    HEIGHT,
    PATIENCE_S,
    WIDTH,
    Capture,
    Connect,
    Frame,
    close_at_exit,
    rgb,
    whole,
)
from facegate.capture.opencv import quiet_cv2
from facegate.closing import Closing
from facegate.errors import CameraError
from facegate.models.values import Pixels

JUDGE_AFTER_S = 3.0  # black or frozen for so long is no accident


class Camera(Closing):
    """A live camera or stream: always the latest frame; iterate until it is closed or lost.

    Attributes:
        name: how to call it in a message.
        fps, size: as the driver states them, 0 where it does not.
        n_seen: frames that arrived; n_dropped: those of them that nobody took in time.
    """

    is_film = False
    n_frames: int | None = None
    note = ""

    def __init__(
        self,
        target: str | int,
        *,
        name: str = "",
        connect: Connect | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.name = name or f"camera {target}"
        self.fps, self.size = 0.0, (0, 0)
        self.n_seen = self.n_dropped = 0
        self._target, self._patience_s = target, patience_s
        self._connect = connect or (_connect_url if _is_url(target) else _connect_device)
        self._hint = (
            "check the address, and that the camera is on"
            if _is_url(target)
            else "see what 'facegate devices' says"
        )
        self._stop = threading.Event()
        self._news = threading.Condition()
        self._latest: Frame | None = None
        self._error: Exception | None = None
        self._opened = False
        # A driver that hangs cannot be interrupted: its thread is left behind, the caller is not.
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._thread.start()
        close_at_exit(self)

    def _read(self) -> None:
        capture: Capture | None = None
        try:
            capture = self._connect(self._target)
            if not capture.isOpened():
                raise self._failure("could not be opened")
            self.fps = max(0.0, float(capture.get(FPS)))
            self.size = (whole(capture.get(WIDTH)), whole(capture.get(HEIGHT)))
            self._opened = True
            self._read_frames(capture)
        except Exception as error:
            with self._news:
                self._error = error
                self._news.notify_all()
        finally:
            if capture is not None:
                capture.release()

    def _read_frames(self, capture: Capture) -> None:
        started = time.monotonic()
        index = 0
        health = _Health(self.name)
        while not self._stop.is_set():
            there, picture = capture.read()
            if not there or picture is None:
                raise self._failure("stopped sending" if index else "gives no picture")
            now = time.monotonic() - started
            health.look(picture, now)
            frame = Frame(rgb(picture), now, index)
            index += 1
            with self._news:
                self.n_seen += 1
                self.n_dropped += self._latest is not None
                self._latest = frame
                self._news.notify_all()

    def _failure(self, what: str) -> CameraError:
        reason = why_not_open(self._target)
        return CameraError(
            f"{self.name} {what}" + (f": {reason}" if reason else ""), hint=self._hint
        )

    def latest(self) -> Frame:
        """Wait for a frame that was not taken yet, and take it.

        Raises:
            CameraError: none came in time, the camera was lost, or it is black or frozen.
        """
        deadline = time.monotonic() + self._patience_s
        with self._news:
            while self._latest is None and self._error is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    what = (
                        "stopped sending"
                        if self.n_seen
                        else ("opens but sends no picture" if self._opened else "does not answer")
                    )
                    raise CameraError(
                        f"{self.name} {what} within {self._patience_s:g} seconds", hint=self._hint
                    )
                self._news.wait(left)
            if self._error is not None:
                raise self._error
            frame, self._latest = self._latest, None
        if frame is None:
            raise CameraError(f"{self.name} was closed", hint=self._hint)
        return frame

    def settled(self) -> Frame:
        """Return a frame that is not black, of a picture that changes.

        Waits for at most ``JUDGE_AFTER_S`` seconds more: many cameras begin with some black
        frames.

        Raises:
            CameraError: as ``latest``.
        """
        first = frame = self.latest()
        while True:
            lit = int(frame.pixels[::7, ::7].max(initial=0)) >= BLACK_BELOW
            moves = not np.array_equal(frame.pixels[::7, ::7], first.pixels[::7, ::7])
            if lit and moves:
                return frame
            frame = self.latest()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the latest frame again and again until the camera is closed.

        Raises:
            CameraError: as ``latest``; before the first frame as ``settled``.
        """
        if not self._stop.is_set():
            yield self.settled()
        while not self._stop.is_set():
            yield self.latest()

    def close(self) -> None:
        """Give the camera back."""
        self._stop.set()
        self._thread.join(timeout=1.0)


class _Health:
    """Judges a live picture: black from the start on, or frozen at any time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._was_lit = False
        self._last: Pixels | None = None
        self._same_since = 0.0

    def look(self, picture: Pixels, now: float) -> None:
        """Take note of a frame.

        Raises:
            CameraError: the picture is black, or has not changed, for ``JUDGE_AFTER_S`` seconds.
        """
        few = np.ascontiguousarray(picture[::7, ::7])
        lit = int(few.max(initial=0)) >= BLACK_BELOW
        self._was_lit = self._was_lit or lit
        if not self._was_lit and now >= JUDGE_AFTER_S:
            raise CameraError(
                f"{self._name} gives black frames",
                hint="open its lens cover or shutter, or switch a light on",
            )
        # A real sensor has noise: two equal frames are rare, three seconds of them a fault. A
        # dark room at night may well give equal black ones.
        if not lit or self._last is None or not np.array_equal(few, self._last):
            self._last, self._same_since = few, now
        elif now - self._same_since >= JUDGE_AFTER_S:
            raise CameraError(
                f"{self._name} gives the same frame again and again",
                hint="unplug it and plug it in again, or restart the stream",
            )


def _connect_device(target: str | int) -> Capture:
    capture: Capture = quiet_cv2().VideoCapture(target)
    return capture


def _connect_url(target: str | int) -> Capture:
    cv2 = quiet_cv2()
    limit_ms = int(1000 * GIVE_UP_S)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
    capture: Capture = cv2.VideoCapture(str(target), cv2.CAP_FFMPEG, limits)
    return capture


def _is_url(target: str | int) -> bool:
    return isinstance(target, str) and "://" in target
