"""Open a camera, a stream or a film.

    with open_camera("auto") as frames:       # or 0, /dev/v4l/by-id/…, rtsp://…, film.mp4
        for frame in frames:
            …

A camera gives its latest frame and drops what nobody took in time; a film gives every frame, as
fast as it is taken, and ends. Both are read on a thread of their own, a bounded number of frames
ahead. What is wrong with a camera is said in one sentence within ``PATIENCE_S`` seconds.
"""

import os
import stat
from pathlib import Path

from facegate.capture.camera import Camera
from facegate.capture.devices import Device, list_cameras
from facegate.capture.film import Film
from facegate.capture.frames import Frame
from facegate.errors import CameraError, InputError

URL_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp")

Frames = Film | Camera

__all__ = ["Camera", "Film", "Frame", "Frames", "no_camera", "open_camera"]


def open_camera(spec: str | int | os.PathLike[str]) -> Frames:
    """Open a camera or a film.

    Args:
        spec: ``auto`` (the first camera that works), an index, a device's path, a URL
            (rtsp, http and the like), or the path of a film.

    Returns:
        A film, or a camera that has given a picture which is not black and changes: waiting for
        it, a few seconds at most, is cheaper than loading a model in vain.

    Raises:
        InputError: there is no such file, or it is no film.
        CameraError: there is no camera, or what is wrong with it.
    """
    text = str(spec).strip()
    if text == "auto":
        return _first_working(list_cameras())
    if text.isdecimal():
        return _working(Camera(int(text)))
    if "://" in text:
        if text.split("://", 1)[0].lower() not in URL_SCHEMES:
            raise InputError(
                f"{text} is no address of a camera", hint=f"use {', '.join(URL_SCHEMES)}"
            )
        return _working(Camera(text, name=f"camera {_without_password(text)}"))
    path = Path(text).expanduser()
    try:
        if not text:
            raise ValueError
        kind = path.stat().st_mode
    except (OSError, ValueError):
        if path.is_relative_to("/dev"):
            raise CameraError(
                f"camera {text} is not there, or was unplugged",
                hint="see what 'facegate devices' says",
            ) from None
        raise InputError(
            f"there is no camera or film {text or repr(text)}",
            hint="use auto, an index such as 0, a device's path, a URL, or a film",
            code="no_such_file",
        ) from None
    if stat.S_ISCHR(kind):
        return _working(Camera(str(path)))
    return Film(path)


def _working(camera: Camera) -> Camera:
    """Return a camera that works.

    Raises:
        CameraError: what is wrong with it; it was closed.
    """
    try:
        camera.settled()
    except BaseException:  # Ctrl-C too: its thread must not be left behind
        camera.close()
        raise
    return camera


def _first_working(devices: list[Device]) -> Camera:
    problems = []
    for device in devices:
        camera = Camera(device.target, name=f"camera {device.path} ({device.name})")
        try:
            return _working(camera)
        except CameraError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    raise no_camera()


def no_camera() -> CameraError:
    """Return the error of a machine without a camera."""
    return CameraError(
        "no camera was found on this machine",
        hint="plug one in, or give a film or an address: --camera film.mp4",
    )


def _without_password(url: str) -> str:
    scheme, rest = url.split("://", 1)
    login, at, host = rest.rpartition("@")
    return f"{scheme}://{'…@' if at and login else ''}{host}"
