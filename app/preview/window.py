"""The window's own process: pictures on stdin, keys on stdout. Started by ``Preview.open``."""

import contextlib
import sys
import threading

import numpy as np

from facegate.capture.opencv import quiet_cv2
from facegate.models.values import Pixels
from facegate.preview import CLOSED, HEADER, READY

KEYS_TO_QUIT = frozenset((27, ord("q"), ord("Q")))


class Inbox:
    """The latest picture that arrived on stdin."""

    def __init__(self) -> None:
        self.latest: Pixels | None = None
        self.ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        source = sys.stdin.buffer
        while True:
            head = source.read(HEADER.size)
            if len(head) < HEADER.size:
                break
            height, width = HEADER.unpack(head)
            body = source.read(height * width * 3)
            if len(body) < height * width * 3:
                break
            self.latest = np.frombuffer(body, np.uint8).reshape(height, width, 3)
        self.ended = True


def main(title: str) -> None:
    """Show pictures until stdin ends, a key asks to quit, or the window is closed."""
    cv2 = quiet_cv2()
    inbox = Inbox()
    cv2.namedWindow(title, cv2.WINDOW_AUTOSIZE)
    _say(READY)
    shown: Pixels | None = None
    while not inbox.ended:
        picture = inbox.latest
        if picture is not None and picture is not shown:
            cv2.imshow(title, picture[:, :, ::-1])
            shown = picture
        key = cv2.waitKey(15) & 0xFF
        closed = shown is not None and cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1
        if key in KEYS_TO_QUIT or closed:
            _say(CLOSED)
            return


def _say(word: bytes) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.buffer.write(word)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
