"""Compare our detector with facenet-pytorch's, which is its oracle: boxes, landmarks, speed.

    FACEGATE_TEST_DATA=… python benchmarks/detect/oracle.py > benchmarks/detect/oracle.json

The table goes to stderr, everything as JSON to stdout.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from collages import Pixels, collages, photographs

from facegate.models.detect import Detections, Detector

LEAST_OVERLAP = 0.9
MOST_OFF = 0.02  # of the distance between the eyes


@dataclass
class Comparison:
    """Counts over pictures, and every deviation by name."""

    pictures: int = 0
    oracle_failed: int = 0
    oracle_boxes: int = 0
    our_boxes: int = 0
    matched: int = 0
    landmarks_agree: int = 0
    worst_overlap: float = 1.0
    worst_landmark: float = 0.0
    deviations: list[dict[str, object]] = field(default_factory=list)


def compare(
    detector: Detector, oracle: object, pictures: Iterable[tuple[str, Pixels]]
) -> Comparison:
    """Count which of the oracle's boxes we find, and how near their landmarks lie."""
    total = Comparison()
    for name, pixels in pictures:
        total.pictures += 1
        theirs = detect_with(oracle, pixels)
        if theirs is None:
            total.oracle_failed += 1
            continue
        compare_one(total, name, detector.detect(pixels), theirs)
    return total


def compare_one(total: Comparison, name: str, ours: Detections, theirs: Detections) -> None:
    """Add one picture to the counts."""
    total.oracle_boxes += len(theirs[0])
    total.our_boxes += len(ours[0])
    overlaps = overlap(theirs[0], ours[0])
    for index in range(len(theirs[0])):
        best = int(overlaps[index].argmax()) if len(ours[0]) else -1
        share = float(overlaps[index, best]) if best >= 0 else 0.0
        total.worst_overlap = min(total.worst_overlap, share)
        off = None
        if share >= LEAST_OVERLAP:
            total.matched += 1
            marks = theirs[1][index]
            eyes = float(np.linalg.norm(marks[0] - marks[1]))
            off = float(np.linalg.norm(ours[1][best] - marks, axis=1).max()) / eyes
            total.worst_landmark = max(total.worst_landmark, off)
            total.landmarks_agree += off <= MOST_OFF
        if off is None or off > MOST_OFF:
            total.deviations.append(
                {"picture": name, "score": float(theirs[2][index]), "overlap": share, "off": off}
            )
    for index in range(len(ours[0])):
        if not len(theirs[0]) or overlaps[:, index].max() < LEAST_OVERLAP:
            total.deviations.append({"picture": name, "only ours": float(ours[2][index])})


def detect_with(oracle: object, pixels: Pixels) -> Detections | None:
    """Return facenet-pytorch's answer, or None where it raises (field.md names the inputs)."""
    try:
        boxes, scores, landmarks = oracle.detect(pixels, landmarks=True)  # type: ignore[attr-defined]
    except (RuntimeError, ValueError, IndexError):
        return None
    if boxes is None:
        return (
            np.empty((0, 4), np.float32),
            np.empty((0, 5, 2), np.float32),
            np.empty(0, np.float32),
        )
    return tuple(np.asarray(each, np.float32) for each in (boxes, landmarks, scores))  # type: ignore[return-value]


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each box of a with each of b."""
    low, high = (
        np.maximum(a[:, None, :2], b[None, :, :2]),
        np.minimum(a[:, None, 2:], b[None, :, 2:]),
    )
    shared = np.clip(high - low, 0, None).prod(axis=2)
    sizes = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    return shared / (sizes[0][:, None] + sizes[1][None] - shared)


def main() -> None:
    """Run the comparison that the README reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=500)
    parser.add_argument("--collages", type=int, default=100)
    parser.add_argument("--min-face-px", type=float, default=24)
    parser.add_argument("--seed", type=int, default=14)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # numpy's, from facenet-pytorch's ragged arrays
    from facenet_pytorch import MTCNN

    folder = Path(os.environ["FACEGATE_TEST_DATA"])
    detector = Detector(device="cpu", min_face_px=options.min_face_px)
    oracle = MTCNN(min_face_size=options.min_face_px, device="cpu")
    report: dict[str, object] = {"options": vars(options)}
    for kind, pictures in (
        ("photographs", photographs(folder, options.photographs, options.seed)),
        ("collages", collages(folder, options.collages, options.seed)),
    ):
        total = compare(detector, oracle, pictures)
        report[kind] = asdict(total)
        boxes = max(1, total.oracle_boxes)
        print(
            f"{kind}: {total.pictures} pictures ({total.oracle_failed} on which the oracle fails), "
            f"{total.oracle_boxes} boxes of the oracle, {total.our_boxes} of ours; "
            f"matched {total.matched / boxes:.2%}, landmarks {total.landmarks_agree / boxes:.2%}; "
            f"least overlap {total.worst_overlap:.4f}, most off {total.worst_landmark:.4f}",
            file=sys.stderr,
        )
        for deviation in total.deviations:
            print(f"    {deviation}", file=sys.stderr)
    json.dump(report, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
