"""Everything that the routes of one server share."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
from starlette.requests import HTTPConnection

from facegate.errors import FacegateError
from facegate.retention import expire
from facegate.server.access.attempts import Attempts
from facegate.server.access.buckets import Buckets
from facegate.server.access.database import Database
from facegate.server.access.keys import Keys
from facegate.server.access.login import Logins
from facegate.server.access.preferences import Preferences
from facegate.server.collections import DEFAULT, Collections
from facegate.server.metrics import Metrics
from facegate.server.presentation import Presentation
from facegate.server.sessions import Sessions
from facegate.server.settings import Settings
from facegate.server.worker import Worker

logger = logging.getLogger("facegate.server")

Answer = TypeVar("Answer")

MOST_DAYS = 1095
"""Three years: the longest that a law on biometric data lets templates lie (740 ILCS 14/15)."""


class Services:
    """The parts of one server. ``desk`` runs what needs no model: reading and changing galleries.

    Args:
        settings: what the operator decided.
    """

    def __init__(self, settings: Settings) -> None:
        limits = settings.limits
        self.settings = settings
        self.database = Database(settings.folder)
        self.keys = Keys(self.database)
        self.logins = Logins()
        self.preferences = Preferences(self.database)
        self.attempts = Attempts(self.database, limits)
        self.metrics = Metrics()
        self.worker = Worker(waiting=limits.queue, deadline_s=limits.deadline_s)
        self.collections = Collections(
            settings.folder, model=settings.model, device=settings.device
        )
        self.presentation = Presentation(settings.pad, settings.device)
        self.sessions = Sessions(limits, self.preferences, self.presentation)
        self.requests = Buckets(limits.rate, limits.burst)
        self.enrolments = Buckets(limits.enroll_rate, limits.enroll_burst)
        self.frames = Buckets(limits.frame_rate, limits.frame_burst)
        self.failed = Buckets(limits.failed_keys / 60, limits.failed_keys)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="facegate-desk")
        fmr, fpir = self.preferences.get("fmr"), self.preferences.get("fpir")
        self.collections.set_rates(float(fmr) if fmr else None, float(fpir) if fpir else None)

    async def desk(self, work: Callable[..., Answer], *arguments: object) -> Answer:
        """Run something short that waits for a disk or a lock, off the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*arguments))

    def warm_up(self) -> None:
        """Load the model and compile the nets, which the first request should not wait for."""
        self.collections.get("default")
        reader = self.collections.recognizer().reader
        size = reader.pipeline.embedder.card.input_size
        reader.find(np.zeros((480, 640, 3), np.uint8))
        reader.pipeline.embed(np.zeros((1, size, size, 3), np.uint8))
        self.presentation.load()

    @property
    def keep_days(self) -> int:
        """Return how long somebody stays in a collection of the server after the last sample."""
        return int(self.preferences.get("keep_days") or MOST_DAYS)

    def expire(self) -> None:
        """Erase who has been in one of the server's own collections for too long.

        The gallery of the command line is its owner's: ``facegate gallery expire`` is for that.
        """
        before = datetime.now(UTC) - timedelta(days=self.keep_days)
        for name in self.collections.names():
            if name == DEFAULT:
                continue
            try:
                expire(self.collections.get(name).gallery, before=before, actor="retention")
            except FacegateError as error:
                # One gallery that is damaged or busy must not keep the people of the others.
                logger.warning("old people of %s were not erased: %s", name, error)

    def close(self) -> None:
        """Finish what was begun, then close every file."""
        self.worker.close()
        self._threads.shutdown(wait=True)
        self.collections.close()
        self.database.close()


def services_of(connection: HTTPConnection) -> Services:
    """Return the services of the server that a request came to."""
    services: Services = connection.app.state.services
    return services
