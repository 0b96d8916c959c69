"""How often a photograph on its side gives a face that passes as upright, and an upright one not.

    FACEGATE_TEST_DATA=… python benchmarks/detect/turned.py --set people   # where the rule was set
    FACEGATE_TEST_DATA=… python benchmarks/detect/turned.py --set lfw      # where it is reported

For each turn: photographs in which a face is found, in which the landmarks of one look upright, in
which one passes (`Detector.is_upright`); for `find` with rotate, how often it takes the right turn.
"""

import argparse
import csv
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from collages import Pixels, photographs, read
from PIL import Image

from facegate.data.images import read_photo
from facegate.models.align import is_upright
from facegate.models.pipeline import Pipeline

TURNS = (0, 25, 45, -45, 90, 180, 270)


def people(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Pixels]]:
    """Yield one crop each of people of the splits train and val, with 64 pixels of border."""
    with (folder / "people.csv").open() as file:
        rows = [row["identity"] for row in csv.DictReader(file) if row["split"] in ("train", "val")]
    draw = random.Random(seed)
    for identity in draw.sample(rows, count):
        path = draw.choice(sorted((folder / "people" / identity).glob("*.webp")))
        yield identity, np.pad(read(path), ((64, 64), (64, 64), (0, 0)), mode="edge")


def turned(pixels: Pixels, degrees: int) -> Pixels:
    """Return pixels turned counter-clockwise, the corners cut off where the angle is odd."""
    if degrees % 90:
        return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BILINEAR))
    return np.ascontiguousarray(np.rot90(pixels, degrees // 90))


def main() -> None:
    """Print the table to stderr and the counts as JSON to stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=("people", "lfw"), required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=14)
    options = parser.parse_args()
    folder = Path(os.environ["FACEGATE_TEST_DATA"])
    draw = people if options.set == "people" else photographs
    pipeline = Pipeline(device="cpu")
    detector = pipeline.detector
    counts = {turn: {"found": 0, "looks": 0, "passes": 0, "right": 0} for turn in TURNS}
    for _, pixels in draw(folder, options.count, options.seed):
        for turn in TURNS:
            lying = turned(pixels, turn)
            faces = list(zip(*detector.detect(lying), strict=True))
            looks = [face for face in faces if is_upright(face[1])]
            passes = [face for face in looks if detector.is_upright(lying, *face)]
            for key, these in (("found", faces), ("looks", looks), ("passes", passes)):
                counts[turn][key] += bool(these)
            if turn % 90 == 0:
                found = pipeline.find(read_photo(lying), rotate=True)
                counts[turn]["right"] += (found.rotation + turn) % 360 == 0
    for turn, count in counts.items():
        shares = {key: f"{value / options.count:6.1%}" for key, value in count.items()}
        if turn % 90:
            del shares["right"]
        print(f"turned by {turn:4}:", shares, file=sys.stderr)
    json.dump({"options": vars(options), "photographs": options.count, "turns": counts}, sys.stdout)


if __name__ == "__main__":
    main()
