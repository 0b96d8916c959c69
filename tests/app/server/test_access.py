"""Who gets in, with what, how often."""

import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from facegate.errors import InputError
from facegate.server.running import check_address
from facegate.server.settings import Limits, Settings

Pictures = dict[str, Path]
PEOPLE = "/api/v1/collections/default/identities"
HERE = "/api/v1/collections/default"


def code(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


def test_without_a_key_nothing_is_told(live: Any) -> None:
    answer = live.stranger().get(PEOPLE)
    assert (answer.status_code, code(answer)) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_scopes_are_kept_apart(live: Any, pictures: Pictures) -> None:
    photo = pictures["ada-1"].read_bytes()
    detect = live.client("detect")
    assert detect.post("/api/v1/detect", content=photo).status_code == 200
    assert code(detect.post(f"{HERE}/identify", content=photo)) == "forbidden"
    assert code(detect.get(PEOPLE)) == "forbidden"
    assert code(live.client("enroll").delete(f"{PEOPLE}/1")) == "forbidden"


def test_scores_are_for_operators(live: Any, pictures: Pictures) -> None:
    files = [("photo", (n, pictures[n].read_bytes(), "image/jpeg")) for n in ("ada-1", "ada-3")]
    answer = live.client("verify").post("/api/v1/verify", files=files).json()
    assert answer["decision"] == "match"
    assert answer["score"] is None
    assert answer["fmr_at_score"] is None


def test_a_revoked_or_expired_key_opens_nothing(live: Any) -> None:
    client = live.client("admin")
    assert client.get("/api/v1/me").status_code == 200
    (key,) = live.services.keys.all()
    assert key.used is not None
    live.services.keys.revoke(key.id)
    assert code(client.get("/api/v1/me")) == "unauthorized"
    text, _ = live.services.keys.create("short", ("admin",), days=1)
    with live.services.database.transaction() as db:
        db.execute("UPDATE key SET expires = 1")
    headers = {"Authorization": f"Bearer {text}"}
    assert code(live.stranger().get("/api/v1/me", headers=headers)) == "unauthorized"


def test_the_key_itself_is_not_kept(live: Any) -> None:
    text = live.key("admin")
    assert text.startswith("fg_")
    assert text.encode() not in live.services.database.path.read_bytes()


def test_ten_wrong_keys_close_the_door_for_a_while(live: Any) -> None:
    stranger = live.stranger()
    wrong = {"Authorization": "Bearer fg_00000000_wrong"}
    codes = [code(stranger.get("/api/v1/me", headers=wrong)) for _ in range(11)]
    assert codes == ["unauthorized"] * 10 + ["rate_limited"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/api/v1/me", "/assets/icon.svg"])
def test_a_foreign_host_is_refused_everywhere(live: Any, path: str) -> None:
    answer = live.stranger().get(path, headers={"Host": "example.org"})
    assert (answer.status_code, code(answer)) == (421, "wrong_host")


def test_another_site_cannot_change_anything(live: Any) -> None:
    client = live.client("admin")
    site = client.post(f"{HERE}/undo", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    origin = client.post(f"{HERE}/undo", json={}, headers={"Origin": "http://evil.example"})
    assert (site.status_code, origin.status_code) == (403, 403)


def test_the_login_link_works_once(live: Any) -> None:
    page = live.stranger()
    origin = {"Origin": live.address}
    secret = live.services.logins.new_link()
    first = page.post("/api/v1/login", json={"secret": secret}, headers=origin)
    assert first.json()["who"] == "page"
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert page.get("/api/v1/me").status_code == 200
    again = live.stranger().post("/api/v1/login", json={"secret": secret}, headers=origin)
    assert code(again) == "unauthorized"
    # A cookie changes nothing without an origin: a form of another site has the cookie too.
    assert code(page.post(f"{HERE}/undo", json={})) == "unauthorized"
    page.post("/api/v1/logout", headers=origin)
    assert code(page.get("/api/v1/me")) == "unauthorized"


def test_every_answer_carries_the_headers(live: Any) -> None:
    answer = live.client("admin").get(PEOPLE)
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


def test_the_usual_rate_is_kept(serving: Any) -> None:
    with serving(Limits()) as live:
        client = live.client("admin")
        live.services.requests.clock = lambda: 0.0
        codes = [client.get("/api/v1/me").status_code for _ in range(21)]
        live.services.requests.clock = lambda: 0.1
        codes += [client.get("/api/v1/me").status_code for _ in range(2)]
    assert codes == [*[200] * 20, 429, 200, 429]


def test_failed_claims_pause_and_survive_a_restart(serving: Any, pictures: Pictures) -> None:
    limits = Limits(queue=20, rate=1000, burst=1000, verify_pause_s=600, deadline_s=120)
    other = pictures["grace-1"].read_bytes()

    def claim(client: httpx.Client) -> httpx.Response:
        return client.post(f"{HERE}/verify", content=other, params={"name": "Ada"})

    with serving(limits) as live:
        operator = live.client("admin")
        photo = pictures["ada-1"].read_bytes()
        ada = operator.post(PEOPLE, params={"name": "Ada"}, content=photo).json()["identity"]["id"]
        client = live.client("verify")
        assert [claim(client).json()["decision"] for _ in range(5)] == ["no match"] * 5
        assert code(claim(client)) == "rate_limited"
    with serving(limits) as live:
        refused = claim(live.client("verify"))
        assert (refused.status_code, code(refused)) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 60
        operator = live.client("admin")
        assert operator.post(f"{PEOPLE}/{ada}/allow-claims").status_code == 204
        assert claim(live.client("verify")).json()["decision"] == "no match"


def test_fifty_failed_claims_stop_them(live: Any, pictures: Pictures) -> None:
    operator = live.client("admin")
    photo = pictures["ada-1"].read_bytes()
    operator.post(PEOPLE, params={"name": "Ada"}, content=photo)
    with live.services.database.transaction() as db:
        gallery = live.services.collections.get("default").gallery
        row = (gallery.uid, gallery.identity("Ada").uid)
        db.execute("INSERT INTO attempt VALUES (?, ?, 50, 1)", row)
    answer = operator.post(f"{HERE}/verify", content=photo, params={"name": "Ada"})
    assert (answer.status_code, code(answer)) == (403, "forbidden")


def test_an_open_address_needs_keys_and_a_name(facegate_home: Path) -> None:
    from facegate.server.access.database import Database
    from facegate.server.access.keys import Keys

    check_address(Settings(facegate_home))
    with pytest.raises(InputError, match="no API keys"):
        check_address(Settings(facegate_home, host="0.0.0.0"))
    database = Database(facegate_home)
    Keys(database).create("door", ["identify"])
    database.close()
    with pytest.raises(InputError, match="--public-url"):
        check_address(Settings(facegate_home, host="0.0.0.0"))
    check_address(Settings(facegate_home, host="0.0.0.0", public_url="https://faces.example"))


def send(live: Any, head: bytes, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send a request byte by byte if need be, and return what came back."""
    port = int(live.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(head)
        try:
            for piece in pieces:
                link.sendall(piece)
                time.sleep(pause)
        except OSError:
            pass  # the server has heard enough
        found = b""
        try:
            while more := link.recv(65536):
                found += more
        except OSError:
            pass
        return found


@pytest.mark.parametrize("length", [b"Content-Length: 11000000", b"Transfer-Encoding: chunked"])
def test_a_large_body_is_cut(live: Any, length: bytes) -> None:
    head = b"POST /api/v1/detect HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n"
    head %= (live.address.partition("//")[2].encode(), live.key("detect").encode(), length)
    block = b"x" * 1_000_000
    piece = b"%x\r\n%s\r\n" % (len(block), block) if b"chunked" in length else block
    answer = send(live, head, *[piece] * 11)
    assert b" 413 " in answer.split(b"\r\n")[0]


def test_slow_heads_and_bodies_are_ended(serving: Any) -> None:
    from facegate.server.settings import Limits

    limits = replace(Limits(), head_s=0.5, body_s=1.0, idle_s=1.0, deadline_s=60)
    with serving(limits) as live:
        started = time.monotonic()
        assert send(live, b"GET / HT", *[b"T"] * 10, pause=0.2) == b""
        head = b"POST /api/v1/detect HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
        head %= (live.address.partition("//")[2].encode(), live.key("detect").encode())
        answer = send(live, head + b"Content-Length: 100\r\n\r\n", *[b"x"] * 10, pause=0.2)
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert time.monotonic() - started < 20


def test_connections_of_one_address_are_few(serving: Any) -> None:
    with serving(Limits(head_s=30)) as live:
        port = int(live.address.rpartition(":")[2])
        links = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(8)]
        try:
            time.sleep(0.3)
            assert b" 503 " in send(live, b"").split(b"\r\n")[0]
        finally:
            for link in links:
                link.close()
