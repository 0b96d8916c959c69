"""The guided enrolments that are going on, and those just saved.

A session holds crops and embeddings in memory only. Until it is saved nothing is written, so
that whoever cancels, closes the tab or loses the connection leaves nothing behind.
"""

import random
import secrets
import threading
import time
from collections.abc import Callable

from facegate.gallery.names import clean_name
from facegate.guide import Coach
from facegate.guide.advice import DIRECTIONS
from facegate.guided import same_person
from facegate.results import Enrolment
from facegate.server.access.preferences import Preferences
from facegate.server.collections import Collection
from facegate.server.presentation import Presentation
from facegate.server.reasons import Refusal
from facegate.server.session import LATE_S, SAVE_S, Session
from facegate.server.settings import Limits

HOLD_S = 0.4


class Sessions:
    """The guided enrolments that are going on.

    Args:
        limits: how many, and how long one may take.
        preferences: where consents are recorded.
        presentation: looks at every frame, where it is turned on.
    """

    def __init__(
        self,
        limits: Limits,
        preferences: Preferences,
        presentation: Presentation,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits, self._preferences, self._clock = limits, preferences, clock
        self._presentation = presentation
        self._open: dict[str, Session] = {}
        self._saved: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._random = random.SystemRandom()

    def __len__(self) -> int:
        return len(self._open)

    def begin(
        self, collection: Collection, name: str, *, owner: str, actor: str, consent: int | None
    ) -> Session:
        """Begin a session; a consent is recorded before its first frame.

        Raises:
            InvalidNameError: the name cannot be given.
            Refusal: ``busy`` where there are too many.
        """
        self._sweep()
        if len(self._open) >= self._limits.sessions:
            raise Refusal(
                "busy", "too many enrolments are going on", "try again soon", retry_after=10
            )
        order = self._random.sample(DIRECTIONS, len(DIRECTIONS))
        coach = Coach(
            same_person=same_person(collection.recognizer.card),
            order=order,
            hold_s=HOLD_S,
            limit_s=self._limits.session_s,
        )
        session = Session(
            id=secrets.token_hex(16),
            nonce=secrets.token_hex(8),
            owner=owner,
            actor=actor,
            collection=collection,
            name=clean_name(name),
            coach=coach,
            clock=self._clock,
            presentation=self._presentation,
            until=self._clock() + self._limits.session_s + LATE_S,
        )
        if consent is not None:
            uid = collection.gallery.uid or ""
            self._preferences.record(session.id, consent, actor, uid)
            session.has_consent = True
        self._open[session.id] = session
        return session

    def get(self, session_id: str, owner: str, nonce: str) -> Session:
        """Return a session to who began it, for a while also one that was saved.

        Raises:
            Refusal: ``not_found``.
        """
        self._sweep()
        session = self._open.get(session_id) or self._saved.get(session_id)
        if (
            session is None
            or session.owner != owner
            or not secrets.compare_digest(session.nonce.encode(), nonce.encode())
        ):
            raise Refusal("not_found", "there is no such enrolment", "begin a new one")
        return session

    def save(self, session: Session, *, is_duplicate_fine: bool) -> Enrolment:
        """Write a session, once: asked again it answers again. Runs in the worker's thread.

        Raises:
            Refusal: as ``Session.save``, or ``session_over``.
        """
        with self._lock:
            if session.saved is not None:
                return session.saved
            session.check_open()
            session.is_saving = True
        try:
            answer = session.saved = session.save(is_duplicate_fine=is_duplicate_fine)
        finally:
            with self._lock:
                session.is_saving = False
                is_left = session.is_over
        if is_left:  # whoever sent it is gone, and it was being written all the same
            self.end(session)
        return answer

    def end(self, session: Session) -> None:
        """Forget a session; its consent stays only with somebody enrolled."""
        with self._lock:
            session.is_over = True
            if session.is_saving:
                return
            is_known = self._open.pop(session.id, None) is not None
            if is_known and session.saved is not None:
                session.until = self._clock() + SAVE_S
                self._saved[session.id] = session
        if is_known and session.has_consent:
            identity = session.saved.identity if session.saved is not None else None
            self._preferences.settle(session.id, identity.uid if identity else None)

    def close(self) -> None:
        """End all of them."""
        for session in list(self._open.values()):
            self.end(session)

    def _sweep(self) -> None:
        now = self._clock()
        for session in list(self._open.values()):
            if session.is_over or now > session.until:
                self.end(session)
        for session in list(self._saved.values()):
            if now > session.until:
                del self._saved[session.id]
