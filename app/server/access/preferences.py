"""What operators set on the page: error rates, and the text people agree to before enrolling."""

import time
from dataclasses import dataclass

from facegate.server.access.database import Database

DEFAULT_TEXT = (
    "facegate will compute numbers from pictures of your face and keep them under your name on "
    "this machine, to recognise you later. Pictures are not kept. You may say no, and you may ask "
    "at any time that everything about you is erased."
)


@dataclass(frozen=True, slots=True)
class Consent:
    """The text in force; a changed text gets the next version."""

    version: int
    text: str


class Preferences:
    """Settings that outlive the server, and the record of who agreed to which text."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.transaction() as db:
            db.execute(
                "INSERT INTO consent_text (version, text, at) SELECT 1, ?, ? "
                "WHERE NOT EXISTS (SELECT 1 FROM consent_text)",
                (DEFAULT_TEXT, int(time.time())),
            )

    def get(self, key: str) -> str | None:
        """Return what was set under a key, or None."""
        with self._database.reading() as db:
            row = db.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set(self, key: str, value: str) -> None:
        """Keep a value under a key."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO setting (key, value) VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def consent(self) -> Consent:
        """Return the consent text in force."""
        with self._database.reading() as db:
            return Consent(
                *db.execute(
                    "SELECT version, text FROM consent_text ORDER BY version DESC LIMIT 1"
                ).fetchone()
            )

    def set_consent(self, text: str) -> Consent:
        """Put another text in force; the same text keeps its version."""
        current = self.consent()
        if text == current.text:
            return current
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO consent_text (version, text, at) VALUES (?, ?, ?)",
                (current.version + 1, text, int(time.time())),
            )
        return self.consent()

    def record(self, session: str, version: int, actor: str, gallery: str) -> None:
        """Keep that somebody agreed, before the first frame of a session."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO consent (session, version, actor, at, gallery) VALUES (?, ?, ?, ?, ?)",
                (session, version, actor, int(time.time()), gallery),
            )

    def settle(self, session: str, identity: str | None) -> None:
        """Tie a consent to who was enrolled, by uid; without one, forget it."""
        with self._database.transaction() as db:
            if identity is None:
                db.execute("DELETE FROM consent WHERE session = ?", (session,))
            else:
                db.execute("UPDATE consent SET identity = ? WHERE session = ?", (identity, session))
