"""How often somebody may ask: token buckets by key and by address."""

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST = 10_000
"""Clients that are remembered; the one that was quiet for longest is forgotten first."""


class Buckets:
    """One bucket for each client: ``burst`` requests at once, then ``rate`` a second."""

    def __init__(
        self, rate: float, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst = rate, burst
        self.clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one token; return 0, or the seconds until there is one."""
        left = self._now(client)
        if left < 1:
            return (1 - left) / self.rate
        self._keep(client, left - 1)
        return 0.0

    def empty(self, client: str) -> float:
        """Return 0 where a token is left, else the seconds until there is one; take none."""
        left = self._now(client)
        return 0.0 if left >= 1 else (1 - left) / self.rate

    def _now(self, client: str) -> float:
        left, at = self._left.get(client, (float(self.burst), self.clock()))
        return min(float(self.burst), left + (self.clock() - at) * self.rate)

    def _keep(self, client: str, left: float) -> None:
        self._left[client] = (left, self.clock())
        self._left.move_to_end(client)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
