"""Galleries of small random vectors."""

import hashlib
import io
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegate.gallery import Gallery, Sample

MODEL = "test-net-0123456789ab"
DIM = 16

MakeSamples = Callable[..., list[Sample]]


def make_samples(n: int, tag: str = "a", *, dim: int = DIM, crop_px: int = 0) -> list[Sample]:
    """Return samples that depend on the tag alone."""
    seed = int.from_bytes(hashlib.sha256(tag.encode()).digest()[:8])
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        vector = rng.standard_normal(dim)
        source = hashlib.sha256(f"{tag}-{number}".encode()).hexdigest()
        crop = None
        if crop_px:
            file = io.BytesIO()
            pixels = rng.integers(0, 256, (crop_px, crop_px, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(file, "PNG")
            crop = file.getvalue()
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        found.append(Sample(unit, 0.5, source, 0, crop=crop))
    return found


@pytest.fixture
def samples() -> MakeSamples:
    """Make samples: ``samples(n, tag)``."""
    return make_samples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's gallery is."""
    return tmp_path / "people" / "gallery.db"


@pytest.fixture
def gallery(path: Path) -> Iterator[Gallery]:
    """An empty gallery, open."""
    with Gallery.open(path, model_id=MODEL, create=True, timeout=0.5) as opened:
        yield opened


@pytest.fixture
def peopled(gallery: Gallery) -> Gallery:
    """A gallery with Ada (3 samples), Bob (2) and Cleo (1)."""
    for name, n in (("Ada", 3), ("Bob", 2), ("Cleo", 1)):
        gallery.enroll(name, make_samples(n, name))
    return gallery


@pytest.fixture
def sql(path: Path) -> Callable[..., list[tuple[object, ...]]]:
    """Run SQL behind the gallery's back, with the rules of the tables off."""

    def run(query: str, *values: object) -> list[tuple[object, ...]]:
        db = sqlite3.connect(path, isolation_level=None)
        try:
            db.execute("PRAGMA ignore_check_constraints = ON")
            return db.execute(query, values).fetchall()
        finally:
            db.close()

    return run


State = dict[str, object]


def visible(gallery: Gallery) -> State:
    """Return all that a gallery shows, but for its history."""
    people = {}
    for person in gallery.identities():
        ids, matrix = gallery.templates(person.name)
        rows = [
            (s.id, s.quality, s.source_hash, s.face_no, s.kind, s.created)
            for s in gallery.samples(person.name)
        ]
        people[person.id] = (
            person.uid,
            person.name,
            person.created,
            rows,
            ids.tolist(),
            matrix.tobytes(),
            gallery.crops(person.name),
        )
    return {"people": people, "count": gallery.count(), "model": gallery.model_id}


@pytest.fixture
def state() -> Callable[[Gallery], State]:
    """Return all that a gallery shows, but for its history."""
    return visible


@pytest.fixture
def model_id() -> str:
    """The model of the test's gallery."""
    return MODEL


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        Path(name).chmod(0o755)
