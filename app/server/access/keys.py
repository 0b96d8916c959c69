"""API keys: shown once, kept as SHA-256, each with scopes, a collection and an end."""

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from facegate.errors import GalleryError, InputError
from facegate.server.access.database import Database
from facegate.server.settings import COLLECTION_NAME

logger = logging.getLogger("facegate.server")

SCOPES = ("detect", "verify", "identify", "enroll", "admin")
_USED_EVERY_S = 60
"""A key's last use is written at most this often: each write waits for the disk."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known about an API key; never the key itself.

    Attributes:
        id: the part of the key that may be shown.
        scopes: what it may do; ``admin`` may do everything.
        collection: the only one that it may use, or None for all.
        expires, used: UTC; None for never.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    collection: str | None
    created: datetime
    expires: datetime | None
    used: datetime | None

    @property
    def is_live(self) -> bool:
        """Return whether it has not expired."""
        return self.expires is None or self.expires > datetime.now(UTC)

    def as_json(self) -> dict[str, Any]:
        """Return the key as the API and ``keys list --json`` show it."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": list(self.scopes),
            "collection": self.collection,
            "created": self.created.isoformat(),
            "expires": self.expires.isoformat() if self.expires else None,
            "used": self.used.isoformat() if self.used else None,
        }


class Keys:
    """The API keys of one server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        collection: str | None = None,
        days: int | None = None,
    ) -> tuple[str, Key]:
        """Make a key; the text returned first is never shown again.

        Raises:
            InputError: no name, an unknown scope, no scope, or a collection that cannot be.
        """
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise InputError(
                f"{', '.join(unknown) or 'nothing'} cannot be the scope of a key",
                hint=f"use {', '.join(SCOPES)}",
            )
        if not name.strip() or len(name) > 60 or not name.isprintable():
            raise InputError(
                "a key needs a name of 1 to 60 characters", hint="say what the key is for"
            )
        if collection is not None and not COLLECTION_NAME.fullmatch(collection):
            raise InputError(
                f"no collection can be called {collection!a:.50}",
                hint="give the name of one, 1 to 40 letters a-z, digits and hyphens",
            )
        key_id = secrets.token_hex(4)
        text = f"fg_{key_id}_{secrets.token_urlsafe(32)}"
        now = int(time.time())
        expires = now + days * 86_400 if days is not None else None
        ordered = tuple(scope for scope in SCOPES if scope in scopes)
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO key (id, sum, name, scopes, collection, created, expires) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (key_id, _sum(text), name.strip(), " ".join(ordered), collection, now, expires),
            )
        return text, self._get(key_id)

    def all(self) -> list[Key]:
        """Return all keys, oldest first."""
        with self._database.reading() as db:
            return [_key(row) for row in db.execute(f"{_SELECT} ORDER BY created, id")]

    def revoke(self, key_id: str) -> None:
        """Delete a key; it opens nothing from now on.

        Raises:
            InputError: there is none of this id.
        """
        with self._database.transaction() as db:
            if not db.execute("DELETE FROM key WHERE id = ?", (key_id,)).rowcount:
                raise InputError(
                    f"there is no key {key_id!a:.40}",
                    hint="see 'facegate keys list'",
                    code="not_found",
                )

    def exist(self) -> bool:
        """Say whether there is a key that still opens something."""
        return any(key.is_live for key in self.all())

    def check(self, text: str) -> Key | None:
        """Return the key that a text is, or None; its last use is noted."""
        parts = text.split("_", 2)
        key_id = parts[1] if len(parts) == 3 and parts[0] == "fg" else ""
        with self._database.reading() as db:
            row = db.execute("SELECT sum FROM key WHERE id = ?", (key_id,)).fetchone()
        kept = row[0] if row else bytes(32)
        if not hmac.compare_digest(kept, _sum(text)) or row is None:
            return None
        key = self._get(key_id)
        if not key.is_live:
            return None
        if key.used is None or datetime.now(UTC) - key.used > timedelta(seconds=_USED_EVERY_S):
            self._note_use(key_id)
        return key

    def _note_use(self, key_id: str) -> None:
        try:
            with self._database.transaction() as db:
                db.execute("UPDATE key SET used = ? WHERE id = ?", (int(time.time()), key_id))
        except GalleryError as error:
            # A full disk or a lock must not shut out who only asks.
            logger.warning("the use of key %s was not noted: %s", key_id, error)

    def _get(self, key_id: str) -> Key:
        with self._database.reading() as db:
            return _key(db.execute(f"{_SELECT} WHERE id = ?", (key_id,)).fetchone())


_SELECT = "SELECT id, name, scopes, collection, created, expires, used FROM key"


def _sum(text: str) -> bytes:
    # The key is 32 random bytes: a slow hash would add nothing.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _key(row: Any) -> Key:
    key_id, name, scopes, collection, created, expires, used = row
    return Key(
        key_id,
        name,
        tuple(scopes.split()),
        collection,
        datetime.fromtimestamp(created, UTC),
        datetime.fromtimestamp(expires, UTC) if expires else None,
        datetime.fromtimestamp(used, UTC) if used else None,
    )
