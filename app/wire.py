"""One connection to a server of facegate: requests, forms, and errors as exceptions."""

import http.client
import json
import os
import secrets
import selectors
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from facegate.errors import FacegateError, ImageError, InputError

Picture = str | os.PathLike[str] | bytes


class ApiError(FacegateError):
    """The server said no.

    Attributes:
        status: the HTTP status; 0 where there was no answer.
        request_id: names the request in the server's log.
        retry_after: seconds after which trying again makes sense, or None.
    """

    status = 0
    request_id = ""
    retry_after: float | None = None


class Wire:
    """Requests to one server, one after the other, over a connection that is kept.

    Args:
        address: as ``facegate serve`` prints it, without a path.
        key: an API key.
        timeout: seconds to wait for an answer.

    Raises:
        InputError: the address is none.
    """

    def __init__(self, address: str, *, key: str, timeout: float) -> None:
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or parts.scheme not in ("http", "https"):
            raise InputError(
                f"{address!r} is no address", hint="give one like http://127.0.0.1:8321"
            )
        secure, plain = http.client.HTTPSConnection, http.client.HTTPConnection
        kind = secure if parts.scheme == "https" else plain
        self._connection = kind(host, port, timeout=timeout)
        self._key = key

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        self._connection.close()

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = {},
        body: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> bytes:
        """Return the body of an answer.

        Raises:
            ApiError: it is an error, or there is no answer.
        """
        target = f"/api/v1{path}" + (f"?{urlencode(query)}" if query else "")
        head = {"Authorization": f"Bearer {self._key}", **headers}
        if self._was_left():
            self._connection.close()
        try:
            self._connection.request(method, target, body, head)
            answer = self._connection.getresponse()
            contents = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ApiError(
                f"the server did not answer, {error}",
                hint="see whether it runs; an enrolment may be repeated under its op_uid",
                code="no_answer",
            ) from error
        if answer.status >= 400:
            raise _error(answer, contents)
        return contents

    def _was_left(self) -> bool:
        """Return whether the server has closed the connection, as it does with idle ones.

        Between two requests nothing comes from it, so whatever can be read is the end.
        """
        if self._connection.sock is None:
            return False
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection.sock, selectors.EVENT_READ)
            return bool(selector.select(timeout=0))


def form(
    photographs: list[Picture], fields: Mapping[str, str] = {}
) -> tuple[bytes, dict[str, str]]:
    """Return a form of photographs and short texts: the body, and its header."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    for name, text in fields.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        pieces += [head.encode(), text.encode(), b"\r\n"]
    for number, photograph in enumerate(photographs):
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; '
            f'filename="{number}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        pieces += [head.encode(), contents_of(photograph), b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def contents_of(photograph: Picture) -> bytes:
    """Return the bytes of a photograph.

    Raises:
        ImageError: its file cannot be read.
    """
    if isinstance(photograph, bytes):
        return photograph
    try:
        return Path(photograph).read_bytes()
    except OSError as error:
        raise ImageError(
            f"{os.fspath(photograph)} cannot be read, {error.strerror or error}",
            hint="give the path of a photograph, or its bytes",
            code="no_such_file" if isinstance(error, FileNotFoundError) else "not_a_file",
        ) from error


def _error(answer: http.client.HTTPResponse, contents: bytes) -> ApiError:
    try:
        found: dict[str, Any] = json.loads(contents)["error"]
        error = ApiError(found["message"], hint=found["hint"], code=found["code"])
        error.request_id = found["request_id"]
    except (ValueError, KeyError, TypeError):  # not ours: a proxy's page
        error = ApiError(f"the server answered {answer.status}", hint="see what stands before it")
    error.status = answer.status
    wait = answer.getheader("Retry-After", "")
    error.retry_after = float(wait) if wait.isdigit() else None
    return error
