"""Kill enrolling processes at random moments, and count what was acknowledged and is lost.

    python benchmarks/gallery/kill.py --kills 200

Two processes enrol into one gallery at once; each prints a line when an enrolment has returned.
Both are killed with SIGKILL at a random moment. Then the gallery must open, `check` must find
nothing, and every acknowledged sample must be there. With --mixed one of the two also renames,
merges, removes, undoes, erases, imports and backs up.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from facegate.errors import FacegateError
from facegate.gallery import Gallery, Sample

DIM = 128
NAMES = tuple(f"person {n}" for n in range(40))


def sample(rng: np.random.Generator) -> Sample:
    vector = rng.standard_normal(DIM)
    unit = (vector / np.linalg.norm(vector)).astype(np.float32)
    return Sample(unit, 0.5, rng.bytes(32).hex(), 0)


def enroll_for_ever(path: Path, seed: int, acknowledge: int, mixed: bool) -> None:
    """Work until killed; write one line for each operation that has returned."""
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    with Gallery.open(path, timeout=60) as gallery:
        number = 0
        while True:
            uid, hashes = f"{seed}-{number}", list[str]()
            number += 1
            try:
                if mixed and chance.random() < 0.5:
                    change(gallery, chance, uid, path.parent / f"{uid}.copy")
                else:
                    given = [sample(rng) for _ in range(chance.randint(1, 3))]
                    gallery.enroll(chance.choice(NAMES), given, op_uid=uid)
                    hashes = [one.source_hash for one in given]
            except FacegateError:
                continue
            os.write(acknowledge, (json.dumps([uid, hashes]) + "\n").encode())


def change(gallery: Gallery, chance: random.Random, uid: str, copy: Path) -> None:
    """Do something other than enrol."""
    one, two = chance.sample(NAMES, 2)
    match chance.choice(("rename", "merge", "remove", "undo", "erase", "import", "backup")):
        case "rename":
            gallery.rename(one, f"{two} {uid}", op_uid=uid)
        case "merge":
            gallery.merge(one, two, op_uid=uid)
        case "remove":
            gallery.remove(one, op_uid=uid)
        case "undo":
            gallery.undo(op_uid=uid)
        case "erase":
            gallery.erase(one, op_uid=uid)
        case "import":
            gallery.export(copy)
            gallery.remove(one)
            # Where the other process enrolled this person after the export, nothing is missing.
            if not gallery.import_(copy, op_uid=uid).n_samples:
                raise FacegateError("no operation to acknowledge")
        case "backup":
            gallery.backup(copy)
            gallery.set_setting("last backup", uid)
            raise FacegateError("no operation to acknowledge")


def start(path: Path, seed: int, mixed: bool) -> tuple[int, int]:
    """Fork one worker; return its process id and the end of the pipe to read from."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            enroll_for_ever(path, seed, write, mixed)
        finally:
            os._exit(1)
    os.close(write)
    return child, read


def acknowledged(read: int) -> list[tuple[str, list[str]]]:
    with os.fdopen(read, "rb") as pipe:
        lines = pipe.read().split(b"\n")
    return [tuple(json.loads(line)) for line in lines[:-1]]


def is_hot(path: Path) -> bool:
    """Say whether a killed process left a journal to roll back."""
    journal = Path(f"{path}-journal")
    return journal.exists() and journal.stat().st_size > 0


def campaign(path: Path, kills: int, seed: int, mixed: bool) -> dict[str, object]:
    chance = random.Random(seed)
    Gallery.open(path, model_id="kill-0123456789ab", create=True).close()
    uids, hashes = set[str](), set[str]()
    found = {"kills": 0, "samples_acknowledged": 0, "operations_acknowledged": 0,
             "samples_lost": 0, "operations_lost": 0, "operations_not_acknowledged": 0,
             "hot_journals": 0, "findings": 0}  # fmt: skip
    began, longest_open = time.perf_counter(), 0.0
    for round_ in range(0, kills, 2):
        workers = [start(path, seed * 1_000_000 + round_ + n, mixed and n == 1) for n in (0, 1)]
        time.sleep(0.05 + chance.random())
        for child, _ in workers:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        found["kills"] += 2
        for _, read in workers:
            for uid, given in acknowledged(read):
                uids.add(uid)
                hashes.update(given)
        found["hot_journals"] += is_hot(path)
        opening = time.perf_counter()
        with Gallery.open(path) as gallery:
            longest_open = max(longest_open, time.perf_counter() - opening)
            # An erase that was killed before the file was rewritten is finished by a change.
            gallery.set_setting("round", str(round_))
            found["findings"] += len(gallery.check())
        known, sources = saved(path)
        found["operations_lost"] += len(uids - known)
        if not mixed:
            found["samples_lost"] += len(hashes - sources)
        for rest in path.parent.glob("*.copy"):
            rest.unlink()
    found["samples_acknowledged"], found["operations_acknowledged"] = len(hashes), len(uids)
    found["operations_not_acknowledged"] = len(known - uids)
    return {**found, "longest_open_s": round(longest_open, 3),
            "seconds": round(time.perf_counter() - began, 1)}  # fmt: skip


def saved(path: Path) -> tuple[set[str], set[str]]:
    """Return the ids of all operations and all source hashes, read without facegate."""
    db = sqlite3.connect(path)
    try:
        known = {uid for (uid,) in db.execute("SELECT uid FROM op")}
        return known, {one for (one,) in db.execute("SELECT source_hash FROM sample")}
    finally:
        db.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mixed", action="store_true", help="other operations, too")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        found = campaign(folder / "gallery.db", options.kills, options.seed, options.mixed)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(found))
    return 1 if found["samples_lost"] or found["operations_lost"] or found["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
