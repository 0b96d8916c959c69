"""Watch the memory of one process over photographs of many sizes.

    python benchmarks/memory/soak.py > benchmarks/memory/soak.json

Photographs are made from the public-domain portraits in the scikit-image and matplotlib wheels: a
portrait stretched, on a grey of the seed's size. Growth is counted after the first tenth.
"""

import argparse
import contextlib
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from facegate.data.images import Photo, read_photo
from facegate.errors import NotUprightError
from facegate.models.pipeline import Pipeline


def photographs(count: int, n_sizes: int, seed: int) -> Iterator[Photo]:
    """Yield photographs of ``n_sizes`` sizes, 64 to 1,600 pixels a side, one after another."""
    import matplotlib
    import skimage.data

    grace = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    portraits = [Image.fromarray(skimage.data.astronaut()), Image.open(grace).convert("RGB")]
    draw = random.Random(seed)
    sizes = [(draw.randint(64, 1600), draw.randint(64, 1600)) for _ in range(n_sizes)]
    for number in range(count):
        width, height = sizes[number % n_sizes]
        side = draw.randint(48, min(width, height))
        picture = Image.new("RGB", (width, height), (draw.randrange(256),) * 3)
        place = draw.randint(0, width - side), draw.randint(0, height - side)
        picture.paste(draw.choice(portraits).resize((side, side)), place)
        yield read_photo(picture, name=f"photograph {number}")


def resident_mb() -> float:
    """Return the memory this process holds, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("this system's /proc/self/status names no VmRSS")


def soak(pipeline: Pipeline, count: int, n_sizes: int, seed: int, *, embed: bool) -> list[float]:
    """Return the resident MiB after each photograph."""
    held = []
    for photo in photographs(count, n_sizes, seed):
        found = pipeline.find(photo)
        # Landmarks of a face of a few pixels may not stand upright; the road refuses such a face.
        with contextlib.suppress(NotUprightError):
            if embed and found.faces:
                pipeline.embed(pipeline.crop(photo, found.faces[0])[None])
        held.append(resident_mb())
    return held


def main() -> None:
    """Print the course to stderr and every number as JSON to stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--sizes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--detect-only", action="store_true", help="without a model's embeddings")
    options = parser.parse_args()
    pipeline = Pipeline(device="cpu")
    held = soak(pipeline, options.count, options.sizes, options.seed, embed=not options.detect_only)
    warm = held[options.count // 10]
    for number in (1, 10, 50, 100, 200, 500, 1000, 2000):
        if number <= len(held):
            print(f"after {number:5} photographs: {held[number - 1]:7.1f} MiB", file=sys.stderr)
    print(
        f"growth after the first tenth: {max(held[options.count // 10 :]) - warm:.1f} MiB",
        file=sys.stderr,
    )
    json.dump(
        {"options": vars(options), "resident_mib": held[:: max(1, len(held) // 200)]}, sys.stdout
    )


if __name__ == "__main__":
    main()
