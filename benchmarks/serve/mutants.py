"""Damaged pictures through uploads and guided enrolments: what the server answers to each.

python benchmarks/serve/mutants.py --mutants 2000 --data $FACEGATE_TEST_DATA

Prints answers by status, server errors (must be 0), the slowest answer (at most 5 s) and the growth
of the server's memory (under 50 MB). Ends with 1 where one of these is missed.
"""

import argparse
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import skimage.data
from PIL import Image
from serving import Serving, serving
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

HERE = "/api/v1/collections/default"


def originals() -> list[bytes]:
    """The portrait in the formats that are read."""
    image = Image.fromarray(skimage.data.astronaut()).resize((256, 256))
    found = []
    for form in ("JPEG", "PNG", "WEBP"):
        buffer = io.BytesIO()
        image.save(buffer, form)
        found.append(buffer.getvalue())
    return found


def mutants(count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield pictures with flipped, cut, doubled or foreign bytes."""
    rng, sources = np.random.default_rng(seed), originals()
    for number in range(count):
        body = bytearray(sources[number % len(sources)])
        kind = rng.integers(4)
        at = int(rng.integers(len(body)))
        if kind == 0:
            for place in rng.integers(len(body), size=int(rng.integers(1, 30))):
                body[place] = int(rng.integers(256))
        elif kind == 1:
            del body[at:]
        elif kind == 2:
            body[at:at] = body[at : at + int(rng.integers(1, 5000))]
        else:
            place = int(rng.integers(min(200, len(body))))
            body[place : place + 8] = rng.bytes(8)
        yield bytes(body)


class Frames:
    """A guided enrolment that is begun anew whenever the server ends it."""

    def __init__(self, server: Serving, client: httpx.Client) -> None:
        self._server, self._client, self._socket = server, client, None
        self._open = ExitStack()

    def send(self, body: bytes) -> str:
        """Send a frame and return the code of the error, or what the coach asks for."""
        if self._socket is None:
            self._socket = self._begin()
        try:
            self._socket.send(body)
            answer = json.loads(self._socket.recv(timeout=60))
        except ConnectionClosed as end:
            self.close()
            return f"closed {end.rcvd.code if end.rcvd else 0}"
        return str(answer["error"]["code"] if "error" in answer else answer["state"])

    def close(self) -> None:
        """Leave the enrolment, as whoever closes the tab does."""
        self._socket = None
        self._open.close()

    def _begin(self):
        version = self._client.get("/api/v1/settings").json()["consent"]["version"]
        body = {"name": "Ada", "consent_version": version}
        session = self._client.post(f"{HERE}/sessions", json=body).json()
        address = self._server.address.replace("http", "ws")
        stream = connect(
            f"{address}/api/v1/sessions/{session['id']}/stream?nonce={session['nonce']}",
            additional_headers={"Authorization": f"Bearer {self._server.key}"},
            proxy=None,
        )
        return self._open.enter_context(stream)


@dataclass
class Tally:
    """What came back."""

    answers: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    n_slow: int = 0
    is_alive: bool = False
    growth_mb: float = 0.0

    @property
    def n_server_errors(self) -> int:
        """Uploads answered with 5xx, frames answered as a bug, streams that broke."""
        fine = ("frame closed 1008", "frame closed 1009")
        return sum(
            n
            for word, n in self.answers.items()
            if word.startswith(("upload 5", "frame bug", "frame closed")) and word not in fine
        )


def send(bodies: list[bytes]) -> Tally:
    """Send each as an upload and as a frame to a server of its own."""
    tally = Tally()
    with serving() as server, httpx.Client(base_url=server.address, timeout=120) as client:
        client.headers["Authorization"] = f"Bearer {server.key}"
        with closing(Frames(server, client)) as frames:
            good = originals()[0]
            for _ in range(20):  # both roads load what they need
                client.post("/api/v1/detect", content=good)
                frames.send(good)
            before = server.rss_mb()
            for body in bodies:
                started = time.monotonic()
                answer = client.post("/api/v1/detect", content=body)
                tally.answers[f"upload {answer.status_code}"] += 1
                between = time.monotonic()
                if len(body) < 2_000_000:
                    tally.answers[f"frame {frames.send(body)}"] += 1
                took = max(between - started, time.monotonic() - between)
                tally.slowest_s, tally.n_slow = (
                    max(tally.slowest_s, took),
                    tally.n_slow + (took > 5),
                )
            tally.is_alive = client.get("/healthz").status_code == 200
            tally.growth_mb = server.rss_mb() - before
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--data", type=Path, help="A folder that holds bad-images.")
    options = parser.parse_args()
    bodies = list(mutants(options.mutants))
    if options.data:
        files = sorted(p for p in (options.data / "bad-images").rglob("*") if p.is_file())
        bodies += [path.read_bytes() for path in files if path.stat().st_size]
    started = time.monotonic()
    tally = send(bodies)
    print(
        json.dumps(
            {
                "mutants": options.mutants,
                "bad_images": len(bodies) - options.mutants,
                "seconds": round(time.monotonic() - started),
                "answers": dict(tally.answers.most_common()),
                "server_errors": tally.n_server_errors,
                "alive": tally.is_alive,
                "slowest_s": round(tally.slowest_s, 2),
                "over_5_s": tally.n_slow,
                "rss_growth_mb": round(tally.growth_mb, 1),
            },
            indent=1,
        )
    )
    is_well = tally.is_alive and not tally.n_server_errors and not tally.n_slow
    sys.exit(0 if is_well and tally.growth_mb < 50 else 1)


if __name__ == "__main__":
    main()
