"""Time a gallery: opening, the first and the next search, enrolling, following, checking.

    python benchmarks/gallery/speed.py --templates 10000 --dim 128

Medians: of five openings, of 200 searches; what changes the gallery is done once. One thread. The
gallery is made of random unit vectors, five templates a person.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from facegate.gallery import Gallery, Sample

MODEL = "speed-0123456789ab"


def unit_rows(n: int, dim: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def fill(path: Path, templates: int, dim: int) -> float:
    """Enrol people of five templates each; return the seconds of one commit (median)."""
    rows, seconds = unit_rows(templates, dim, 0), []
    with Gallery.open(path, model_id=MODEL, create=True) as gallery:
        with gallery._store.idle() as db:
            db.execute("PRAGMA synchronous = OFF")
        for start in range(0, templates - 100, 5):
            enroll(gallery, rows, start)
        with gallery._store.idle() as db:
            db.execute("PRAGMA synchronous = FULL")
        for start in range(templates - 100, templates, 5):
            seconds.append(took(partial(enroll, gallery, rows, start)))
    return statistics.median(seconds)


def enroll(gallery: Gallery, rows: np.ndarray, start: int) -> None:
    samples = [Sample(rows[n], 0.5, f"{n:064x}", 0) for n in range(start, start + 5)]
    gallery.enroll(f"person {start}", samples)


def took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(work: Callable[[], object], times: int) -> float:
    return statistics.median(took(work) for _ in range(times))


def measure(path: Path, templates: int, dim: int) -> dict[str, float]:
    import faiss

    faiss.omp_set_num_threads(1)
    probes = unit_rows(64, dim, 1)
    found = {"enroll 5 samples": fill(path, templates, dim)}
    opened, first, spent = [], [], []
    for _ in range(5):
        began, before = time.perf_counter(), time.process_time()
        with Gallery.open(path, read_only=True) as gallery:
            opened.append(time.perf_counter() - began)
            gallery.search(probes[:1])
            first.append(time.perf_counter() - began)
            spent.append(time.process_time() - before)
    found["open"] = statistics.median(opened)
    found["open and search once"] = statistics.median(first)
    found["the same, processor time"] = statistics.median(spent)
    with Gallery.open(path) as gallery, Gallery.open(path) as other:
        gallery.search(probes[:1])
        found["search 1"] = median(lambda: gallery.search(probes[:1]), 200)
        found["search 32"] = median(lambda: gallery.search(probes[:32]), 20)
        found["page of 50 people"] = median(lambda: gallery.identities(500, 50), 20)
        found["names with '77'"] = median(lambda: gallery.identities(search="77"), 20)
        found["templates of a person"] = median(lambda: gallery.templates("person 500"), 200)
        enroll(other, unit_rows(10 * templates, dim, 2)[-5:], 0)
        found["search after another's enrolment"] = took(lambda: gallery.search(probes[:1]))
        other.remove("person 500")
        found["search after another's removal"] = took(lambda: gallery.search(probes[:1]))
        found["check"] = took(gallery.check)
        found["backup"] = took(lambda: gallery.backup(path.with_name("copy.db")))
        found["erase"] = took(lambda: gallery.erase("person 505"))
        found["export"] = took(lambda: gallery.export(path.with_name("people.zip")))
    with Gallery.open(path.with_name("new.db"), model_id=MODEL, create=True) as fresh:
        found["import"] = took(lambda: fresh.import_(path.with_name("people.zip")))
    found["file"] = path.stat().st_size / 1e9  # MB where the others are ms
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--templates", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder) / "gallery.db", options.templates, options.dim)
    if options.json:
        print(json.dumps({name: round(value, 6) for name, value in found.items()}))
        return 0
    for name, value in found.items():
        print(f"{name:<34} {value * 1000:10.2f}" + (" MB" if name == "file" else " ms"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
