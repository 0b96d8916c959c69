"""A server on loopback, in a thread of the test's own process, with high limits."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from PIL import Image

from facegate.clips import Portrait, Shot, take
from facegate.models.values import Pixels
from facegate.server.running import configured, listen
from facegate.server.services import Services
from facegate.server.settings import Limits, Settings

GENEROUS = Limits(
    queue=50,
    rate=10_000,
    burst=10_000,
    enroll_rate=10_000,
    enroll_burst=10_000,
    per_address=64,
    deadline_s=120,
    session_s=300,
)


@dataclass
class Live:
    """A server that listens."""

    address: str
    services: Services
    clients: list[httpx.Client] = field(default_factory=list)

    def key(self, *scopes: str, collection: str | None = None) -> str:
        return self.services.keys.create("test", scopes, collection=collection)[0]

    def client(self, *scopes: str, collection: str | None = None) -> httpx.Client:
        """A client with a key of these scopes."""
        headers = {"Authorization": f"Bearer {self.key(*scopes, collection=collection)}"}
        return self._opened(httpx.Client(base_url=self.address, headers=headers, timeout=120))

    def stranger(self) -> httpx.Client:
        """A client without any key."""
        return self._opened(httpx.Client(base_url=self.address, timeout=120))

    def _opened(self, client: httpx.Client) -> httpx.Client:
        self.clients.append(client)
        return client


@contextmanager
def living(folder: Path, limits: Limits = GENEROUS, **others: object) -> Iterator[Live]:
    """Run a server until the block ends."""
    settings = Settings(folder, port=0, limits=limits, **others)  # type: ignore[arg-type]
    with listen(settings) as listening:
        settings = replace(settings, port=listening.getsockname()[1])
        services = Services(settings)
        try:
            services.warm_up()
        except BaseException:
            services.close()
            raise
        server = uvicorn.Server(configured(settings, services))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        found = Live(f"http://127.0.0.1:{settings.port}", services)
        try:
            until = time.monotonic() + 60
            while not server.started and time.monotonic() < until:
                time.sleep(0.02)
            yield found
        finally:
            for client in found.clients:
                client.close()
            server.should_exit = True
            thread.join(timeout=60)


@pytest.fixture
def live(facegate_home: Path) -> Iterator[Live]:
    """A server with high limits and nobody enrolled."""
    with living(facegate_home) as server:
        yield server


@pytest.fixture
def serving(facegate_home: Path) -> Callable[..., object]:
    """Start a server with limits of the test's own: ``with serving(limits) as live``."""

    def start(limits: Limits = GENEROUS, **others: object) -> object:
        return living(facegate_home, limits, **others)

    return start


LOOKS = {
    "straight": Shot(),
    "left": Shot(yaw=21),
    "right": Shot(yaw=-21),
    "up": Shot(pitch=17),
    "down": Shot(pitch=-17),
}


def jpeg(pixels: Pixels) -> bytes:
    """One frame as a browser sends it."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def looks(eileen: Portrait) -> dict[str, list[bytes]]:
    """A few frames of each look, as JPEG."""
    return {
        name: [jpeg(take(eileen, shot, seed=i)) for i in range(4)] for name, shot in LOOKS.items()
    }
