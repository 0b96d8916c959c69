"""Which cameras this machine has, and why one of them cannot be used."""

import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys/class/video4linux")
BY_ID = Path("/dev/v4l/by-id")
VIDIOC_QUERYCAP = 0x80685600  # _IOR('V', 0, struct v4l2_capability), linux/videodev2.h
CAN_CAPTURE, HAS_DEVICE_CAPS = 0x00000001, 0x80000000
OTHER_SYSTEMS_TRY = 4  # indices tried where the system has no list of cameras


@dataclass(frozen=True, slots=True)
class Device:
    """A camera that the system knows.

    Attributes:
        target: what opens it: a path, or an index where there are no paths.
        path: its path or index as text.
        name: what its maker calls it, or empty.
        stable_path: a path that stays when other cameras come and go, or None.
    """

    target: str | int
    path: str
    name: str
    stable_path: str | None = None


def list_cameras(sysfs: Path = SYSFS, dev: Path = Path("/dev")) -> list[Device]:
    """Return the cameras of this machine, by number; empty where there are none."""
    if not sys.platform.startswith("linux"):
        return [Device(i, str(i), "") for i in range(OTHER_SYSTEMS_TRY)]
    if not sysfs.is_dir():
        return []
    found = []
    for entry in sorted(sysfs.iterdir(), key=lambda e: (len(e.name), e.name)):
        path = dev / entry.name
        if not entry.name.startswith("video") or not path.exists() or not _captures(path):
            continue
        try:
            name = (entry / "name").read_text(errors="replace").strip()
        except OSError:
            name = ""
        found.append(Device(str(path), str(path), name, _stable_path(path)))
    return found


def why_not_open(target: str | int) -> str:
    """Return in a few words why a camera cannot be opened or was lost, or nothing if unknown."""
    if isinstance(target, str) and "://" in target:
        return ""
    if not sys.platform.startswith("linux"):
        return ""
    path = Path(f"/dev/video{target}" if isinstance(target, int) else target)
    if not path.exists():
        return "it is not there, or was unplugged"
    if not os.access(path, os.R_OK | os.W_OK):
        return "you may not use it; add your account to the group video"
    holder = _holder(path)
    if holder:
        return f"it is in use by {holder}"
    return "another program may be using it"


def _holder(path: Path) -> str:
    """Return who else has a device open, as far as this account may see."""
    real = path.resolve()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        process = link.parts[2]
        if process == str(os.getpid()):
            continue
        try:
            if os.readlink(link) == str(real):
                command = (Path("/proc") / process / "comm").read_text().strip()
                return f"{command} (process {process})"
        except OSError:
            continue
    return ""


def _captures(path: Path) -> bool:
    """Return whether a device gives pictures; many cameras have a second one that does not."""
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True  # listed, and what is wrong with it is said when it is opened
    try:
        answer = fcntl.ioctl(descriptor, VIDIOC_QUERYCAP, bytes(104))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    whole, device = struct.unpack_from("=II", answer, 84)
    return bool((device if whole & HAS_DEVICE_CAPS else whole) & CAN_CAPTURE)


def _stable_path(path: Path) -> str | None:
    if not BY_ID.is_dir():
        return None
    for link in sorted(BY_ID.iterdir()):
        if link.resolve() == path.resolve():
            return str(link)
    return None
