"""What happens when more is asked than can be done, or nobody waits any more."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from facegate.reader import Reader
from facegate.server.settings import Limits

Pictures = dict[str, Path]
LIMITS = Limits(rate=1000, burst=1000, queue=1, deadline_s=60, per_address=32)


class Gate:
    """Holds the worker in the middle of its work until it is opened."""

    def __init__(self) -> None:
        self.opened, self.reached = threading.Event(), threading.Event()
        self.n_passed = 0

    def hold(self, find: Any) -> Any:
        def held(reader: Reader, source: Any) -> Any:
            self.reached.set()
            self.opened.wait(60)
            self.n_passed += 1
            return find(reader, source)

        return held


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate before the detector, closed once the server has warmed up."""
    found = Gate()
    found.opened.set()
    monkeypatch.setattr(Reader, "find", found.hold(Reader.find))
    yield found
    found.opened.set()


def close(gate: Gate) -> None:
    gate.opened.clear()
    gate.reached.clear()
    gate.n_passed = 0


class Asking:
    """A request in a thread of its own."""

    def __init__(self, live: Any, photo: bytes) -> None:
        self.answer: httpx.Response | None = None
        head = {"Authorization": f"Bearer {live.key('detect')}"}

        def ask() -> None:
            with httpx.Client(base_url=live.address, headers=head, timeout=60) as client:
                self.answer = client.post("/api/v1/detect", content=photo)

        self.thread = threading.Thread(target=ask)
        self.thread.start()

    def status(self) -> int:
        self.thread.join(60)
        assert self.answer is not None
        return self.answer.status_code


def wait_for_depth(live: Any, depth: int) -> None:
    until = time.monotonic() + 30
    while live.services.worker.depth != depth and time.monotonic() < until:
        time.sleep(0.01)
    assert live.services.worker.depth == depth


def test_a_full_queue_says_so_at_once(serving: Any, gate: Gate, pictures: Pictures) -> None:
    photo = pictures["ada-1"].read_bytes()
    with serving(LIMITS) as live:
        close(gate)
        running = Asking(live, photo)
        assert gate.reached.wait(30)
        waiting = Asking(live, photo)
        wait_for_depth(live, 2)
        refused = live.client("detect").post("/api/v1/detect", content=photo)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "busy"
        assert int(refused.headers["retry-after"]) >= 1
        assert live.stranger().get("/healthz").status_code == 200
        gate.opened.set()
        assert (running.status(), waiting.status()) == (200, 200)


def test_a_request_has_a_deadline(serving: Any, gate: Gate, pictures: Pictures) -> None:
    with serving(replace(LIMITS, deadline_s=1.0)) as live:
        close(gate)
        started = time.monotonic()
        late = live.client("detect").post("/api/v1/detect", content=pictures["ada-1"].read_bytes())
        assert (late.status_code, late.json()["error"]["code"]) == (503, "deadline")
        assert "retry-after" in late.headers
        assert time.monotonic() - started < 20
        gate.opened.set()


def test_work_of_a_client_who_left_is_dropped(serving: Any, gate: Gate, pictures: Pictures) -> None:
    photo = pictures["ada-1"].read_bytes()
    with serving(LIMITS) as live:
        close(gate)
        running = Asking(live, photo)
        assert gate.reached.wait(30)
        head = b"POST /api/v1/detect HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
        head %= (live.address.partition("//")[2].encode(), live.key("detect").encode())
        link = socket.create_connection(
            ("127.0.0.1", int(live.address.rpartition(":")[2])), timeout=30
        )
        link.sendall(head + b"Content-Length: %d\r\n\r\n" % len(photo) + photo)
        wait_for_depth(live, 2)
        link.close()
        time.sleep(0.5)
        gate.opened.set()
        assert running.status() == 200
        wait_for_depth(live, 0)
        assert gate.n_passed == 1


def test_a_server_that_stops_finishes_what_it_began(
    serving: Any, gate: Gate, pictures: Pictures
) -> None:
    with serving(LIMITS) as live:
        close(gate)
        running = Asking(live, pictures["ada-1"].read_bytes())
        assert gate.reached.wait(30)
        threading.Timer(0.5, gate.opened.set).start()
    assert running.status() == 200
