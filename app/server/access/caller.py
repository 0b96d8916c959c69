"""Who asks: the operator at the page, or the holder of a key, and what they may do."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from facegate.server.access.buckets import Buckets
from facegate.server.access.keys import SCOPES, Key
from facegate.server.access.login import COOKIE
from facegate.server.reasons import Refusal
from facegate.server.services import Services, services_of


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        actor: how the history names them.
        key: None for the operator.
        scopes: what they may do.
    """

    actor: str
    key: Key | None
    scopes: frozenset[str]

    @property
    def client(self) -> str:
        """Return what limits are counted by."""
        return self.key.id if self.key else "operator"

    @property
    def sees_scores(self) -> bool:
        """Return whether scores are told: from them a template can be rebuilt, step by step."""
        return "admin" in self.scopes

    def may(self, *scopes: str) -> bool:
        """Return whether one of the scopes is held; ``admin`` holds all."""
        return "admin" in self.scopes or any(scope in self.scopes for scope in scopes)

    def check_collection(self, name: str) -> None:
        """Refuse a collection that is not the key's, as if it did not exist."""
        if self.key is not None and self.key.collection not in (None, name):
            raise Refusal(
                "not_found", f"there is no collection {name:.40}", "see the list of collections"
            )


OPERATOR = Caller("page", None, frozenset(SCOPES))


def of_key(key: Key) -> Caller:
    """Return the caller who holds a key."""
    return Caller(f"key {key.name} ({key.id})", key, frozenset(key.scopes))


def authenticate(connection: HTTPConnection, services: Services) -> Caller:
    """Return who asks.

    Raises:
        Refusal: ``unauthorized``, or ``rate_limited`` after too many wrong keys.
    """
    address = connection.scope["facegate.client"]
    wait = services.failed.empty(address)
    if wait:
        raise Refusal(
            "rate_limited", "too many wrong keys from this address", "wait", retry_after=wait
        )
    header = connection.headers.get("authorization", "")
    if header:
        kind, _, text = header.partition(" ")
        key = services.keys.check(text.strip()) if kind.lower() == "bearer" else None
        if key is None:
            services.failed.take(address)
            raise Refusal(
                "unauthorized", "the key opens nothing here", "ask whoever runs the server for one"
            )
        return of_key(key)
    login = services.logins.find(connection.cookies.get(COOKIE, ""))
    if login is None:
        raise Refusal(
            "unauthorized",
            "nobody is signed in",
            "open the link that 'facegate serve' printed, or send Authorization: Bearer fg_…",
        )
    if login.key_id is None:
        return OPERATOR
    for key in services.keys.all():
        if key.id == login.key_id and key.is_live:
            return of_key(key)
    raise Refusal("unauthorized", "the key of this login is no longer valid", "sign in again")


def admit(
    connection: HTTPConnection, services: Services, *scopes: str, buckets: Buckets | None = None
) -> Caller:
    """Return who asks, if they may, and count the request.

    Args:
        scopes: one of them is needed; none where being known is enough.
        buckets: where it is counted, in place of those of all requests.

    Raises:
        Refusal: ``unauthorized``, ``forbidden`` or ``rate_limited``.
    """
    counted = buckets or services.requests
    _take(counted, f"address {connection.scope['facegate.client']}")
    caller = authenticate(connection, services)
    _take(counted, f"caller {caller.client}")
    check_scope(caller, *scopes)
    collection = connection.path_params.get("collection")
    if collection is not None:
        caller.check_collection(collection)
    return caller


def _take(buckets: Buckets, client: str) -> None:
    wait = buckets.take(client)
    if wait:
        raise Refusal("rate_limited", "too many requests", "wait", retry_after=wait)


def check_scope(caller: Caller, *scopes: str) -> None:
    """Refuse who holds none of the scopes."""
    if scopes and not caller.may(*scopes):
        raise Refusal(
            "forbidden",
            f"this key lacks the scope {' or '.join(scopes)}",
            "use a key that has it, see 'facegate keys create --scope'",
        )


def need(*scopes: str) -> Callable[[HTTPConnection], Coroutine[Any, Any, Caller]]:
    """Return a dependency that admits whoever holds one of the scopes."""

    async def dependency(connection: HTTPConnection) -> Caller:
        return admit(connection, services_of(connection), *scopes)

    return dependency
