"""Clients that verify (80 %) and enrol (20 %) on a server of their own, on loopback.

python benchmarks/serve/load.py --clients 64 --seconds 600

Prints answers by status, acknowledged enrolments that are missing (must be 0), p99 of the first and
the last tenth, RSS slope, and verifications a second against the library's own loop.
"""

import argparse
import io
import json
import os
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image
from serving import Serving, serving

from facegate import Gallery, Recognizer
from facegate.client import ApiError, Client


def photograph(seed: int) -> bytes:
    """The same portrait, each time with other bytes."""
    pixels = skimage.data.astronaut()[:320, 60:380].copy()
    pixels[0, 0] = np.random.default_rng(seed).integers(0, 255, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def work(server: Serving, number: int, until: float, out: dict[str, list]) -> None:
    first, second = photograph(1), photograph(2)
    with Client(server.address, key=server.key) as client:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            started = time.monotonic()
            try:
                if turn % 5:
                    client.verify(first, second)
                else:
                    name = f"p{number}-{turn}"
                    picture = photograph(number * 100_000 + turn)
                    client.enroll(name, [picture], allow_duplicate=True)
                    out["names"].append(name)
                out["status"].append(200)
                out["times"].append((started, time.monotonic() - started))
            except ApiError as error:
                out["status"].append(error.status)
                time.sleep(error.retry_after or 1)


def library_rate(seconds: float) -> float:
    recognizer, n = Recognizer(), 0
    first, second = photograph(1), photograph(2)
    recognizer.verify(first, second)
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        recognizer.verify(first, second)
        n += 1
    return n / (time.monotonic() - started)


def ask(options: argparse.Namespace, server: Serving, out: dict[str, list]) -> list:
    """Let the clients ask until the time is up; return times and memory of the server."""
    begun = time.monotonic()
    until = begun + options.seconds
    threads = [
        threading.Thread(target=work, args=(server, i, until, out)) for i in range(options.clients)
    ]
    for thread in threads:
        thread.start()
    memory = []
    while time.monotonic() < until:
        memory.append((time.monotonic() - begun, server.rss_mb()))
        time.sleep(min(5.0, options.seconds / 20))
    for thread in threads:
        thread.join()
    out["times"] = [(at - begun, took) for at, took in out["times"]]
    return memory


def verify_rate(server: Serving, seconds: float) -> float:
    """Return the verifications a second of two clients, so that the worker never waits."""
    n_done = [0, 0]

    def run(number: int, until: float) -> None:
        first, second = photograph(1), photograph(2)
        with Client(server.address, key=server.key) as client:
            while time.monotonic() < until:
                client.verify(first, second)
                n_done[number] += 1

    with Client(server.address, key=server.key) as client:
        client.verify(photograph(1), photograph(2))  # the first compiles nets for this size
    started = time.monotonic()
    threads = [threading.Thread(target=run, args=(i, started + seconds)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(n_done) / (time.monotonic() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    out: dict[str, list] = {"status": [], "times": [], "names": []}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FACEGATE_HOME"] = folder
        with serving(home=Path(folder)) as server:
            # One after the other, so that both meet the same machine.
            served, library = verify_rate(server, 10), library_rate(10)
            memory = ask(options, server, out)
        with Gallery.open(Path(folder) / "gallery.db") as gallery:
            kept = {person.name for person in gallery.identities()}
    tenth = options.seconds / 10
    early = [took for at, took in out["times"] if at < tenth]
    late = [took for at, took in out["times"] if at > options.seconds - tenth]
    half = memory[len(memory) // 2 :]
    slope = np.polyfit([t / 60 for t, _ in half], [mb for _, mb in half], 1)[0]
    result = {
        "clients": options.clients,
        "seconds": options.seconds,
        "statuses": dict(Counter(out["status"])),
        "enrolled": len(out["names"]),
        "lost": len(set(out["names"]) - kept),
        "p99_first_s": round(float(np.percentile(early, 99)), 3) if early else None,
        "p99_last_s": round(float(np.percentile(late, 99)), 3) if late else None,
        "rss_mb_per_min_second_half": round(float(slope), 2),
        "answers_per_s": round(len(out["times"]) / options.seconds, 2),
        "verifications_per_s": round(served, 2),
        "library_verifications_per_s": round(library, 2),
        "server_share_of_library": round(served / library, 2),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
