"""Time our detector against facenet-pytorch's on the same pictures, in turn in one process.

    python benchmarks/detect/speed.py > benchmarks/detect/speed.json

Pictures: the public-domain portraits in the scikit-image and matplotlib wheels, alone and side by
side. Each round runs both on each picture; the ratio is of the medians. On a machine that others
use too, ``--threads 1 --processor-time`` counts what each costs, not how long it waits.
"""

import argparse
import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from facegate.models.detect import Detector


def pictures() -> dict[str, np.ndarray]:
    """Return portraits and a group at several sizes, by a name with width and height."""
    import matplotlib
    import skimage.data

    grace = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    sources = {"ada": Image.fromarray(skimage.data.astronaut()), "grace": Image.open(grace)}
    pair = np.hstack([np.asarray(sources[name].resize((512, 600))) for name in ("ada", "grace")])
    sources["group"] = Image.fromarray(
        np.vstack([np.tile(pair, (1, 2, 1)), np.tile(pair, (1, 2, 1))])
    )
    sizes = [("ada", (640, 480)), ("grace", (640, 480)), ("group", (640, 480))]
    sizes += [("ada", (250, 250)), ("group", (1280, 720)), ("group", (1920, 1080))]
    return {
        f"{name} {size[0]}x{size[1]}": np.asarray(sources[name].convert("RGB").resize(size))
        for name, size in sizes
    }


def main() -> None:
    """Print the table to stderr and everything as JSON to stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--min-face-px", type=float, default=20)
    parser.add_argument("--processor-time", action="store_true", help="of all threads together")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch
    from facenet_pytorch import MTCNN

    from facegate.models.runtime import set_threads

    torch.set_num_threads(options.threads)
    set_threads(options.threads)
    oracle = MTCNN(min_face_size=options.min_face_px, device="cpu")
    detector = Detector(device="cpu", min_face_px=options.min_face_px)
    runs: dict[str, Callable[[np.ndarray], object]] = {
        "facenet-pytorch": lambda pixels: oracle.detect(pixels, landmarks=True),
        "facegate": detector.detect,
    }
    clock = time.process_time if options.processor_time else time.perf_counter
    report: dict[str, object] = {"options": vars(options), "machine": platform.processor()}
    for name, pixels in pictures().items():
        seconds: dict[str, list[float]] = {run: [] for run in runs}
        for number in range(options.rounds + 2):
            for run, detect in runs.items():
                start = clock()
                detect(pixels)
                if number >= 2:  # the first runs compile
                    seconds[run].append(clock() - start)
        medians = {run: 1000 * statistics.median(times) for run, times in seconds.items()}
        least = {run: 1000 * min(times) for run, times in seconds.items()}
        ratio = medians["facenet-pytorch"] / medians["facegate"]
        report[name] = {"median_ms": medians, "least_ms": least, "ratio": ratio}
        print(
            f"{name:16} faces {len(detector.detect(pixels)[0]):2}  facenet-pytorch "
            f"{medians['facenet-pytorch']:7.1f} ms  facegate {medians['facegate']:6.1f} ms  "
            f"ratio {ratio:.1f}  (least: {least['facenet-pytorch']:.1f} and "
            f"{least['facegate']:.1f} ms)",
            file=sys.stderr,
        )
    json.dump(report, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
