"""OpenCV with its mouth shut: its own chatter and FFmpeg's never reach stderr."""

import os
from typing import Any


def quiet_cv2() -> Any:
    """Return the module ``cv2``, silenced.

    FFmpeg's level is read from the environment when the first film is opened, and OpenCV's own
    when the module loads, so that one is also set by call in case somebody loaded it before.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "3")  # seconds; 10 unasked
    import cv2

    if os.environ["OPENCV_LOG_LEVEL"] == "SILENT":
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2
