"""Count the bytes of a body as they arrive, and cut it at the cap, whatever its head claims."""

import asyncio
import time

from starlette.types import Message, Receive, Scope

from facegate.server.reasons import Refusal
from facegate.server.settings import Limits


class CountedBody:
    """A ``receive`` that raises where a body is too large or too slow.

    The form parser and the JSON parser of the framework sit behind it, so neither needs to be
    trusted with a limit.
    """

    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind == b"multipart/form-data":
            self._most = 2 * limits.body + limits.json_body
        elif kind == b"application/json":
            self._most = limits.json_body
        else:
            self._most = limits.body
        length = headers.get(b"content-length", b"")
        self._claimed = int(length) if length.isdigit() and len(length) < 19 else 0
        self._n_bytes = 0
        self._until = time.monotonic() + limits.body_s
        self._is_done = False

    def check_claim(self) -> None:
        """Refuse a body whose head already says that it is too large."""
        if self._claimed > self._most:
            raise self._too_large()

    async def __call__(self) -> Message:
        """Return the next message; after the body only a disconnection can come."""
        if self._is_done:
            return await self._receive()
        left = min(self._until - time.monotonic(), self._limits.idle_s)
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.001))
        except TimeoutError:
            raise Refusal(
                "too_slow",
                f"the body did not arrive in {self._limits.body_s:g} s",
                "send it faster, or send a smaller photograph",
            ) from None
        if message["type"] != "http.request":
            self._is_done = True
            return message
        self._n_bytes += len(message.get("body", b""))
        if self._n_bytes > self._most:
            raise self._too_large()
        self._is_done = not message.get("more_body", False)
        return message

    def _too_large(self) -> Refusal:
        return Refusal(
            "image_too_large",
            f"the body has more than {self._most:,} bytes",
            "send a smaller photograph",
        )
