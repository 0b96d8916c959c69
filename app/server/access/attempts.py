"""Failed claims of an identity: pauses after a few, an end after many. A restart forgets none.

The numbers are those of NIST SP 800-63B-4 (draft) for biometrics without a tested detection of
presentation attacks.
"""

import time
from collections.abc import Callable

from facegate.server.access.database import Database
from facegate.server.reasons import Refusal
from facegate.server.settings import Limits


class Attempts:
    """Counts failed claims by gallery and identity, both by their uid."""

    def __init__(
        self, database: Database, limits: Limits, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._limits, self._clock = database, limits, clock

    def check(self, gallery: str, identity: str) -> None:
        """Refuse a claim that comes too early.

        Raises:
            Refusal: ``rate_limited`` during a pause; ``forbidden`` until an operator resets it.
        """
        failures, at = self._state(gallery, identity)
        if failures >= self._limits.verify_stop_after:
            raise Refusal(
                "forbidden",
                f"claims of this identity stopped after {failures} failures in a row",
                "an operator can allow them again on the page, under Gallery",
            )
        left = at + self._limits.verify_pause_s - self._clock()
        if failures >= self._limits.verify_pause_after and left > 0:
            raise Refusal(
                "rate_limited",
                f"{failures} claims of this identity failed in a row",
                f"wait {max(1, round(left))} s",
                retry_after=left,
            )

    def failures(self, gallery: str, identity: str) -> int:
        """Return how many claims in a row failed."""
        return self._state(gallery, identity)[0]

    def note(self, gallery: str, identity: str, *, is_match: bool) -> None:
        """Count a failure, or forget all of them after a match."""
        with self._database.transaction() as db:
            if is_match:
                db.execute(
                    "DELETE FROM attempt WHERE gallery = ? AND identity = ?", (gallery, identity)
                )
                return
            db.execute(
                "INSERT INTO attempt (gallery, identity, failures, at) VALUES (?, ?, 1, ?) "
                "ON CONFLICT (gallery, identity) "
                "DO UPDATE SET failures = failures + 1, at = excluded.at",
                (gallery, identity, int(self._clock())),
            )

    def _state(self, gallery: str, identity: str) -> tuple[int, int]:
        with self._database.reading() as db:
            row = db.execute(
                "SELECT failures, at FROM attempt WHERE gallery = ? AND identity = ?",
                (gallery, identity),
            ).fetchone()
        return (row[0], row[1]) if row else (0, 0)
