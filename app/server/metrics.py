"""Counters for Prometheus: no names, no ids, no addresses."""

import threading
from collections import Counter

from starlette.types import Scope

from facegate import __version__
from facegate.server.worker import Worker


class Metrics:
    """What the server counts about itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: Counter[tuple[str, str]] = Counter()

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answered request, under the template of its path."""
        path = str(getattr(scope.get("route"), "path", "")) or "other"
        # A route of an included router knows its path with or without the router's prefix,
        # as the version of the framework has it.
        if scope["path"].startswith(API) and path.startswith("/") and not path.startswith(API):
            path = API + path
        method = scope["method"] if scope["method"] in _METHODS else "other"
        with self._lock:
            self._requests[(method, path, status)] += 1
            # A Counter's values may be any number.
            self._seconds[(method, path)] += seconds  # type: ignore[assignment]

    def text(self, worker: Worker) -> str:
        """Return everything in the text format of Prometheus."""
        with self._lock:
            requests = sorted(self._requests.items())
            seconds = sorted(self._seconds.items())
        lines = [
            "# TYPE facegate_info gauge",
            f'facegate_info{{version="{__version__}"}} 1',
            "# TYPE facegate_requests_total counter",
            *(
                f'facegate_requests_total{{method="{m}",path="{p}",status="{s}"}} {n}'
                for (m, p, s), n in requests
            ),
            "# TYPE facegate_request_seconds_total counter",
            *(
                f'facegate_request_seconds_total{{method="{m}",path="{p}"}} {s:.6f}'
                for (m, p), s in seconds
            ),
            "# TYPE facegate_queue gauge",
            f"facegate_queue {worker.depth}",
            "# TYPE facegate_work_total counter",
            f"facegate_work_total {worker.n_done}",
            "# TYPE facegate_work_seconds_total counter",
            f"facegate_work_seconds_total {worker.busy_s:.6f}",
        ]
        return "\n".join(lines) + "\n"


API = "/api/v1"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
