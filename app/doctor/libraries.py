"""Can the large packages be imported here? Each is tried in a process of its own.

A missing system library or an instruction that the CPU lacks ends that process, not the doctor.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from facegate.doctor.finding import Finding

TIMEOUT_S = 120

PROBES = {
    "torch": "import torch; print(torch.cuda.is_available() and torch.cuda.get_device_name())",
    "torchvision": "import torchvision; torchvision.ops.nms",
    "opencv-python": "import cv2",
    "openvino": (
        "from facegate.models.inference.openvino_cpu import core; "
        "print(','.join(core().available_devices))"
    ),
    "faiss-cpu": "import faiss",
}
"""What is run for each package; what it prints is part of the report."""

_DEBIAN = {
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxcb.so.1": "libxcb1",
    "libz.so.1": "zlib1g",
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
    "libgomp.so.1": "libgomp1",
}
# The loader names the first library that it misses; these are what opencv-python links besides.
_OF_OPENCV = ("libGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0", "libxcb.so.1")
_MISSING = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")


@dataclass(frozen=True, slots=True)
class Probe:
    """How the import of one package ended.

    Attributes:
        package: its name.
        status: the exit status of the process; negative for a signal, None if it took too long.
        output: what it printed.
        error: the last line of its complaint.
    """

    package: str
    status: int | None
    output: str = ""
    error: str = ""


def probe_all() -> list[Probe]:
    """Import every large package, two at a time: most of the time goes into reading files."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda item: run_probe(*item), PROBES.items()))


def run_probe(package: str, code: str) -> Probe:
    """Run a line of Python in a process of its own."""
    # -P: a file of the same name in the working folder must not be imported in its place.
    command = [sys.executable, "-P", "-c", code]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return Probe(package, None)
    lines = done.stderr.strip().splitlines()
    return Probe(package, done.returncode, done.stdout.strip(), lines[-1] if lines else "")


def library_findings(
    probes: list[Probe], is_loadable: Callable[[str], bool] | None = None
) -> Iterator[Finding]:
    """Yield what keeps packages from being imported, with the Debian package that mends it."""
    for probe in probes:
        if probe.status == 0:
            continue
        if match := _MISSING.search(probe.error):
            yield _missing(probe.package, match[1], is_loadable or _is_loadable)
        elif probe.status is None:
            yield Finding(
                "packages",
                f"{probe.package} was not imported within {TIMEOUT_S} seconds",
                "look whether the disk or network drive that holds it is slow",
            )
        elif probe.status in (-signal.SIGILL, 128 + signal.SIGILL):
            yield Finding(
                "cpu",
                f"{probe.package} uses instructions that this CPU does not have",
                "use a build for older CPUs, or another machine",
            )
        elif "torchvision::nms" in probe.error:
            yield Finding(
                "packages",
                "torch and torchvision come from different builds",
                "install both from the same package index",
            )
        else:
            yield Finding(
                "packages",
                f"{probe.package} cannot be imported ({probe.error or f'status {probe.status}'})",
                "install facegate again in a new virtual environment",
            )


def _missing(package: str, first: str, is_loadable: Callable[[str], bool]) -> Finding:
    libraries = [first]
    if package == "opencv-python":
        libraries += [name for name in _OF_OPENCV if name != first and not is_loadable(name)]
    brought_by = sorted({_DEBIAN[name] for name in libraries if name in _DEBIAN})
    hint = (
        f"on Debian and Ubuntu: apt-get install --no-install-recommends {' '.join(brought_by)}"
        if brought_by
        else "install the system package that brings it"
    )
    return Finding("libraries", f"{package} needs {', '.join(libraries)}", hint)


def _is_loadable(library: str) -> bool:
    if os.name != "posix":
        return True
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
