"""A client for the API of ``facegate serve``: one method an operation, errors as exceptions.

from facegate.client import Client

with Client("http://127.0.0.1:8321", key="fg_…") as client:
    client.enroll("Ada Lovelace", ["ada-1.jpg", "ada-2.jpg"])
    for face in client.identify("group.jpg")["faces"]:
        print(face["decision"], face["identity"])
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from facegate.closing import Closing
from facegate.wire import ApiError, Picture, Wire, contents_of, form

__all__ = ["ApiError", "Client"]

Json = dict[str, Any]


class Client(Closing):
    """The API of one server and one collection. One client belongs to one thread.

    Args:
        address: as ``facegate serve`` prints it, without a path.
        key: an API key.
        collection: the gallery that is meant.
        timeout: seconds to wait for an answer.

    Photographs are paths or bytes. Answers are the JSON objects that the API documents. Methods
    raise ``ApiError``, whose ``code`` is a reason of the API, such as ``no_face`` or ``busy``.
    """

    def __init__(
        self, address: str, *, key: str, collection: str = "default", timeout: float = 60.0
    ) -> None:
        self._wire = Wire(address, key=key, timeout=timeout)
        self._here = f"/collections/{quote(collection, safe='')}"

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._wire.close()

    def detect(self, photograph: Picture) -> Json:
        """Return the faces of a photograph."""
        return self._photo("/detect", photograph)

    def verify(self, first: Picture, second: Picture) -> Json:
        """Say whether two photographs show the same person."""
        return self._form("/verify", [first, second])

    def verify_name(self, name: str, photograph: Picture) -> Json:
        """Say whether a photograph shows the person enrolled under a name."""
        return self._photo(f"{self._here}/verify", photograph, {"name": name})

    def identify(self, photograph: Picture) -> Json:
        """Say who, if anyone enrolled, each face of a photograph is."""
        return self._photo(f"{self._here}/identify", photograph)

    def enroll(
        self,
        name: str,
        photographs: Iterable[Picture],
        *,
        allow_duplicate: bool = False,
        op_uid: str | None = None,
    ) -> Json:
        """Enrol a person, or add samples to who has the name.

        Args:
            allow_duplicate: also where somebody enrolled looks alike.
            op_uid: your own id of this enrolment: repeated, it answers again and changes nothing.
        """
        query = {"allow_duplicate": "true"} if allow_duplicate else {}
        return self._form(
            f"{self._here}/identities",
            list(photographs),
            query,
            {"name": name},
            {"Idempotency-Key": op_uid or secrets.token_hex(16)},
        )

    def add_samples(
        self, number: int, photographs: Iterable[Picture], *, op_uid: str | None = None
    ) -> Json:
        """Add photographs of a person by their number; those that disagree are left out."""
        headers = {"Idempotency-Key": op_uid or secrets.token_hex(16)}
        path = f"{self._here}/identities/{number}/samples"
        return self._form(path, list(photographs), headers=headers)

    def identities(self, *, offset: int = 0, limit: int = 50, search: str = "") -> Json:
        """Return a page of people, and how many there are."""
        query = {"offset": str(offset), "limit": str(limit), "search": search}
        return _object(self._wire.ask("GET", f"{self._here}/identities", query))

    def identity(self, number: int) -> Json:
        """Return a person and their samples."""
        return _object(self._wire.ask("GET", f"{self._here}/identities/{number}"))

    def rename(self, number: int, name: str) -> Json:
        """Give a person another name."""
        return self._json("PATCH", f"{self._here}/identities/{number}", {"name": name})

    def merge(self, number: int, into: int) -> Json:
        """Give all samples of one person to another."""
        return self._json("POST", f"{self._here}/identities/{number}/merge", {"into": into})

    def remove(self, number: int) -> Json:
        """Take a person out; it can be undone for 30 days."""
        return _object(self._wire.ask("DELETE", f"{self._here}/identities/{number}"))

    def erase(self, number: int) -> Json:
        """Delete a person for good."""
        return _object(
            self._wire.ask("DELETE", f"{self._here}/identities/{number}", {"erase": "true"})
        )

    def remove_sample(self, number: int) -> Json:
        """Take out one sample of a person who has others."""
        return _object(self._wire.ask("DELETE", f"{self._here}/samples/{number}"))

    def allow_claims(self, number: int) -> None:
        """Allow claims of a person again, after many that failed."""
        self._wire.ask("POST", f"{self._here}/identities/{number}/allow-claims")

    def export(self) -> bytes:
        """Return everybody as the file that ``facegate gallery import`` reads."""
        return self._wire.ask("GET", f"{self._here}/export")

    def histograms(self) -> Json:
        """Return how alike strangers and the samples of one person are here."""
        return _object(self._wire.ask("GET", f"{self._here}/histograms"))

    def begin_session(self, name: str, *, consent_version: int | None = None) -> Json:
        """Begin a guided enrolment; its answer is what the next three methods need."""
        body = {"name": name, "consent_version": consent_version}
        return self._json("POST", f"{self._here}/sessions", body)

    def send_frame(self, session: Json, number: int, frame: Picture) -> Json:
        """Send a frame and return one instruction; numbers rise from 1."""
        headers = {"Content-Type": "image/jpeg", **_nonce(session)}
        path, query = f"/sessions/{session['id']}/frames", {"number": str(number)}
        return _object(self._wire.ask("POST", path, query, contents_of(frame), headers))

    def save_session(self, session: Json, *, allow_duplicate: bool = False) -> Json:
        """Save a guided enrolment that is done."""
        body = {"allow_duplicate": allow_duplicate}
        return self._json("POST", f"/sessions/{session['id']}/save", body, _nonce(session))

    def cancel_session(self, session: Json) -> None:
        """End a guided enrolment; nothing of it is kept."""
        self._wire.ask("DELETE", f"/sessions/{session['id']}", headers=_nonce(session))

    def undo(self, number: int | None = None) -> Json:
        """Take a change back, the newest where none is named."""
        return self._json("POST", f"{self._here}/undo", {"number": number})

    def history(self, limit: int = 50) -> list[Json]:
        """Return the latest changes, newest first."""
        found = _object(self._wire.ask("GET", f"{self._here}/operations", {"limit": str(limit)}))
        return list(found["operations"])

    def collections(self) -> list[Json]:
        """Return the collections that the key may use."""
        return list(_object(self._wire.ask("GET", "/collections"))["collections"])

    def create_collection(self, name: str) -> Json:
        """Make an empty collection."""
        return self._json("POST", "/collections", {"name": name})

    def models(self) -> list[Json]:
        """Return the models that the server knows."""
        return list(_object(self._wire.ask("GET", "/models"))["models"])

    def settings(self) -> Json:
        """Return error rates, the consent text and the model."""
        return _object(self._wire.ask("GET", "/settings"))

    def change_settings(self, **values: Any) -> Json:
        """Change some of fmr, fpir, consent_text, ask_consent and keep_days."""
        return self._json("PATCH", "/settings", values)

    def api_keys(self) -> list[Json]:
        """Return every key, without the secrets."""
        return list(_object(self._wire.ask("GET", "/keys"))["keys"])

    def create_key(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        collection: str | None = None,
        days: int | None = None,
    ) -> Json:
        """Make a key; ``key`` of the answer is shown this once."""
        body = {"name": name, "scopes": list(scopes), "collection": collection, "days": days}
        return self._json("POST", "/keys", body)

    def revoke_key(self, key_id: str) -> None:
        """Delete a key."""
        self._wire.ask("DELETE", f"/keys/{quote(key_id, safe='')}")

    def _photo(self, path: str, photograph: Picture, query: Mapping[str, str] = {}) -> Json:
        body = contents_of(photograph)
        return _object(
            self._wire.ask("POST", path, query, body, {"Content-Type": "application/octet-stream"})
        )

    def _json(self, method: str, path: str, value: Json, headers: Mapping[str, str] = {}) -> Json:
        body = json.dumps(value).encode()
        return _object(
            self._wire.ask(method, path, {}, body, {"Content-Type": "application/json", **headers})
        )

    def _form(
        self,
        path: str,
        photographs: Iterable[Picture],
        query: Mapping[str, str] = {},
        fields: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
    ) -> Json:
        body, kind = form(list(photographs), fields)
        return _object(self._wire.ask("POST", path, query, body, {**kind, **headers}))


def _object(contents: bytes) -> Json:
    found: Json = json.loads(contents) if contents else {}
    return found


def _nonce(session: Json) -> dict[str, str]:
    return {"X-Facegate-Nonce": str(session["nonce"])}
