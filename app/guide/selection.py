"""The best few frames of a person: good ones, and different from one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facegate.models.values import Floats

POOL = 48  # frames among which the best are chosen: enough for every pose several times
DUPLICATE = 0.97  # cosine from which a frame adds nothing to one that is kept
# How much being different counts beside being good: a frame as far from the others as a fresh
# pose (cosine 0.7) gains about what a fifth of quality is worth.
DIVERSITY = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A frame worth keeping.

    Attributes:
        item: whatever the caller gave with it.
        embedding: float32 (D,), unit length.
        quality: 0 to 1.
        direction: where the head pointed, a word, or empty between two directions.
        time_s: when it was seen.
    """

    item: Any
    embedding: Floats
    quality: float
    direction: str
    time_s: float


class Pool:
    """Candidates of one person, few and varied.

    Args:
        k: how many are wanted in the end.
    """

    def __init__(self, k: int) -> None:
        self.k = k
        self._frames: list[Kept] = []

    def __len__(self) -> int:
        return len(self._frames)

    def nearest(self, embedding: Floats) -> float:
        """Return the highest cosine with a frame in the pool; -1 where it is empty."""
        if not self._frames:
            return -1.0
        return float(max(frame.embedding @ embedding for frame in self._frames))

    def likeness(self, embedding: Floats) -> float:
        """Return how alike an embedding is to those of the pool; -1 where it is empty.

        The cosine with the nearest one or with the mean of all, whichever is lower: among many,
        somebody else comes near to one by chance.
        """
        if not self._frames:
            return -1.0
        mean = np.mean([frame.embedding for frame in self._frames], axis=0)
        middle = float(mean @ embedding) / max(float(np.linalg.norm(mean)), 1e-9)
        return min(self.nearest(embedding), middle)

    def offer(self, frame: Kept) -> bool:
        """Take a frame in, unless a better one shows the same; return whether it was taken."""
        for i, other in enumerate(self._frames):
            if float(other.embedding @ frame.embedding) >= DUPLICATE:
                if frame.quality <= other.quality:
                    return False
                self._frames[i] = frame
                return True
        self._frames.append(frame)
        if len(self._frames) > POOL:
            ranked = choose(self._frames, len(self._frames))
            self._frames.remove(ranked[-1])
            return ranked[-1] is not frame
        return True

    def best(self) -> list[Kept]:
        """Return up to k frames, the most useful first."""
        return choose(self._frames, self.k)


def choose(frames: Sequence[Kept], k: int) -> list[Kept]:
    """Return up to k frames, good and different: greedy, the best frame first.

    Each next one has the highest quality plus ``DIVERSITY`` times its distance (1 - cosine) to
    the nearest chosen one; a direction that is not there yet comes before all others.
    """
    left = list(frames)
    if not left:
        return []
    rows = np.stack([frame.embedding for frame in left])
    nearest = np.full(len(left), -1.0)
    chosen: list[Kept] = []
    seen: set[str] = set()
    taken = np.zeros(len(left), bool)
    while len(chosen) < min(k, len(left)):
        gain = np.array([frame.quality for frame in left])
        if chosen:
            gain = gain + DIVERSITY * (1.0 - nearest)
            gain += [
                2.0 * (frame.direction not in seen and frame.direction != "") for frame in left
            ]
        gain[taken] = -np.inf
        at = int(gain.argmax())
        taken[at] = True
        chosen.append(left[at])
        seen.add(left[at].direction)
        nearest = np.maximum(nearest, rows @ left[at].embedding)
    return chosen
