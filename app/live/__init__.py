"""Names on a live picture: faces linked into tracks, one decision a track, events."""

from facegate.live.reporter import Event
from facegate.live.tracks import Track
from facegate.live.watch import Moment, Watch

__all__ = ["Event", "Moment", "Track", "Watch"]
