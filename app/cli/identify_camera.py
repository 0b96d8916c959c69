"""``facegate identify --camera``: names on a live picture or a film."""

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from facegate.cli.common import Output

if TYPE_CHECKING:
    from facegate.recognizer import Recognizer


class _Terminated(BaseException):
    """SIGTERM: the ordinary end of a service."""


def identify_camera(
    recognizer: "Recognizer",
    camera: str,
    *,
    again_s: float,
    snapshots: Path | None,
    output: Output,
) -> int:
    """Report who comes before a camera until it is stopped, or who is in a film.

    Returns:
        For a film as for photographs: 1 somebody unknown, 3 nobody or nobody decided, else 0.
        For a camera 0.
    """
    from facegate.capture import open_camera
    from facegate.cli.live_session import LiveSession
    from facegate.errors import NoThresholdError

    basis = recognizer.basis
    if recognizer.threshold is None and basis.scale is None and not basis.card.thresholds:
        raise NoThresholdError(
            f"model {recognizer.model_id} has no measured threshold",
            hint="measure one with 'facegate calibrate', or give one with --threshold",
        )
    gallery = recognizer.gallery
    if gallery is None or not gallery.count()[0]:
        output.note(f"nobody is enrolled in {recognizer.path}")
    frames = open_camera(camera)
    session = LiveSession(recognizer, camera, frames, again_s, snapshots, output)
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        session.run()
    except _Terminated:
        output.note("stopped")
    except KeyboardInterrupt:
        session.finish()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        session.close()
    return session.finish()


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise _Terminated
