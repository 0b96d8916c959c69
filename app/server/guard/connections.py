"""Connections: a few for each address, and none that takes its time to say what it wants."""

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from facegate.server.settings import Limits

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b"connection: close\r\n\r\n"
    b'{"error":{"code":"busy","message":"too many connections","hint":"close some",'
    b'"request_id":""}}'
)


def protocol(limits: Limits, *, shared: tuple[str, ...] = ()) -> type[H11Protocol]:
    """Return uvicorn's HTTP protocol with limits.

    Args:
        shared: addresses of proxies, behind which many clients stand.
    """
    by_address: Counter[str] = Counter()

    class Careful(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None
        _is_counted = False

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            address = self.client[0] if self.client else ""
            mine = by_address[address]
            self._is_counted = True
            by_address[address] += 1
            if by_address.total() > limits.connections or (
                mine >= limits.per_address and address not in shared
            ):
                transport.write(_FULL)
                transport.close()
                return
            self._deadline = self.loop.call_later(limits.head_s, self._no_request)

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget_deadline()
            if self._is_counted:
                self._is_counted = False
                address = self.client[0] if self.client else ""
                by_address[address] -= 1
                if not by_address[address]:
                    del by_address[address]
            super().connection_lost(exc)

        def handle_events(self) -> None:
            if self.transport.is_closing():
                return
            super().handle_events()
            if self.scope is not None:
                self._forget_deadline()

        def handle_websocket_upgrade(self, event: Any) -> None:
            self._forget_deadline()
            super().handle_websocket_upgrade(event)

        def _no_request(self) -> None:
            self.transport.close()

        def _forget_deadline(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Careful
