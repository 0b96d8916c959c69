"""A window for live pictures, in a process of its own.

A display can vanish at any time, and the window library then ends its process: so it is given one
of its own, and the work goes on without a window. ``Preview.open`` returns None where there is no
display; ``alive`` turns false when the window is closed or lost.
"""

import contextlib
import os
import struct
import subprocess
import sys
import threading
from typing import Self

from facegate.closing import Closing
from facegate.models.values import Pixels

HEADER = struct.Struct("<II")  # height, width; then the pixels
READY, CLOSED = b"+", b"q"
START_S = 15.0  # a first window may have to wait for fonts


def has_display() -> bool:
    """Return whether this machine shows windows, as far as its environment tells."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


class Preview(Closing):
    """A window that always shows the latest picture it was given.

    Attributes:
        alive: false once the window was closed, by its user or by fate.
        quit: true when its user asked to end, with Q, Escape or the window's own button.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.alive, self.quit = True, False
        self._process = process
        self._news = threading.Condition()
        self._latest: Pixels | None = None
        self._threads = [
            threading.Thread(target=work, name="preview", daemon=True)
            for work in (self._send, self._listen)
        ]
        for thread in self._threads:
            thread.start()

    @classmethod
    def open(cls, title: str) -> Self | None:
        """Open a window; None where there is no display or it does not come up."""
        if not has_display():
            return None
        process = subprocess.Popen(
            [sys.executable, "-m", "facegate.preview.window", title],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the window library's own chatter
            start_new_session=True,  # Ctrl-C is for us; the window ends when we close its input
        )
        assert process.stdout is not None
        watchdog = threading.Timer(START_S, process.kill)
        watchdog.start()
        ready = process.stdout.read(1)
        watchdog.cancel()
        if ready != READY:
            _end(process)
            return None
        return cls(process)

    def show(self, pixels: Pixels) -> None:
        """Show a picture, uint8 (H, W, 3) RGB; never waits, later pictures replace earlier ones."""
        with self._news:
            self._latest = pixels
            self._news.notify()

    def close(self) -> None:
        """Close the window."""
        self.alive = False
        with self._news:
            self._news.notify()
        _end(self._process)
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _send(self) -> None:
        assert self._process.stdin is not None
        try:
            while self.alive:
                with self._news:
                    while self._latest is None and self.alive:
                        self._news.wait()
                    pixels, self._latest = self._latest, None
                if pixels is not None:
                    header = HEADER.pack(*pixels.shape[:2])
                    self._process.stdin.write(header + pixels.tobytes())
                    self._process.stdin.flush()
        except (OSError, ValueError):
            self.alive = False

    def _listen(self) -> None:
        assert self._process.stdout is not None
        word = self._process.stdout.read(1)
        self.quit = word == CLOSED
        self.alive = False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a window's process and close what led to it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError, ValueError):
                pipe.close()
