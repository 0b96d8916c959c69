"""Time whole processes as a shell sees them: help, a verification, opening a large gallery.

    uv run python benchmarks/start/run.py --out benchmarks/start/results.json

Each command runs once to fill the caches and then ROUNDS times, the commands in turn. Beside the
wall time, from start to exit, stands the processor time, which others on the machine change less.
The portraits are those inside the scikit-image and matplotlib wheels.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib
import numpy as np
import skimage.data

from facegate.data.images import write_image
from facegate.gallery import Gallery, Sample

HEAVY = ("torch", "cv2", "numpy", "openvino", "faiss", "sqlite3")
TEMPLATES, DIM = 10_000, 128
_PROBE = (
    "import sys; from facegate.cli import run; run(sys.argv[1:]); "
    f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
)


def portraits(folder: Path) -> tuple[str, str]:
    ada = folder / "ada.png"
    write_image(ada, np.asarray(skimage.data.astronaut(), np.uint8))
    return str(ada), str(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")


def large_gallery(path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((TEMPLATES, DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with Gallery.open(path, model_id="start-0123456789ab", create=True) as gallery:
        for number in range(0, TEMPLATES, 100):
            part = rows[number : number + 100]
            samples = [Sample(row, 0.5, f"{number}-{n}", 0) for n, row in enumerate(part)]
            gallery.enroll(f"person {number}", samples)


def seconds_of(command: list[str]) -> tuple[float, float]:
    """Run a command; return its wall and processor time."""
    began, used = time.perf_counter(), processor_s()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return time.perf_counter() - began, processor_s() - used


def processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def modules(arguments: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments], capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stderr.strip().splitlines()[-1].replace("'", '"'))
    return found


def summary(seconds: list[float]) -> dict[str, float]:
    of = {"median": statistics.median, "min": min, "max": max}
    return {name: round(float(function(seconds)), 3) for name, function in of.items()}


def measure(rounds: int) -> dict[str, object]:
    program = str(Path(sys.executable).with_name("facegate"))
    with tempfile.TemporaryDirectory() as name:
        one, other = portraits(Path(name))
        gallery = Path(name) / "large.db"
        large_gallery(gallery)
        open_gallery = (
            "import sys, time, numpy as np; from facegate.gallery import Gallery; import faiss\n"
            "began = time.perf_counter()\n"
            "with Gallery.open(sys.argv[1]) as gallery:\n"
            f"    gallery.search(np.eye(1, {DIM}, dtype=np.float32))\n"
            "    print(time.perf_counter() - began)\n"
        )
        commands = {
            "facegate --help": [program, "--help"],
            "facegate verify A B": [program, "verify", one, other],
        }
        times: dict[str, list[float]] = {what: [] for what in commands}
        processor: dict[str, list[float]] = {what: [] for what in commands}
        opening = f"open and search {TEMPLATES} templates"
        times[opening] = []
        for round_ in range(rounds + 1):
            for what, command in commands.items():
                wall, used = seconds_of(command)
                if round_:
                    times[what].append(wall)
                    processor[what].append(used)
            done = subprocess.run(
                [sys.executable, "-c", open_gallery, str(gallery)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            if round_:
                times[opening].append(float(done.stdout))
        return {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "rounds": rounds,
            "seconds": {what: summary(found) for what, found in times.items()},
            "processor_seconds": {what: summary(found) for what, found in processor.items()},
            "imports": {
                "facegate --help": modules(["--help"]),
                "facegate verify A B": modules(["verify", one, other]),
            },
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = json.dumps(measure(options.rounds), indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
