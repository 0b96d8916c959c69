"""Guided enrolments over a WebSocket and by single requests."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from facegate.guide import Direction
from facegate.results import Enrolment
from facegate.server.session import Session
from facegate.server.settings import Limits

HERE = "/api/v1/collections/default"
Looks = dict[str, list[bytes]]


def begin(live: Any, key: str, name: str = "Ada", **body: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    settings = live.stranger().get("/api/v1/settings", headers=headers).json()
    version = settings["consent"]["version"]
    answer = live.stranger().post(
        f"{HERE}/sessions",
        json={"name": name, "consent_version": version, **body},
        headers=headers,
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def open_stream(live: Any, key: str, session: dict[str, Any], **headers: str) -> ClientConnection:
    address = f"{live.address.replace('http', 'ws')}/api/v1/sessions/{session['id']}/stream"
    return connect(
        f"{address}?nonce={session['nonce']}",
        additional_headers={"Authorization": f"Bearer {key}", **headers},
        open_timeout=60,
        proxy=None,
    )


def lead(stream: ClientConnection, looks: Looks) -> dict[str, Any]:
    """Show what is asked for until the coach has enough."""
    wanted = "straight"
    for number in range(400):
        stream.send(looks[wanted][number % 4])
        answer = dict(json.loads(stream.recv(timeout=60)))
        if answer["state"] != "going":
            return answer
        is_straight = answer["instruction"] == "straight"
        wanted = "straight" if is_straight else answer["wanted"] or "straight"
        time.sleep(0.02)
    raise AssertionError("the coach never had enough")


def test_a_person_is_led_through_five_looks_and_saved(live: Any, looks: Looks) -> None:
    key = live.key("enroll")
    session = begin(live, key)
    with open_stream(live, key, session) as stream:
        answer = lead(stream, looks)
        assert answer["state"] == "done", answer
        assert set(answer["covered"]) == {direction.value for direction in Direction}
        stream.send(json.dumps({"do": "save"}))
        saved = json.loads(stream.recv(timeout=60))["saved"]
    assert saved["identity"]["name"] == "Ada"
    assert saved["kept"] >= 3
    with live.services.database.reading() as db:
        (consent,) = db.execute("SELECT identity FROM consent").fetchall()
    gallery = live.services.collections.get("default").gallery
    assert consent == (gallery.identity("Ada").uid,)
    assert {sample.kind for sample in gallery.samples("Ada")} == {"frame"}


def test_a_save_without_an_answer_is_asked_for_again(live: Any, looks: Looks) -> None:
    key = live.key("enroll")
    session = begin(live, key)
    path = f"/api/v1/sessions/{session['id']}"
    headers = {"Authorization": f"Bearer {key}", "X-Facegate-Nonce": session["nonce"]}
    with open_stream(live, key, session) as stream:
        answer = lead(stream, looks)
        assert answer["state"] == "done", answer
        stream.send(json.dumps({"do": "save"}))
        saved = json.loads(stream.recv(timeout=60))["saved"]
    client = live.stranger()
    again = client.post(f"{path}/save", json={}, headers=headers)
    assert (again.status_code, again.json()) == (201, saved)
    cancelled = client.delete(path, headers=headers)
    assert (cancelled.status_code, cancelled.json()["error"]["code"]) == (409, "session_over")
    frame = client.post(f"{path}/frames?number=999", content=b"x", headers=headers)
    assert (frame.status_code, frame.json()["error"]["code"]) == (409, "session_over")
    assert len(live.services.collections.get("default").gallery.history()) == 1


def test_whoever_leaves_while_it_is_written_has_agreed_all_the_same(
    live: Any, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Session.save

    def left(session: Session, *, is_duplicate_fine: bool) -> Enrolment:
        live.services.sessions.end(session)
        return write(session, is_duplicate_fine=is_duplicate_fine)

    monkeypatch.setattr(Session, "save", left)
    key = live.key("enroll")
    with open_stream(live, key, begin(live, key)) as stream:
        assert lead(stream, looks)["state"] == "done"
        stream.send(json.dumps({"do": "save"}))
        assert json.loads(stream.recv(timeout=60))["saved"]["kept"] >= 3
    with live.services.database.reading() as db:
        ((agreed,),) = db.execute("SELECT identity FROM consent").fetchall()
    assert agreed == live.services.collections.get("default").gallery.identity("Ada").uid


def test_a_lost_connection_leaves_nothing_behind(live: Any, looks: Looks) -> None:
    key = live.key("enroll")
    session = begin(live, key)
    with open_stream(live, key, session) as stream:
        stream.send(looks["straight"][0])
        assert json.loads(stream.recv(timeout=60))["frame"] == 1
    until = time.monotonic() + 30
    while len(live.services.sessions) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(live.services.sessions) == 0
    with live.services.database.reading() as db:
        assert db.execute("SELECT count(*) FROM consent").fetchone() == (0,)
    assert live.services.collections.get("default").gallery.count() == (0, 0)


def test_rubbish_is_answered_and_then_ended(live: Any) -> None:
    key = live.key("enroll")
    with open_stream(live, key, begin(live, key)) as stream:
        stream.send(b"rubbish")
        assert json.loads(stream.recv(timeout=60))["error"]["code"] == "not_an_image"
        stream.send("rubbish")
        assert json.loads(stream.recv(timeout=60))["error"]["code"] == "invalid_request"
        stream.send(json.dumps({"do": "save"}))
        assert json.loads(stream.recv(timeout=60))["error"]["code"] == "not_ready"


def test_who_says_nothing_is_shown_out(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegate.server.sessions.LATE_S", 0.2)
    with serving(Limits(session_s=0.5)) as live:
        key = live.key("enroll")
        with open_stream(live, key, begin(live, key)) as stream:
            with pytest.raises(ConnectionClosed) as caught:
                stream.recv(timeout=60)
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "session_over")
        assert live.services.collections.get("default").gallery.count() == (0, 0)


def test_frames_may_be_posted_one_by_one_in_order(live: Any, looks: Looks) -> None:
    key = live.key("enroll")
    session = begin(live, key)
    path = f"/api/v1/sessions/{session['id']}"
    headers = {"Authorization": f"Bearer {key}", "X-Facegate-Nonce": session["nonce"]}
    client = live.stranger()
    frame = looks["straight"][0]
    first = client.post(f"{path}/frames?number=1", content=frame, headers=headers)
    again = client.post(f"{path}/frames?number=1", content=frame, headers=headers)
    assert (first.status_code, again.status_code) == (200, 422)
    other = {**headers, "X-Facegate-Nonce": "0" * 16}
    assert client.post(f"{path}/frames?number=2", content=frame, headers=other).status_code == 404
    assert client.delete(path, headers=headers).status_code == 204
    assert client.post(f"{path}/frames?number=3", content=frame, headers=headers).status_code == 404


def test_the_consent_is_asked_for_where_keys_exist(live: Any) -> None:
    client = live.client("enroll")
    refused = client.post(f"{HERE}/sessions", json={"name": "Ada"})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "consent_needed"


def test_a_socket_of_another_origin_is_refused(live: Any) -> None:
    key = live.key("enroll")
    session = begin(live, key)
    with pytest.raises(InvalidStatus) as caught:
        open_stream(live, key, session, Origin="http://evil.example")
    assert caught.value.response.status_code == 403


def test_a_socket_for_another_host_is_refused(live: Any) -> None:
    port = int(live.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        link.sendall(
            b"GET /api/v1/sessions/x/stream HTTP/1.1\r\nHost: example.org\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 421 " in link.recv(4096).split(b"\r\n")[0]


def test_a_session_of_another_key_is_not_found(live: Any, facegate_home: Path) -> None:
    session = begin(live, live.key("enroll"))
    with pytest.raises(InvalidStatus) as caught:
        open_stream(live, live.key("enroll"), session)
    assert caught.value.response.status_code == 404
