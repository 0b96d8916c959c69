"""Hold Ctrl-C back while a COMMIT runs, so that afterwards it is known what was saved."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Shield:
    """What arrived while the shield was up."""

    def __init__(self) -> None:
        self.caught: list[int] = []


@contextmanager
def shielded() -> Iterator[Shield]:
    """Hold back the first Ctrl-C until the block ends; a second one gets through at once.

    Only signals that Python code handles are held back, and only in the main thread: nobody
    else gets them.
    """
    shield = Shield()
    if threading.current_thread() is not threading.main_thread():
        yield shield
        return
    before: dict[int, Callable[[int, FrameType | None], object]] = {}

    def hold(number: int, frame: FrameType | None) -> None:
        shield.caught.append(number)
        if len(shield.caught) > 1:
            before[number](number, frame)

    try:
        for each in _SIGNALS:
            handler = signal.getsignal(each)
            if callable(handler):
                before[each] = handler
                signal.signal(each, hold)
        yield shield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if shield.caught:
        before[shield.caught[0]](shield.caught[0], None)
