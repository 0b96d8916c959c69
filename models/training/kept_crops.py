"""Aligned crops, made once and kept: a second run on the same photographs does not look again."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from facegate.data.crops import Crops, Member, Place
from facegate.models.home import home
from facegate.models.inference.sealed import read_sealed, write_sealed
from facegate.models.training.alignment import align_crops

ROAD = "detector, warp and crops 1"
"""Part of every key; changes when the same photograph would give another crop."""


def kept_crops(
    places: Sequence[Place],
    crop: int,
    size: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> Crops:
    """Return what `align_crops` returns, from the cache where the same files were aligned before.

    The cache is a file a set of photographs in ``$FACEGATE_HOME/cache/crops``, readable by its
    owner alone; a photograph that was changed, added or removed makes another one.

    Args:
        places, crop, size, progress: as for `align_crops`.
    """
    if not places:
        return align_crops(places, crop, size, progress=progress)
    path = home() / "cache" / "crops" / f"{_key(places, crop, size)}.crops"
    parts = read_sealed(path)
    if parts is not None:
        pixels, rows, left_out = parts
        found = np.frombuffer(rows, np.int64)
        if progress is not None:
            progress(len(places))
        return Crops(
            np.frombuffer(pixels, np.uint8).reshape(len(found), crop, crop, 3).copy(),
            found,
            tuple((int(index), str(reason)) for index, reason in json.loads(left_out)),
        )
    made = align_crops(places, crop, size, progress=progress)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return made  # nowhere to keep it: the run goes on without
    reasons = json.dumps(made.left_out).encode()
    write_sealed(path, (made.pixels.tobytes(), made.rows.tobytes(), reasons))
    return made


def _key(places: Sequence[Place], crop: int, size: int) -> str:
    digest = hashlib.sha256(f"{ROAD}\0{crop}\0{size}\n".encode())
    for place in places:
        file, name = (place.archive, place.name) if isinstance(place, Member) else (place, "")
        line = f"{Path(file).absolute()}\0{name}\0{_stamp(file)}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _stamp(file: Path) -> str:
    try:
        facts = os.stat(file)
    except OSError:
        return "gone"
    return f"{facts.st_size} {facts.st_mtime_ns}"
