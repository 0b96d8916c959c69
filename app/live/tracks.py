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
# A face is believed after so many frames with a detection score of at least so much: folds of
# cloth and patterns score 0.7 to 0.9 and come and go, faces nearly 1.
BELIEVED_FRAMES, BELIEVED_SCORE = 3, 0.9
# A box that lies in another one by so much of its own area shows a part of the same face.
INSIDE = 0.7


@dataclass(slots=True, eq=False)
class Track:
    """One face followed over frames.

    Attributes:
        number: counts from 1; 0 as long as it may be no face at all.
        face: where it was last seen, at ``last_s``.
        samples: embeddings of its best frames with what each alone would say.
        vote: the decision, kept once it is a match.
        n_sure: frames in which the detector was sure of it.
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
    n_sure: int = 0
    reported: str = ""
    is_over: bool = False

    def see(self, face: Face, now: float) -> None:
        """Take note of where the face is in a frame."""
        self.face, self.last_s = face, now
        self.n_sure += face.score >= BELIEVED_SCORE

    @property
    def is_believed(self) -> bool:
        """Return whether enough frames say that this is a face."""
        return self.n_sure >= BELIEVED_FRAMES

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


def distinct(faces: Sequence[Face]) -> list[int]:
    """Return the numbers of the faces without those that are parts of a surer one."""
    kept: list[int] = []
    for number in sorted(range(len(faces)), key=lambda i: -faces[i].score):
        x1, y1, x2, y2 = (float(v) for v in faces[number].box)
        for other in kept:
            a1, b1, a2, b2 = (float(v) for v in faces[other].box)
            shared = max(0.0, min(x2, a2) - max(x1, a1)) * max(0.0, min(y2, b2) - max(y1, b1))
            least = min((x2 - x1) * (y2 - y1), (a2 - a1) * (b2 - b1))
            if shared > INSIDE * least:
                break
        else:
            kept.append(number)
    return sorted(kept)


def overlap(a: Floats, b: Floats) -> Floats:
    """Return the intersection over union of every box (n, 4) with every box (m, 4), (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(high - low, 0.0, None)
    shared = sides[..., 0] * sides[..., 1]
    areas = [(box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)
