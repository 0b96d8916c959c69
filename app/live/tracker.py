"""Links the faces of each frame into tracks, by overlap first and by embedding where it matters."""

from collections.abc import Callable, Sequence

from facegate.live.tracks import (
    BELIEVED_SCORE,
    FORGET_AFTER_S,
    LOST_AFTER_S,
    SURE_OVERLAP,
    Track,
    distinct,
    link,
)
from facegate.models.values import Face
from facegate.quality import GOOD_SIZE_PX, eye_distance, frontality, pose
from facegate.results import EmbeddedFace, IdentifiedFace

EMBED_AT_MOST = 3  # faces a frame: the others wait for the next one
LEAST_QUALITY = 0.12  # a worse crop says nothing about who it is
FOREIGN_FRAMES = 2  # so many in a row do not look like their track: somebody took its place

Embed = Callable[[Sequence[int]], dict[int, tuple[EmbeddedFace, IdentifiedFace]]]


class Tracker:
    """The faces before one camera.

    Args:
        same_person: score from which two frames count as one person's.

    Attributes:
        tracks: those seen of late, the lost ones too.
    """

    def __init__(self, same_person: float) -> None:
        self.tracks: list[Track] = []
        self._same_person = same_person
        self._count = 0

    def visible(self, now: float) -> list[Track]:
        """Return the tracks to be drawn: seen of late, and by now believed to be faces."""
        return [track for track in self._fresh(now) if track.number]

    def _fresh(self, now: float) -> list[Track]:
        return [t for t in self.tracks if not t.is_over and now - t.last_s < LOST_AFTER_S]

    def update(self, faces: Sequence[Face], now: float, embed: Embed) -> list[Track]:
        """Take in the faces of one frame.

        Args:
            faces: all of them.
            now: time of the frame in seconds.
            embed: embeds and searches the faces with these numbers; those that cannot be
                embedded are missing in its answer.

        Returns:
            The believed tracks that ended with this frame.
        """
        there = distinct(faces)
        by_face = self._link(faces, there, now)
        wanted = self._wanted(faces, there, by_face, now)
        for number, (embedded, answer) in embed(wanted).items():
            self._judge(number, embedded, answer, by_face, now)
        for number in there:
            if number not in by_face:
                by_face[number] = self._new(faces[number], now)
        for number, track in sorted(by_face.items()):
            track.see(faces[number], now)
            if not track.number and track.is_believed:
                self._count += 1
                track.number = self._count
        ended = [t for t in self.tracks if t.is_over or now - t.last_s >= FORGET_AFTER_S]
        self.tracks = [track for track in self.tracks if track not in ended]
        return [track for track in ended if track.number]

    def _link(self, faces: Sequence[Face], there: Sequence[int], now: float) -> dict[int, Track]:
        fresh = self._fresh(now)
        by_face: dict[int, Track] = {}
        for i, j, overlap in link(fresh, [faces[number] for number in there]):
            by_face[there[j]] = fresh[i]
            if overlap < SURE_OVERLAP:
                fresh[i].embedded_s = -1e9  # looked at now, whoever it is
        return by_face

    def _wanted(
        self, faces: Sequence[Face], there: Sequence[int], by_face: dict[int, Track], now: float
    ) -> list[int]:
        """Choose the faces worth embedding: those without a decision first, then the largest."""
        ranked = []
        for number in there:
            face, track = faces[number], by_face.get(number)
            hint = _hint(face)
            if hint < LEAST_QUALITY or (track is not None and not track.wants(now, hint)):
                continue
            if face.score < BELIEVED_SCORE and (track is None or not track.number):
                continue
            undecided = track is None or track.vote is None
            ranked.append((not undecided, -hint, number))
        return [number for *_, number in sorted(ranked)[:EMBED_AT_MOST]]

    def _judge(
        self,
        number: int,
        embedded: EmbeddedFace,
        answer: IdentifiedFace,
        by_face: dict[int, Track],
        now: float,
    ) -> None:
        """Give an embedding to its track, after a look at whether it belongs there."""
        if float(embedded.face.quality or 0.0) < LEAST_QUALITY:
            return
        track = by_face.get(number)
        if track is None or not track.samples:
            track = self._begin(track, embedded, by_face, now)
            by_face[number] = track
        elif track.likeness(embedded.embedding) < self._same_person:
            track.n_foreign += 1
            track.embedded_s = -1e9
            if track.n_foreign < FOREIGN_FRAMES:
                return
            track.is_over = True
            track = self._begin(None, embedded, by_face, now)
            by_face[number] = track
        track.n_foreign = 0
        track.embedded_s = now
        track.add(embedded, answer, now)
        if track.contradicts():
            track.is_over = True
            by_face[number] = self._new(embedded.face, now)

    def _begin(
        self, track: Track | None, embedded: EmbeddedFace, by_face: dict[int, Track], now: float
    ) -> Track:
        """Return the track of a face embedded for the first time: a lost one that comes back,
        the one it has by its place, or a new one.
        """
        lost = self._find_lost(embedded, by_face)
        if lost is None:
            return track or self._new(embedded.face, now)
        if track is not None:
            lost.n_sure += track.n_sure
            self.tracks.remove(track)
        return lost

    def _find_lost(self, embedded: EmbeddedFace, by_face: dict[int, Track]) -> Track | None:
        """Return the track, not linked in this frame, whose face this is."""
        taken = {id(track) for track in by_face.values()}
        best, best_score = None, max(self._same_person, -0.99)
        for track in self.tracks:
            if id(track) in taken or track.is_over or not track.samples:
                continue
            score = track.likeness(embedded.embedding)
            if score >= best_score:
                best, best_score = track, score
        return best

    def _new(self, face: Face, now: float) -> Track:
        track = Track(0, face, now, now)
        self.tracks.append(track)
        return track


def _hint(face: Face) -> float:
    """Return what is known of a face's quality before it is cut out: size and frontality."""
    head = pose(face.landmarks)
    return min(1.0, eye_distance(face.landmarks, head) / GOOD_SIZE_PX) * frontality(head)
