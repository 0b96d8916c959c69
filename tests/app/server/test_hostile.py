"""What people send who wish no good: rubbish, floods, foreign ids, names like paths."""

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from tests.app.server.test_sessions import begin, open_stream

Pictures = dict[str, Path]
HERE = "/api/v1/collections/default"
PEOPLE = f"{HERE}/identities"


LOST = 0
"""In place of a code: a server that closes before it has read everything resets the connection,
and what it said last may be lost on the way (RFC 1122, 4.2.2.13)."""


def closes(stream: Any) -> int:
    """Read until the server closes the stream, and return its code."""
    try:
        while True:
            stream.recv(timeout=60)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else LOST


def test_a_flood_of_rubbish_is_cut_off(live: Any) -> None:
    key = live.key("enroll")
    rubbish = np.random.default_rng(0).bytes(5_000)
    with open_stream(live, key, begin(live, key)) as stream:
        try:
            for _ in range(300):
                stream.send(rubbish)
        except ConnectionClosed:
            pass  # it has seen enough before we were through
        assert closes(stream) == 1008
    assert live.stranger().get("/healthz").status_code == 200
    assert live.services.worker.depth == 0


def test_a_flood_of_words_is_cut_off_too(live: Any) -> None:
    key = live.key("enroll")
    with open_stream(live, key, begin(live, key)) as stream:
        try:
            for _ in range(100):
                stream.send('{"do": ' * 150)
        except ConnectionClosed:
            pass
        assert closes(stream) == 1008


def test_a_frame_that_is_too_large_ends_the_stream(live: Any) -> None:
    key = live.key("enroll")
    with open_stream(live, key, begin(live, key)) as stream:
        with contextlib.suppress(ConnectionClosed):
            stream.send(bytes(3_000_000))
        assert closes(stream) in (1009, LOST)
    assert live.stranger().get("/healthz").status_code == 200
    until = time.monotonic() + 30
    while len(live.services.sessions) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(live.services.sessions) == 0


def test_a_session_may_not_be_opened_twice_at_once(live: Any) -> None:
    key = live.key("enroll")
    session = begin(live, key)
    with open_stream(live, key, session) as first, open_stream(live, key, session) as second:
        for stream in (first, second):
            stream.send(b"rubbish")
        codes = {json.loads(s.recv(timeout=60))["error"]["code"] for s in (first, second)}
    assert codes <= {"not_an_image", "invalid_request"}


def damaged(picture: bytes, count: int) -> list[bytes]:
    """Mutants: flipped bytes, a cut, a doubled piece."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        body, at = bytearray(picture), int(rng.integers(len(picture)))
        if number % 3 == 0:
            for place in rng.integers(len(body), size=10):
                body[place] = int(rng.integers(256))
        elif number % 3 == 1:
            del body[at:]
        else:
            body[at:at] = body[at : at + 999]
        found.append(bytes(body))
    return found


def answers_in_words(live: Any, bodies: list[bytes]) -> None:
    """Upload each, and send each as a frame: none may be a bug."""
    client, key = live.client("admin"), live.key("enroll")
    for body in bodies:
        answer = client.post("/api/v1/detect", content=body)
        assert answer.status_code in (200, 413, 422), answer.text
    for start in range(0, len(bodies), 15):
        with open_stream(live, key, begin(live, key)) as stream:
            for body in bodies[start : start + 15]:
                stream.send(body)
                seen = json.loads(stream.recv(timeout=60))
                assert seen.get("error", {}).get("code") != "bug"
    assert client.get("/healthz").json() == {"status": "ok"}


def test_damaged_photographs_are_refused_in_words(live: Any, pictures: Pictures) -> None:
    answers_in_words(live, damaged(pictures["ada-1"].read_bytes(), 30))


def test_the_bad_images_are_refused_in_words(live: Any, test_data: Path) -> None:
    files = sorted(path for path in (test_data / "bad-images").rglob("*") if path.is_file())
    bodies = [path.read_bytes() for path in files[::20] if 0 < path.stat().st_size < 1_000_000]
    answers_in_words(live, bodies)


def test_ids_of_another_collection_are_nobodys_here(live: Any, pictures: Pictures) -> None:
    operator = live.client("admin")
    operator.post("/api/v1/collections", json={"name": "staff"})
    photo = pictures["ada-1"].read_bytes()
    made = operator.post(PEOPLE, params={"name": "Ada"}, content=photo).json()
    ada = made["identity"]["id"]
    sample = operator.get(f"{PEOPLE}/{ada}").json()["sample_list"][0]["id"]
    other = live.client("admin", collection="staff")
    staff = "/api/v1/collections/staff"
    for method, path, body in (
        ("GET", f"{staff}/identities/{ada}", None),
        ("PATCH", f"{staff}/identities/{ada}", {"name": "Eve"}),
        ("DELETE", f"{staff}/identities/{ada}", None),
        ("POST", f"{staff}/identities/{ada}/merge", {"into": ada}),
        ("DELETE", f"{staff}/samples/{sample}", None),
        ("GET", f"{PEOPLE}/{ada}", None),
        ("GET", f"{HERE}/export", None),
    ):
        answer = other.request(method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    assert other.get("/api/v1/keys").status_code == 403
    assert operator.get(f"{PEOPLE}/{ada}").json()["name"] == "Ada"


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "A", "%2e%2e", "x" * 41, "con\x00"])
def test_names_like_paths_name_no_collection(live: Any, name: str) -> None:
    operator = live.client("admin")
    made = operator.post("/api/v1/collections", json={"name": name})
    assert made.status_code == 422
    assert operator.get("/api/v1/collections/..%2F..%2Fetc/identities").status_code in (404, 422)
    assert not [path for path in live.services.settings.folder.parent.iterdir() if "x" in path.name]


def test_a_person_may_be_called_like_a_path(live: Any, pictures: Pictures) -> None:
    operator = live.client("admin")
    photo = pictures["ada-1"].read_bytes()
    name = "../../<b>etc</b>"
    made = operator.post(PEOPLE, params={"name": name}, content=photo)
    assert made.status_code == 201
    assert operator.get(PEOPLE).json()["identities"][0]["name"] == name
    refused = operator.post(PEOPLE, params={"name": "a\u202eb"}, content=photo)
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"name": '),
        ("application/json", b"[" * 60_000),
        ("application/json", b'{"name": "\xff"}'),
        ("text/plain", b'{"name": "x"}'),
        ("application/json", b'{"name": "x", "into": 1e400}'),
    ],
)
def test_bad_json_is_refused_in_words(live: Any, kind: str, body: bytes) -> None:
    answer = live.client("admin").patch(f"{PEOPLE}/1", content=body, headers={"Content-Type": kind})
    assert answer.status_code in (404, 415, 422)
    assert set(answer.json()["error"]) == {"code", "message", "hint", "request_id"}
