"""What an operator decides about a server before it starts."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from facegate.errors import InputError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_PORT = 8321
COLLECTION_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one client may ask for. Sizes in bytes, times in seconds, rates a second.

    Attributes:
        body: the largest photograph; a multipart body may hold two of them.
        json_body: the largest body of JSON.
        parts: the most parts of a multipart body.
        head_s, body_s, idle_s: for a request's head, its body, and between two pieces of it.
        connections, per_address: open at one time.
        queue: pieces of work that may wait for the one that runs.
        deadline_s: from a photograph that has arrived whole to the answer.
        rate, burst: requests of one key or address.
        enroll_rate, enroll_burst: enrolments among them.
        frame_rate, frame_burst: frames of guided enrolments that are posted.
        failed_keys: wrong keys a minute from one address.
        verify_pause_after, verify_pause_s: failures in a row, then the pause before each next.
        verify_stop_after: failures in a row that stop claims until an operator acts.
        sessions: guided enrolments at one time.
        session_s: the time one may take.
    """

    body: int = 10_000_000
    json_body: int = 65_536
    parts: int = 8
    head_s: float = 5.0
    body_s: float = 30.0
    idle_s: float = 15.0
    connections: int = 64
    per_address: int = 8
    queue: int = 2
    deadline_s: float = 30.0
    rate: float = 10.0
    burst: int = 20
    enroll_rate: float = 1.0
    enroll_burst: int = 5
    frame_rate: float = 15.0
    frame_burst: int = 30
    failed_keys: int = 10
    verify_pause_after: int = 5
    verify_pause_s: float = 30.0
    verify_stop_after: int = 50
    sessions: int = 8
    session_s: float = 90.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server runs.

    Attributes:
        folder: where keys and further galleries lie; ``$FACEGATE_HOME``.
        host, port: where it listens; port 0 takes a free one.
        public_url: the address that browsers use where a proxy stands before it, or empty.
        proxies: addresses whose ``X-Forwarded-For`` is believed; only with a public address.
        model: the model of new galleries; empty takes the default.
        device: ``auto``, ``cpu`` or ``cuda``.
        pad: the check for presentation attacks that runs, or empty for none.
        is_secure: the server speaks TLS itself.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    public_url: str = ""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    model: str = ""
    device: str = "auto"
    pad: str = ""
    is_secure: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.public_url and _split(self.public_url) is None:
            raise InputError(
                f"{self.public_url!r} cannot be the public address",
                hint="give one like https://faces.example.org",
            )

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can reach the server."""
        return self.host in LOOPBACK

    @property
    def scheme(self) -> str:
        """Return the scheme that browsers use."""
        public = _split(self.public_url)
        return public.scheme if public else self._own_scheme

    @property
    def hosts(self) -> frozenset[str]:
        """Return every value of the Host header that is answered."""
        return frozenset(origin.partition("://")[2] for origin in self.origins)

    @property
    def origins(self) -> frozenset[str]:
        """Return every origin that pages of this server have."""
        names = ("127.0.0.1", "localhost", "[::1]")
        found = set[str]().union(*(_origins(self._own_scheme, n, self.port) for n in names))
        if public := _split(self.public_url):
            name = f"[{public.hostname}]" if ":" in str(public.hostname) else str(public.hostname)
            port = public.port or _USUAL_PORTS[public.scheme]
            found |= _origins(public.scheme, name, port)
        return frozenset(found)

    @property
    def address(self) -> str:
        """Return the address of the page, without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "[::1]" if self.host == "::1" else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def _own_scheme(self) -> str:
        return "https" if self.is_secure else "http"


def _split(public_url: str) -> SplitResult | None:
    """Return the parts of a public address, or None where it is none."""
    try:
        parts = urlsplit(public_url)
        is_address = parts.scheme in _USUAL_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, half an IPv6 address
        return None
    is_bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    return parts if is_address and is_bare else None


def _origins(scheme: str, name: str, port: int) -> set[str]:
    """Return how browsers write an origin: the usual port of a scheme is left out."""
    found = {f"{scheme}://{name}:{port}"}
    return found | {f"{scheme}://{name}"} if port == _USUAL_PORTS[scheme] else found
