"""``facegate devices``: the cameras of this machine, a test frame of each, what is wrong."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegate.cli.common import Output, Place, output_options

if TYPE_CHECKING:
    from facegate.capture.devices import Device


@click.command(short_help="List the cameras and what is wrong with each.")
@click.option("--snapshots", type=Place(), help="A folder for a test frame of each camera.")
@output_options
def command(snapshots: Path | None, output: Output) -> int:
    """List the cameras of this machine, take a test frame of each, and say what is wrong.

    Exit status: 0 every camera works, 1 some do not, 4 there is none.
    """
    from facegate.capture import no_camera
    from facegate.capture.devices import list_cameras

    cameras = [_try(device, snapshots) for device in list_cameras()]
    if output.json:
        output.result("", {"cameras": cameras})
    for camera in cameras if not output.json else ():
        output.result(_line(camera), None)
    if not cameras:
        return output.problem(no_camera())
    return 0 if all(camera["ok"] for camera in cameras) else 1


def _try(device: "Device", snapshots: Path | None) -> dict[str, Any]:
    """Take a frame of one camera and return what is known about it."""
    from facegate.capture.camera import Camera
    from facegate.data.images import write_image
    from facegate.errors import FacegateError

    known: dict[str, Any] = {
        "camera": device.path,
        "name": device.name or None,
        "stable_path": device.stable_path,
        "ok": False,
        "size": None,
        "fps": None,
        "brightness": None,
        "problem": None,
        "snapshot": None,
    }
    try:
        with Camera(device.target, name=device.path) as camera:
            frame = camera.settled()
            known["size"] = [int(frame.pixels.shape[1]), int(frame.pixels.shape[0])]
            known["fps"] = camera.fps or None
            known["brightness"] = round(float(frame.pixels.mean()) / 255, 2)
            known["ok"] = True
            if snapshots is not None:
                path = snapshots / f"{Path(device.path).name}.jpg"
                write_image(path, frame.pixels)
                known["snapshot"] = str(path)
    except FacegateError as error:
        known["problem"] = error.message
    return known


def _line(camera: dict[str, Any]) -> str:
    """Return the one line that a person reads about a camera."""
    name = f" ({camera['name']})" if camera["name"] else ""
    stable = f", also {camera['stable_path']}" if camera["stable_path"] else ""
    if not camera["ok"]:
        return f"{camera['camera']}{name}: {camera['problem']}{stable}"
    width, height = camera["size"]
    rate = f", {camera['fps']:g} frames a second" if camera["fps"] else ""
    light = f", brightness {camera['brightness']:.2f}"
    where = f", test frame in {camera['snapshot']}" if camera["snapshot"] else ""
    return f"{camera['camera']}{name}: {width} x {height}{rate}{light}{stable}{where}"
