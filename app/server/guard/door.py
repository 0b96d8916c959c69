"""The ASGI layer before everything: request ids, hosts, origins, headers, counted bodies."""

import logging
import secrets
import time
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facegate.server.envelope import response
from facegate.server.guard.body import CountedBody
from facegate.server.reasons import Refusal
from facegate.server.settings import Settings

logger = logging.getLogger("facegate.server")

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Permissions-Policy": "camera=(self), microphone=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Observe = Callable[[Scope, int, float], None]


class Door:
    """Lets a request in, or answers it before any route has seen it.

    Args:
        observe: is told scope, status and seconds of every answered request.
    """

    def __init__(self, app: ASGIApp, settings: Settings, observe: Observe) -> None:
        self._app, self._settings, self._observe = app, settings, observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope["facegate.request_id"] = secrets.token_hex(8)
        scope["facegate.client"] = self._client(scope)
        try:
            self._check(scope)
        except Refusal as refusal:
            await self._refuse(refusal, scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = CountedBody(scope, receive, self._settings.limits)
        answer = _Answer(scope, send)
        started = time.perf_counter()
        try:
            body.check_claim()
            await self._app(scope, body, answer)
        except Refusal as refusal:
            if not answer.status:
                await response(refusal, scope)(scope, receive, answer)
        except Exception:
            # The envelope was sent and the error logged; the server below would log it again.
            if not answer.status:
                raise
        finally:
            self._observe(scope, answer.status, time.perf_counter() - started)

    def _check(self, scope: Scope) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        if host not in self._settings.hosts:
            raise Refusal(
                "wrong_host",
                f"this server does not answer for {host[:80]!a}",
                f"open {self._settings.address}, or start it with --public-url",
            )
        if scope["type"] == "http" and scope["method"] in SAFE:
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        site = headers.get(b"sec-fetch-site", b"same-origin")
        if site not in (b"same-origin", b"none"):
            raise Refusal("forbidden", "the request comes from another site", "use the page itself")
        if origin is not None:
            if origin.decode("latin-1").lower() not in self._settings.origins:
                raise Refusal(
                    "forbidden", "the request comes from another origin", "use the page itself"
                )
        elif b"authorization" not in headers and scope["path"].startswith("/api/"):
            raise Refusal(
                "unauthorized",
                "the request has neither a key nor an origin",
                "send the header Authorization: Bearer fg_…, see 'facegate keys create'",
            )

    def _client(self, scope: Scope) -> str:
        peer = scope["client"][0] if scope.get("client") else "unknown"
        if not self._settings.public_url or peer not in self._settings.proxies:
            return str(peer)
        forwarded = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1")
        return forwarded.rpartition(",")[2].strip()[:60] or str(peer)

    async def _refuse(self, refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = _Answer(scope, send)
            await response(refusal, scope)(scope, receive, answer)
            self._observe(scope, answer.status, 0.0)
        else:
            await refuse_socket(refusal, scope, receive, send)


async def refuse_socket(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a WebSocket handshake with an error."""
    if "websocket.http.response" in scope.get("extensions", {}):
        answer = response(refusal, scope)

        async def renamed(message: Message) -> None:
            await send({**message, "type": f"websocket.{message['type']}"})

        await answer({**scope, "type": "http", "method": "GET"}, receive, renamed)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})


class _Answer:
    """A ``send`` that adds our headers and remembers the status."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if self.status in (408, 413):
                headers["Connection"] = "close"  # the rest of the body will not be read
            headers["X-Request-Id"] = self._scope["facegate.request_id"]
            # Pages are asked for anew each time too: an update must not meet old scripts.
            fixed = self._scope["path"].startswith("/assets/")
            headers["Cache-Control"] = "no-cache" if fixed else "no-store"
        await self._send(message)
