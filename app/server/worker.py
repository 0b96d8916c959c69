"""One thread that finds and embeds faces, before it a short queue that says no when it is full."""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Message

from facegate.server.reasons import Refusal

Answer = TypeVar("Answer")

_REPEAT = "try again, an enrolment with the same Idempotency-Key: it may have been saved"


class ClientGone(Exception):
    """The client closed its connection; nobody waits for the answer."""


@dataclass(slots=True)
class _Job:
    work: Callable[[], Any]
    until: float
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    is_dropped: bool = field(default=False)

    def tell(self, value: Any, error: BaseException | None) -> None:
        # A loop that has closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._set, value, error)

    def _set(self, value: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(value)


class Worker:
    """Runs work one piece at a time, off the event loop.

    Args:
        waiting: how many pieces may wait; more are refused at once with ``busy``.
        deadline_s: seconds after which a piece that has not begun is dropped.
    """

    def __init__(self, *, waiting: int, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.waiting = waiting
        self.n_done = 0
        self.busy_s = 0.0
        self._queue: queue.Queue[_Job | None] = queue.Queue()
        self._lock = threading.Lock()
        self._open = 0  # pieces that wait or run
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="facegate-worker", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Return how many pieces of work wait or run."""
        return self._open

    async def run(
        self, work: Callable[[], Answer], *, request: Request | None = None, patient: bool = False
    ) -> Answer:
        """Return what a piece of work returns.

        Args:
            work: is called in the worker's thread.
            request: whose client is watched: work that waits for a client who left is dropped.
            patient: wait for a place where the queue is full; for one client's next frame.

        Raises:
            Refusal: ``busy`` or ``deadline``. ClientGone: the client left.
        """
        job = self._submit(work, patient)
        try:
            answer: Answer = await self._answer(job, request)
            return answer
        finally:
            job.is_dropped = True
            job.future.cancel()

    def close(self) -> None:
        """Finish what runs and waits, then end the thread."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._queue.put(None)
        self._thread.join(timeout=60)

    def _submit(self, work: Callable[[], Any], patient: bool) -> _Job:
        loop = asyncio.get_running_loop()
        job = _Job(work, time.monotonic() + self.deadline_s, loop, loop.create_future())
        with self._lock:
            if self._is_closed:
                raise Refusal("busy", "the server is stopping", "try again", retry_after=5)
            room = self.waiting + 1 + (8 if patient else 0)
            if self._open >= room:
                raise Refusal("busy", "the queue is full", "try again in a second", retry_after=1)
            self._open += 1
        self._queue.put(job)
        return job

    async def _answer(self, job: _Job, request: Request | None) -> Any:
        gone = asyncio.ensure_future(_disconnected(request)) if request is not None else None
        waited = {job.future, gone} if gone is not None else {job.future}
        try:
            left = job.until - time.monotonic()
            done, _ = await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if gone is not None:
                gone.cancel()
        if job.future in done:
            return job.future.result()
        job.future.cancel()
        if done:
            raise ClientGone
        raise Refusal(
            "deadline", f"there was no answer in {self.deadline_s:g} s", _REPEAT, retry_after=5
        )

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            started = time.monotonic()
            try:
                if not job.is_dropped and started < job.until:
                    job.tell(job.work(), None)
            except BaseException as error:
                job.tell(None, error)
            finally:
                with self._lock:
                    self._open -= 1
                self.n_done += 1
                self.busy_s += time.monotonic() - started
                del job  # else the last photograph stays in memory until the next


async def _disconnected(request: Request) -> None:
    """Return when the client has closed its connection. The body was read before."""
    while True:
        message: Message = await request.receive()
        if message["type"] == "http.disconnect":
            return
