"""Behind a proxy, and speaking TLS itself."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.conftest import require

FACES = {"Host": "faces.example"}


def test_a_proxys_word_about_its_clients_is_believed(serving: Any) -> None:
    with serving(public_url="https://faces.example") as live:
        stranger = live.stranger()
        wrong = {**FACES, "Authorization": "Bearer fg_00000000_wrong"}
        for _ in range(10):
            stranger.get("/api/v1/me", headers={**wrong, "X-Forwarded-For": "1.1.1.1, 2.2.2.2"})
        # The last address is the one that the proxy itself saw.
        answer = stranger.get(
            "/api/v1/me", headers={**wrong, "X-Forwarded-For": "3.3.3.3, 2.2.2.2"}
        )
        assert answer.status_code == 429
        answer = stranger.get(
            "/api/v1/me", headers={**wrong, "X-Forwarded-For": "2.2.2.2, 4.4.4.4"}
        )
        assert answer.status_code == 401
        secret = live.services.logins.new_link()
        own = {**FACES, "Origin": "https://faces.example", "X-Forwarded-For": "5.5.5.5"}
        signed = stranger.post("/api/v1/login", json={"secret": secret}, headers=own)
        assert signed.status_code == 200
        assert "Secure" in signed.headers["set-cookie"]


def test_without_a_public_address_nobodys_word_is_believed(live: Any) -> None:
    stranger = live.stranger()
    wrong = {"Authorization": "Bearer fg_00000000_wrong"}
    codes = [
        stranger.get("/api/v1/me", headers={**wrong, "X-Forwarded-For": f"9.9.9.{i}"}).status_code
        for i in range(11)
    ]
    assert codes == [*[401] * 10, 429]
    assert stranger.get("/healthz", headers=FACES).status_code == 421


def test_it_speaks_tls_with_a_certificate_of_its_own(facegate_home: Path) -> None:
    require(shutil.which("openssl"), "openssl")
    command = [sys.executable, "-m", "facegate", "serve", "--port", "0", "--tls-self-signed"]
    with subprocess.Popen(
        [*command, "--json", "-q"],
        env={**os.environ, "FACEGATE_HOME": str(facegate_home)},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        try:
            assert told["login"].startswith("https://127.0.0.1:")
            trusted = ssl.create_default_context(cafile=facegate_home / "serve-cert.pem")
            answer = urllib.request.urlopen(f"{told['address']}/healthz", context=trusted)
            assert json.load(answer) == {"status": "ok"}
            assert (facegate_home / "serve-key.pem").stat().st_mode & 0o077 == 0
        finally:
            server.terminate()
            server.wait(30)
