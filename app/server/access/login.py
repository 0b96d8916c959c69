"""The page's login: a link that works once, and the cookie that it is swapped for."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

COOKIE = "facegate_session"
LINK_S = 600.0
COOKIE_S = 43_200.0
_MOST = 1000
"""Cookies at one time; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who holds a cookie: the operator, or whoever signed in with this key."""

    key_id: str | None
    until: float


@dataclass(slots=True)
class Logins:
    """The login link and the cookies of one run of the server; a restart forgets both.

    Attributes:
        clock: seconds that never fall; tests give their own.
    """

    clock: Callable[[], float] = time.monotonic
    _link: tuple[bytes, float] | None = None
    _cookies: dict[bytes, Login] = field(default_factory=dict)

    def new_link(self) -> str:
        """Return the secret of a new login link; an older link dies."""
        secret = secrets.token_urlsafe(32)
        self._link = (_sum(secret), self.clock() + LINK_S)
        return secret

    def use_link(self, secret: str) -> str | None:
        """Swap the secret of the link for a cookie, once and within ten minutes; else None."""
        if self._link is None:
            return None
        kept, until = self._link
        if not hmac.compare_digest(kept, _sum(secret)) or self.clock() > until:
            return None
        self._link = None
        return self.issue(None)

    def issue(self, key_id: str | None) -> str:
        """Return a new cookie, for the operator or for who holds a key."""
        cookie = secrets.token_urlsafe(32)
        if len(self._cookies) >= _MOST:
            del self._cookies[next(iter(self._cookies))]
        self._cookies[_sum(cookie)] = Login(key_id, self.clock() + COOKIE_S)
        return cookie

    def find(self, cookie: str) -> Login | None:
        """Return whose a cookie is, or None where it is of nobody or too old."""
        login = self._cookies.get(_sum(cookie))
        if login is not None and self.clock() > login.until:
            self.end(cookie)
            return None
        return login

    def end(self, cookie: str) -> None:
        """Forget a cookie."""
        self._cookies.pop(_sum(cookie), None)


def _sum(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
