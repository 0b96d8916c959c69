"""The picture of live identification: boxes, names, scores, and where the time goes."""

from collections.abc import Iterable

from facegate.draw.faces import COLOURS, Tag, draw_tags, status_line
from facegate.draw.shapes import GREY
from facegate.live.tracks import Track
from facegate.models.values import Pixels


def live_picture(pixels: Pixels, tracks: Iterable[Track], status: str = "") -> Pixels:
    """Return a copy of a frame with the tracks drawn on it and a line of text below."""
    drawn = draw_tags(pixels.copy(), [tag_of_track(track) for track in tracks])
    if status:
        status_line(drawn, status)
    return drawn


def tag_of_track(track: Track) -> Tag:
    """Return what is drawn for a track: nothing but a box while it is undecided."""
    vote = track.vote
    box = [float(v) for v in track.face.box]
    if vote is None:
        return Tag(box, "…", "", GREY)
    title = vote.identity.name if vote.identity is not None else "unknown"
    detail = ""
    if vote.score is not None and vote.threshold is not None:
        sign = "≥" if vote.score >= vote.threshold else "<"
        detail = f"{vote.score:.2f} {sign} {vote.threshold:.2f}"
    return Tag(box, title, detail, COLOURS.get(vote.decision, GREY))
