"""Downloads: only HTTPS, counted, capped; every failure is one line that says what to do."""

import hashlib
import http.client
import io
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import replace
from typing import Any

import pytest

from facegate.errors import ModelMissingError, WeightsError
from facegate.models.card import Part
from facegate.models.shelf.download import _HttpsOnly, download

PART = Part("net.onnx", None, 10, "https://example.org/net.onnx")


class Opener:
    """Stands in for the network: answers with bytes, or raises."""

    def __init__(self, answer: bytes | Exception, *, at_read: Exception | None = None) -> None:
        self.answer, self.at_read = answer, at_read

    def open(self, request: urllib.request.Request, timeout: float) -> Any:
        assert request.full_url == PART.url
        assert timeout > 0
        if isinstance(self.answer, Exception):
            raise self.answer
        stream = io.BytesIO(self.answer)
        if self.at_read is not None:

            def fail(_size: int) -> bytes:
                assert self.at_read is not None
                raise self.at_read

            stream.read = fail  # type: ignore[method-assign, assignment]
        return stream


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_up(answer: bytes | Exception, **more: Any) -> None:
        opener = Opener(answer, **more)
        monkeypatch.setattr(urllib.request, "build_opener", lambda *_: opener)

    return set_up


def test_bytes_are_written_counted_and_summed(network: Any) -> None:
    network(b"0123456789")
    file = io.BytesIO()
    counts: list[int] = []
    assert download(PART, file, counts.append) == hashlib.sha256(b"0123456789").hexdigest()
    assert (file.getvalue(), sum(counts)) == (b"0123456789", 10)


def test_more_than_the_card_says_is_cut_off(network: Any) -> None:
    network(b"0" * 11)
    with pytest.raises(WeightsError, match=r"from example.org is larger than 10 bytes"):
        download(PART, io.BytesIO(), lambda _n: None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (urllib.error.URLError(socket.gaierror(-2, "Name or service not known")), "Name or serv"),
        (urllib.error.URLError(ssl.SSLError(1, "certificate verify failed")), "certificate veri"),
        (urllib.error.HTTPError("u", 404, "Not Found", None, None), "Not Found"),  # type: ignore[arg-type]
        (TimeoutError("timed out"), "timed out"),
        (http.client.RemoteDisconnected("Remote end closed"), "Remote end closed"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset"),
    ],
)
def test_no_network_is_one_line_that_says_what_to_do(
    network: Any, error: Exception, reason: str
) -> None:
    network(error)
    wanted = f"net.onnx could not be downloaded from example.org .{reason}"
    with pytest.raises(ModelMissingError, match=wanted) as caught:
        download(PART, io.BytesIO(), lambda _n: None)
    assert caught.value.hint == (
        "get https://example.org/net.onnx on another machine, then use --from DIR with its folder"
    )
    assert (caught.value.exit_status, caught.value.code) == (4, "no_download")


def test_a_break_on_the_way_is_the_same_line(network: Any) -> None:
    network(b"x", at_read=http.client.IncompleteRead(b"x", 9))
    with pytest.raises(ModelMissingError, match=r"IncompleteRead"):
        download(PART, io.BytesIO(), lambda _n: None)


@pytest.mark.parametrize("url", [None, "http://example.org/net.onnx", "file:///etc/passwd"])
def test_only_https(url: str | None) -> None:
    with pytest.raises(ValueError, match=r"net.onnx has no https address"):
        download(replace(PART, url=url), io.BytesIO(), lambda _n: None)


@pytest.mark.parametrize("target", ["http://example.org/x", "ftp://example.org/x"])
def test_a_redirect_away_from_https_is_refused(target: str) -> None:
    request = urllib.request.Request("https://example.org/net.onnx")
    headers = http.client.HTTPMessage()
    with pytest.raises(urllib.error.URLError, match=r"not https"):
        _HttpsOnly().redirect_request(request, io.BytesIO(), 302, "Found", headers, target)


def test_a_redirect_to_https_is_followed() -> None:
    request = urllib.request.Request("https://example.org/net.onnx")
    followed = _HttpsOnly().redirect_request(
        request, io.BytesIO(), 302, "Found", http.client.HTTPMessage(), "https://cdn.example/x"
    )
    assert followed is not None
    assert followed.full_url == "https://cdn.example/x"
