"""Clients that verify (80 %) and enrol (20 %) on a server of their own, on loopback.

python benchmarks/serve/load.py --clients 64 --seconds 600

Prints answers by status, acknowledged enrolments that are missing (must be 0), p99 of the first and
the last tenth, RSS slope, and verifications a second against the library's own loop.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from facegate import Gallery, Recognizer
from facegate.client import ApiError, Client

SERVER = """
import sys
from pathlib import Path
from facegate.server.running import serve
from facegate.server.settings import Limits, Settings
limits = Limits(rate=1e6, burst=10**6, enroll_rate=1e6, enroll_burst=10**6, per_address=512,
                connections=512)
serve(Settings(Path(sys.argv[1]), port=0, limits=limits), tls=False,
      started=lambda settings, link: print(settings.port, flush=True))
"""


def photograph(seed: int) -> bytes:
    """The same portrait, each time with other bytes."""
    pixels = skimage.data.astronaut()[:320, 60:380].copy()
    pixels[0, 0] = np.random.default_rng(seed).integers(0, 255, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def work(port: int, key: str, number: int, until: float, out: dict[str, list]) -> None:
    first, second = photograph(1), photograph(2)
    with Client(f"http://127.0.0.1:{port}", key=key) as client:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            started = time.monotonic()
            try:
                if turn % 5:
                    client.verify(first, second)
                    out["verified"].append(started)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    out: dict[str, list] = {"status": [], "times": [], "names": [], "verified": []}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FACEGATE_HOME"] = folder
        library = library_rate(min(20.0, options.seconds))
        command = [sys.executable, "-m", "facegate", "keys", "create", "load", "--json"]
        made = subprocess.run([*command, "--scope", "admin"], capture_output=True, check=True)
        key = json.loads(made.stdout)["key"]
        server = subprocess.Popen([sys.executable, "-c", SERVER, folder], stdout=subprocess.PIPE)
        try:
            port = int(server.stdout.readline())
            begun = time.monotonic()
            until = begun + options.seconds
            threads = [
                threading.Thread(target=work, args=(port, key, i, until, out))
                for i in range(options.clients)
            ]
            for thread in threads:
                thread.start()
            memory = []
            while time.monotonic() < until:
                memory.append((time.monotonic() - begun, rss_mb(server.pid)))
                time.sleep(min(5.0, options.seconds / 10))
            for thread in threads:
                thread.join()
        finally:
            server.terminate()
            server.wait()
        with Gallery.open(Path(folder) / "gallery.db") as gallery:
            kept = {person.name for person in gallery.identities()}
    tenth = options.seconds / 10
    early = [s for at, s in out["times"] if at - begun < tenth]
    late = [s for at, s in out["times"] if at - begun > options.seconds - tenth]
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
        "library_verifications_per_s": round(library, 2),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
