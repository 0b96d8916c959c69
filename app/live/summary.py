"""Who appears in a film, from when to when."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from facegate.live.tracks import Track

GAP_S = 3.0  # somebody who is back sooner was not away


@dataclass(slots=True)
class Appearance:
    """One stretch of a film with somebody in it.

    Attributes:
        who: a name, or ``unknown``.
        track: the number of the first track.
        from_s, to_s: seconds in the film.
    """

    who: str
    track: int
    from_s: float
    to_s: float

    def as_json(self) -> dict[str, Any]:
        """Return the stretch as one entry of the summary."""
        return {
            "name": self.who if self.who != "unknown" else None,
            "track": self.track,
            "from": round(self.from_s, 2),
            "to": round(self.to_s, 2),
        }


class Summary:
    """Collects appearances; every track that got a decision counts from its first frame."""

    def __init__(self) -> None:
        self._spans: dict[int, Appearance] = {}

    def see(self, tracks: Iterable[Track]) -> None:
        """Take note of the tracks of one frame."""
        for track in tracks:
            if track.vote is None:
                continue
            who = track.vote.identity.name if track.vote.identity is not None else "unknown"
            span = self._spans.get(track.number)
            if span is None:
                span = Appearance(who, track.number, track.first_s, track.last_s)
                self._spans[track.number] = span
            span.who, span.to_s = who, track.last_s

    def appearances(self) -> list[Appearance]:
        """Return the stretches by time; those of one name that nearly touch are one."""
        merged: list[Appearance] = []
        for span in sorted(self._spans.values(), key=lambda s: s.from_s):
            last = next((m for m in reversed(merged) if m.who == span.who), None)
            joins = last is not None and span.who != "unknown"
            if joins and last is not None and span.from_s - last.to_s <= GAP_S:
                last.to_s = max(last.to_s, span.to_s)
            else:
                merged.append(Appearance(span.who, span.track, span.from_s, span.to_s))
        return merged


def clock(seconds: float) -> str:
    """Return seconds of a film as minutes and seconds, 1:05.3."""
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
