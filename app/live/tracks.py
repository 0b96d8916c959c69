"""One face over many frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from facegate.guide.selection import Kept
from facegate.live.vote import Vote, vote
from facegate.models.values import Face, Floats
from facegate.results import EmbeddedFace, IdentifiedFace

SAMPLES = 7  # of a track, the best and most different
LINK_OVERLAP = 0.3  # intersection over union from which a box continues the last one
SURE_OVERLAP = 0.55  # below, the link is checked by embedding at once
LOST_AFTER_S = 0.7  # unseen for so long, a track is no longer drawn
FORGET_AFTER_S = 2.5  # and for so long, its face must be decided anew
CHECK_EVERY_S = 0.5  # how often a decided track is looked at again, lest somebody took its place


@dataclass(slots=True, eq=False)
class Track:
    """One face followed over frames.

    Attributes:
        number: counts from 1.
        face: where it was last seen, at ``last_s``.
        samples: embeddings of its best frames with what each alone would say.
        vote: the decision, kept once it is a match.
        reported: the decision that became an event, or empty.
        is_over: its face turned out to be somebody else's now.
    """

    number: int
    face: Face
    first_s: float
    last_s: float
    samples: list[tuple[Kept, IdentifiedFace]] = field(default_factory=list)
    vote: Vote | None = None
    embedded_s: float = -1e9
    n_foreign: int = 0
    reported: str = ""
    is_over: bool = False

    def wants(self, now: float, quality_hint: float) -> bool:
        """Return whether another embedding of this track is worth its time now."""
        age = now - self.embedded_s
        if len(self.samples) < SAMPLES:
            return age >= 0.12 or not self.samples
        return age >= CHECK_EVERY_S or (
            age >= 0.2 and quality_hint > min(kept.quality for kept, _ in self.samples) + 0.1
        )

    def likeness(self, embedding: Floats) -> float:
        """Return the highest cosine with one of the samples; 1 where there is none yet."""
        if not self.samples:
            return 1.0
        return float(max(kept.embedding @ embedding for kept, _ in self.samples))

    def add(self, embedded: EmbeddedFace, answer: IdentifiedFace, now: float) -> None:
        """Take a sample in, the worst one out, and decide anew unless it is a match already."""
        quality = float(embedded.face.quality or 0.0)
        kept = Kept(None, embedded.embedding, quality, "", now)
        self.samples.append((kept, answer))
        if len(self.samples) > SAMPLES:
            worst = min(range(len(self.samples)), key=lambda i: self.samples[i][0].quality)
            del self.samples[worst]
        if self.vote is None or self.vote.decision != "match":
            self.vote = vote([answer for _, answer in self.samples], now - self.first_s)

    def contradicts(self) -> bool:
        """Return whether the samples of a named track now speak for another name."""
        if self.vote is None or self.vote.identity is None:
            return False
        fresh = vote([answer for _, answer in self.samples], 1e9)
        other = fresh.identity if fresh is not None else None
        return other is not None and other.id != self.vote.identity.id


def link(tracks: Sequence[Track], faces: Sequence[Face]) -> list[tuple[int, int, float]]:
    """Pair tracks with faces by overlap, the largest first.

    Returns:
        (track, face, overlap) by position in the arguments; each at most once.
    """
    if not tracks or not faces:
        return []
    overlaps = overlap(
        np.stack([track.face.box for track in tracks]), np.stack([face.box for face in faces])
    )
    pairs: list[tuple[int, int, float]] = []
    while True:
        at = int(overlaps.argmax())
        i, j = divmod(at, overlaps.shape[1])
        best = float(overlaps[i, j])
        if best < LINK_OVERLAP:
            return pairs
        pairs.append((i, j, best))
        overlaps[i, :] = overlaps[:, j] = -1.0


def overlap(a: Floats, b: Floats) -> Floats:
    """Return the intersection over union of every box (n, 4) with every box (m, 4), (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(high - low, 0.0, None)
    shared = sides[..., 0] * sides[..., 1]
    areas = [(box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)
