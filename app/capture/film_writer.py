"""Write frames as a film."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from facegate.capture.opencv import quiet_cv2
from facegate.data.files import write_atomically
from facegate.errors import InputError
from facegate.models.values import Pixels


def write_film(path: Path, frames: Iterable[Pixels], *, fps: float = 15.0) -> int:
    """Write frames as a film and return how many there were.

    Args:
        path: ``.mp4`` (MPEG-4 part 2), ``.avi`` (motion JPEG) or ``.mjpeg`` (bare JPEG pictures
            one after the other, which a browser takes as a fake camera; it has no frame rate).
        frames: uint8 (H, W, 3) RGB, all of one size.
    """
    if path.suffix == ".mjpeg":
        packed = [_jpeg(frame) for frame in frames]
        write_atomically(path, b"".join(packed))
        return len(packed)
    codecs = {".mp4": "mp4v", ".avi": "MJPG"}
    if path.suffix not in codecs:
        raise InputError(f"{path.name} is no film facegate writes", hint="use .mp4, .avi or .mjpeg")
    cv2 = quiet_cv2()
    writer: Any = None
    n_frames = 0
    try:
        for frame in frames:
            if writer is None:
                code = cv2.VideoWriter.fourcc(*codecs[path.suffix])
                writer = cv2.VideoWriter(str(path), code, fps, frame.shape[1::-1])
                if not writer.isOpened():
                    raise InputError(f"no film can be written to {path}", hint="choose a folder")
            writer.write(np.ascontiguousarray(frame[:, :, ::-1]))
            n_frames += 1
    finally:
        if writer is not None:
            writer.release()
    return n_frames


def _jpeg(frame: Pixels) -> bytes:
    cv2 = quiet_cv2()
    done, packed = cv2.imencode(".jpg", frame[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise ValueError(f"a frame of shape {frame.shape} could not be compressed")
    return bytes(packed)
