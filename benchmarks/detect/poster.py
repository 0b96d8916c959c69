"""How long does a poster of thousands of faces take, judged in part and judged whole?

python benchmarks/detect/poster.py PEOPLE [--side 42]

PEOPLE holds one folder a person. Their first photographs are tiles of a poster of 2,449 pixels.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from facegate.models import detect
from facegate.models.values import Pixels

POSTER, SEED = 2449, 0


def poster(people: Path, side: int) -> Pixels:
    first = sorted(people.glob("*/001.*"))[:400]
    small = ((side, side), Image.Resampling.LANCZOS)
    tiles = [np.asarray(Image.open(path).convert("RGB").resize(*small)) for path in first]
    random, count = np.random.default_rng(SEED), POSTER // side
    chosen = random.integers(len(tiles), size=(count, count))
    return np.vstack([np.hstack([tiles[k] for k in row]) for row in chosen])


def seconds(detector: detect.Detector, pixels: Pixels) -> tuple[float, int]:
    start = time.process_time()
    boxes, _, _ = detector.detect(pixels)
    return time.process_time() - start, len(boxes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", type=Path)
    parser.add_argument("--side", type=int, default=42)
    asked = parser.parse_args()
    pixels = poster(asked.people, asked.side)
    print(f"{(POSTER // asked.side) ** 2} tiles, {pixels.shape[1]} x {pixels.shape[0]}")
    detector = detect.Detector(device="cpu")
    for words in ("in part", "whole"):
        spent, faces = seconds(detector, pixels)
        print(f"{words}: {spent:.1f} s of processor time, {faces} faces")
        detect.MOST_PROPOSED = detect.MOST_REFINED = 10**9


if __name__ == "__main__":
    main()
