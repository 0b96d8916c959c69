"""The check for presentation attacks on attacks of our own making, with counts.

facegate models install minifasnet --from $FACEGATE_TEST_DATA/models
python benchmarks/serve/pad.py --data $FACEGATE_TEST_DATA --people 100

One photograph each of so many people of LFW stands for live faces: as it is, and in the middle of a
640 x 480 frame. The same photographs are then shown as attacks in a frame: as a print with a white
border at three sizes, tilted, and on a screen whose pixels meet the camera's (moire). They are made
by computation, so the figures say nothing of real paper, real screens and real cameras.

APCER is the share of attacks that passed as ok, by kind; BPCER that of live faces that were
suspected. Prints n for each: faces that the detector did not find are left out and counted.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from facegate.data.images import read_photo
from facegate.models.pipeline import Pipeline
from facegate.models.presentation.check import PresentationCheck
from facegate.models.zoo import DEFAULT_MODEL

FRAME = (480, 640)


def room(rng: np.random.Generator) -> np.ndarray:
    """A wall with a gradient of light and the noise of a camera."""
    rows, columns = np.mgrid[0 : FRAME[0], 0 : FRAME[1]]
    light = 110 + 50 * columns / FRAME[1] - 30 * rows / FRAME[0]
    wall = np.repeat(light[..., None], 3, axis=2) * (1.0, 0.97, 0.92)
    return np.clip(wall + rng.normal(0, 3, wall.shape), 0, 255).astype(np.uint8)


def placed(scene: np.ndarray, picture: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Put a picture into a scene, its four corners where they are asked for."""
    height, width = picture.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    size = (scene.shape[1], scene.shape[0])
    shown = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size) > 127
    return np.where(mask[..., None], shown, scene)


def square(side: float, tilt: float = 0.0) -> np.ndarray:
    """The corners of a square in the middle of the frame; tilted, its right side is farther."""
    x, y, half = FRAME[1] / 2, FRAME[0] / 2, side / 2
    far = half * (1 - tilt)
    return np.array([(x - half, y - half), (x + half, y - far), (x + half, y + far),
                     (x - half, y + half)])  # fmt: skip


def printed(photo: np.ndarray) -> np.ndarray:
    """The photograph on paper: a white border, less contrast."""
    paper = cv2.copyMakeBorder(photo, 16, 16, 16, 16, cv2.BORDER_CONSTANT, value=(235, 235, 230))
    return np.clip(paper * 0.85 + 22, 0, 255).astype(np.uint8)


def screened(photo: np.ndarray) -> np.ndarray:
    """The photograph on a screen: columns of red, green and blue, dark lines, a black bezel."""
    large = cv2.resize(photo, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    grid = np.full(large.shape, 0.35, np.float32)
    for channel in range(3):
        grid[:, channel::3, channel] = 1.0
    grid[::3] *= 0.6
    lit = np.clip(large * grid * 1.9, 0, 255).astype(np.uint8)
    return cv2.copyMakeBorder(lit, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(8, 8, 8))


def scenes(photo: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the live photograph and every attack with it."""
    yield "live, the photograph itself", photo
    frame = room(rng)
    large = cv2.resize(photo, (FRAME[0], FRAME[0]), interpolation=cv2.INTER_CUBIC)
    left = (FRAME[1] - FRAME[0]) // 2
    frame[:, left : left + FRAME[0]] = large
    yield "live, filling a frame", frame
    for side in (200, 300, 420):
        yield f"print, {side} px", placed(room(rng), printed(photo), square(side))
    yield "print, 420 px, tilted", placed(room(rng), printed(photo), square(420, 0.3))
    for side in (300, 420):
        yield f"screen with moire, {side} px", placed(room(rng), screened(photo), square(side))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--people", type=int, default=100)
    options = parser.parse_args()
    check, pipeline = PresentationCheck(device="cpu"), Pipeline(DEFAULT_MODEL, device="cpu")
    folders = sorted(path for path in (options.data / "lfw").iterdir() if path.is_dir())
    chosen = np.random.default_rng(0).choice(len(folders), options.people, replace=False)
    counts: dict[str, list[int]] = {}
    for number in sorted(chosen):
        rng = np.random.default_rng(int(number))
        photo = read_photo(sorted(folders[number].iterdir())[0]).pixels
        for kind, scene in scenes(photo, rng):
            row = counts.setdefault(kind, [0, 0, 0])
            faces = pipeline.find(read_photo(np.ascontiguousarray(scene), name=kind)).faces
            if not faces:
                row[2] += 1
                continue
            row[0] += check(scene, faces[0].box) == "suspected"
            row[1] += 1
    report = {}
    for kind, (suspected, n, unseen) in counts.items():
        is_live = kind.startswith("live")
        errors = suspected if is_live else n - suspected
        word = "bpcer" if is_live else "apcer"
        rate = round(errors / n, 3) if n else None
        report[kind] = {word: rate, "errors": errors, "n": n, "no_face": unseen}
    print(json.dumps({"people": options.people, "kinds": report}, indent=1))


if __name__ == "__main__":
    main()
