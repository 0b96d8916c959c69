"""Fetch one file over HTTPS, counted and summed on the way."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from typing import IO, BinaryIO
from urllib.parse import urlsplit

from facegate.errors import ModelMissingError, WeightsError
from facegate.models.card import MAX_BYTES, Part

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30
"""For one read, not for the whole."""


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follow a redirect only to HTTPS."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage | Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"sent on to {urlsplit(newurl).scheme}, not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def download(part: Part, file: BinaryIO, advance: Callable[[int], None]) -> str:
    """Write what a part's url holds to a file.

    Args:
        part: with a url.
        file: is written to.
        advance: is told of every count of bytes that arrived.

    Returns:
        The SHA-256 of the bytes.

    Raises:
        ModelMissingError: the network or the server does not give the file.
        WeightsError: it is larger than the card says, or than any model may be.
    """
    if part.url is None or urlsplit(part.url).scheme != "https":
        raise ValueError(f"{part.file} has no https address")
    limit = part.size_bytes or MAX_BYTES
    digest, done = hashlib.sha256(), 0
    for chunk in _chunks(part, part.url):
        done += len(chunk)
        if done > limit:
            raise WeightsError(
                f"{part.file} from {_host(part.url)} is larger than {limit} bytes",
                hint="that is not the file the card names",
            )
        digest.update(chunk)
        file.write(chunk)
        advance(len(chunk))
    return digest.hexdigest()


def _chunks(part: Part, url: str) -> Iterator[bytes]:
    opener = urllib.request.build_opener(_HttpsOnly())
    request = urllib.request.Request(url, headers={"User-Agent": "facegate"})
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            while chunk := answer.read(CHUNK_BYTES):
                yield chunk
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelMissingError(
            f"{part.file} could not be downloaded from {_host(url)} ({_plain(reason)})",
            hint=f"get {url} on another machine, then use --from DIR with its folder",
            code="no_download",
        ) from error


def _host(url: str) -> str:
    return urlsplit(url).hostname or "?"


def _plain(reason: object) -> str:
    """Return a reason in one line, without the number that the system gives it."""
    text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return " ".join(text.split()) or type(reason).__name__
