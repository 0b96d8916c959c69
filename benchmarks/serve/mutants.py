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

    def send(self, body: bytes) -> str:
        """Send a frame and return the code of the error, or what the coach asks for."""
        if self._socket is None:
            self._socket = self._begin()
        try:
            self._socket.send(body)
            answer = json.loads(self._socket.recv(timeout=60))
        except ConnectionClosed as end:
            self._socket = None
            return f"closed {end.rcvd.code if end.rcvd else 0}"
        return str(answer["error"]["code"] if "error" in answer else answer["state"])

    def _begin(self):
        version = self._client.get("/api/v1/settings").json()["consent"]["version"]
        body = {"name": "Ada", "consent_version": version}
        session = self._client.post(f"{HERE}/sessions", json=body).json()
        address = self._server.address.replace("http", "ws")
        return connect(
            f"{address}/api/v1/sessions/{session['id']}/stream?nonce={session['nonce']}",
            additional_headers={"Authorization": f"Bearer {self._server.key}"},
            proxy=None,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--data", type=Path, help="A folder that holds bad-images.")
    options = parser.parse_args()
    bodies = list(mutants(options.mutants))
    n_bad = 0
    if options.data:
        files = sorted(p for p in (options.data / "bad-images").rglob("*") if p.is_file())
        bodies += [path.read_bytes() for path in files if path.stat().st_size]
        n_bad = len(bodies) - options.mutants
    statuses: Counter[str] = Counter()
    slowest, slow = 0.0, 0
    with serving() as server, httpx.Client(base_url=server.address, timeout=120) as client:
        client.headers["Authorization"] = f"Bearer {server.key}"
        frames = Frames(server, client)
        good = originals()[0]
        for _ in range(20):
            client.post("/api/v1/detect", content=good)
        before = server.rss_mb()
        for body in bodies:
            started = time.monotonic()
            answer = client.post("/api/v1/detect", content=body)
            took = time.monotonic() - started
            statuses[f"upload {answer.status_code}"] += 1
            started = time.monotonic()
            if len(body) < 2_000_000:
                statuses[f"frame {frames.send(body)}"] += 1
            took = max(took, time.monotonic() - started)
            slowest, slow = max(slowest, took), slow + (took > 5)
        alive = client.get("/healthz").status_code == 200
        growth = server.rss_mb() - before
    n_server_errors = sum(n for word, n in statuses.items() if word.startswith("upload 5"))
    n_server_errors += statuses["frame bug"]
    print(
        json.dumps(
            {
                "mutants": options.mutants,
                "bad_images": n_bad,
                "answers": dict(statuses.most_common()),
                "server_errors": n_server_errors,
                "alive": alive,
                "slowest_s": round(slowest, 2),
                "over_5_s": slow,
                "rss_growth_mb": round(growth, 1),
            },
            indent=1,
        )
    )
    sys.exit(0 if alive and not n_server_errors and not slow and growth < 50 else 1)


if __name__ == "__main__":
    main()
