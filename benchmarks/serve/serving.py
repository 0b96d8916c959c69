"""A server of its own for a measurement: a process with a fresh home, high limits and a key."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from facegate.server.running import serve
from facegate.server.settings import Limits, Settings
limits = Limits(rate=1e6, burst=10**6, enroll_rate=1e6, enroll_burst=10**6, frame_rate=1e6,
                frame_burst=10**6, failed_keys=10**6, per_address=512, connections=512,
                sessions=10**5)
serve(Settings(Path(sys.argv[1]), port=0, pad=sys.argv[2], limits=limits), tls=False,
      started=lambda settings, link: print(link, flush=True))
"""

ADMIN = ("--scope", "admin")


@dataclass(frozen=True)
class Serving:
    """Where it listens, how to sign in, its home and its process."""

    address: str
    link: str
    key: str
    home: Path
    pid: int

    def rss_mb(self) -> float:
        """Resident memory of the server in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def serving(*, home: Path | None = None, pad: str = "") -> Iterator[Serving]:
    """Run a server until the block ends; queue, deadlines and sizes keep their defaults."""
    with tempfile.TemporaryDirectory() as folder:
        place = home or Path(folder)
        env = {**os.environ, "FACEGATE_HOME": str(place)}
        made = subprocess.run(
            [sys.executable, "-m", "facegate", "keys", "create", "bench", "--json", *ADMIN],
            capture_output=True,
            check=True,
            env=env,
        )
        server = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(place), pad], stdout=subprocess.PIPE, env=env
        )
        try:
            assert server.stdout is not None
            link = server.stdout.readline().decode().strip()
            key = json.loads(made.stdout)["key"]
            yield Serving(link.partition("/#")[0], link, key, place, server.pid)
        finally:
            server.terminate()
            server.wait()
