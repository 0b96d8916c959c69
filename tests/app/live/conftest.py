"""Faces, answers and identities made by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest

from facegate.decision import Threshold
from facegate.gallery import Identity
from facegate.models.values import Face, Floats
from facegate.results import EmbeddedFace, IdentifiedFace, Near

THRESHOLD = Threshold(0.5, 1e-2, "card")


class Made:
    """Makes what the tests need."""

    def identity(self, number: int) -> Identity:
        """A person of the gallery."""
        return Identity(number, f"uid-{number}", f"Person {number}", 3, datetime.now(UTC))

    def face(self, x: float = 100, y: float = 100, size: float = 100, score: float = 0.99) -> Face:
        """An upright, frontal face."""
        box = np.array([x - size * 0.4, y - size * 0.5, x + size * 0.4, y + size * 0.5])
        marks = np.array([[-0.25, -0.12], [0.25, -0.12], [0, 0.16], [-0.2, 0.4], [0.2, 0.4]])
        placed = (marks * size + (x, y)).astype(np.float32)
        return Face(box.astype(np.float32), placed, score, quality=0.9)

    def answer(self, who: int | None, score: float | None = None) -> IdentifiedFace:
        """What one frame alone says: a person, or unknown."""
        if who is None:
            near = Near(self.identity(1), 0.1)
            value = 0.1 if score is None else score
            return IdentifiedFace("f", self.face(), "unknown", None, value, THRESHOLD, near)
        value = 0.8 if score is None else score
        return IdentifiedFace("f", self.face(), "match", self.identity(who), value, THRESHOLD, None)

    def embedding(self, who: int, seed: int = 0) -> Floats:
        """A unit vector: alike for one person, not for two."""
        base = np.random.default_rng(500 + who).standard_normal(64)
        row = base + 0.4 * np.random.default_rng(seed).standard_normal(64)
        return np.asarray(row / np.linalg.norm(row), np.float32)

    def embedded(self, who: int, at: Face, number: int = 0, seed: int = 0) -> EmbeddedFace:
        """A face with the embedding of somebody."""
        crop = np.zeros((112, 112, 3), np.uint8)
        return EmbeddedFace("f", "", number, at, crop, self.embedding(who, seed))


@pytest.fixture(scope="session")
def made() -> Made:
    """See above."""
    return Made()
