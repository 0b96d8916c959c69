"""What a turned head costs: TAR of models by how far the second photograph's head is turned.

    uv run python benchmarks/model/pose.py PEOPLE people.csv --model facegate-1 \
        --model mobilefacenet --json benchmarks/model/pose.json

Photographs as they are, of split val: nothing is drawn. A head's angle comes from the landmarks
that our detector finds in the aligned crop (`facegate.quality.pose`); it is an estimate, and
crops without a face for the detector are left out. The first photograph of a pair is turned by
less than 15 degrees to the side, the second by as much as a row says; at most ten pairs a person
and row, the mean over people. The threshold is the model's own at FMR 1e-3 on all photographs.
Intervals: 1,000 draws of people.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from damage import FMR, SIDE, embed
from numpy.typing import NDArray

from facegate.data.crops import load_crops
from facegate.data.dataset import read_dataset
from facegate.models.detect import Detector
from facegate.models.metrics.errors import threshold_at_fmr
from facegate.models.metrics.pairs import PAIRS_A_PERSON, impostor_scores
from facegate.models.values import Floats, Pixels
from facegate.models.zoo import load_embedder
from facegate.quality import pose

TURNS = ((0, 15), (15, 25), (25, 35), (35, 90))
"""Degrees to the side, from and below."""
BORDER = 64
"""Pixels around a crop, for a face that fills its picture is hard to find."""


def yaws(crops: Pixels) -> Floats:
    """Return each head's turn to the side in degrees, at least 0; NaN where none is found."""
    detector = Detector()
    angles = np.full(len(crops), np.nan, np.float32)
    for row, crop in enumerate(crops):
        wide = np.pad(crop, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), "edge")
        boxes, landmarks, _ = detector.detect(wide)
        if len(boxes):
            sizes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
            angles[row] = abs(pose(landmarks[sizes.argmax()]).yaw)
    return angles


def pairs(
    people: NDArray[np.int64], angles: Floats, turn: tuple[int, int]
) -> list[NDArray[np.int64]]:
    """Return for each person the pairs (front, turned), int64 (n, 2), n from 1 to ten."""
    chosen = []
    for person in np.unique(people):
        own = np.flatnonzero(people == person)
        front = own[angles[own] < TURNS[0][1]]
        turned = own[(angles[own] >= turn[0]) & (angles[own] < turn[1])]
        every = np.array([(a, b) for a in front for b in turned if a != b], np.int64)
        if len(every):
            kept = np.arange(min(len(every), PAIRS_A_PERSON)) * len(every)
            chosen.append(every[kept // min(len(every), PAIRS_A_PERSON)])
    return chosen


def row(rows: Floats, threshold: float, chosen: list[NDArray[np.int64]]) -> dict[str, float]:
    """Return the TAR of some pairs, mean over people, with its interval."""
    share = np.array(
        [
            (np.einsum("nd,nd->n", rows[own[:, 0]], rows[own[:, 1]]) >= threshold).mean()
            for own in chosen
        ]
    )
    random = np.random.default_rng(0)
    draws = share[random.integers(0, len(share), (1000, len(share)))].mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "tar": round(float(share.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "people": len(chosen),
        "pairs": sum(map(len, chosen)),
    }


def main() -> None:
    """Measure each model and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    held = read_dataset(arguments.people, arguments.manifest).of_split("val")
    loaded = load_crops(held.files, SIDE)
    people = held.labels[loaded.rows]
    angles = yaws(loaded.pixels)
    print(f"no face found in {int(np.isnan(angles).sum())} of {len(angles)} crops", flush=True)
    chosen = {f"{a} to {b} degrees": pairs(people, angles, (a, b)) for a, b in TURNS}
    tables = {}
    for name in arguments.model:
        embedder = load_embedder(name)
        rows = embed(embedder, loaded.pixels)
        threshold = threshold_at_fmr(impostor_scores(rows, people), FMR)
        tables[embedder.model_id] = {
            turn: row(rows, threshold, own) for turn, own in chosen.items() if own
        }
        for turn, found in tables[embedder.model_id].items():
            print(f"{name:14} {turn:16} {found}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
