"""``facegate keys`` and what ``facegate serve`` refuses; the server itself is tested elsewhere."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from facegate.cli import run


def out(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_key_is_made_listed_and_revoked(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "create", "door", "--scope", "identify", "--days", "7", "--json"]) == 0
    made = out(capsys)
    assert made["key"].startswith(f"fg_{made['id']}_")
    assert (empty_home / "keys.db").stat().st_mode & 0o077 == 0
    assert run(["keys", "list", "--json"]) == 0
    (listed,) = out(capsys)["keys"]
    assert (listed["name"], listed["scopes"]) == ("door", ["identify"])
    assert "key" not in listed
    assert run(["keys", "revoke", made["id"]]) == 0
    assert run(["keys", "revoke", made["id"]]) == 2
    assert "there is no key" in capsys.readouterr().err


def test_an_open_address_without_keys_is_refused(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2
    error = capsys.readouterr().err
    assert "no API keys" in error
    assert "facegate keys create" in error


def test_a_wrong_public_address_is_refused(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--public-url", "faces.example/x"]) == 2
    assert "cannot be the public address" in capsys.readouterr().err


def test_a_file_that_holds_no_keys_is_named(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty_home.mkdir()
    (empty_home / "keys.db").write_text("no database at all, but long enough to be one" * 9)
    for command in (["serve", "--port", "0"], ["keys", "list"]):
        assert run(command) == 2
        error = capsys.readouterr().err
        assert "keys.db, where keys and settings are kept, cannot be read" in error
        assert "--gallery" not in error


def test_a_home_that_cannot_be_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FACEGATE_HOME", str(tmp_path / "file" / "home"))
    assert run(["keys", "list"]) == 2
    assert "set FACEGATE_HOME to a folder of your own" in capsys.readouterr().err


def test_a_key_for_an_impossible_collection_is_refused(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "create", "x", "--scope", "admin", "--collection", "../x"]) == 2
    assert "no collection can be called '../x'" in capsys.readouterr().err


def test_the_server_starts_prints_its_link_and_stops(facegate_home: Path) -> None:
    command = [sys.executable, "-m", "facegate", "serve", "--port", "0", "--json", "-q"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ, text=True)
    try:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        with urllib.request.urlopen(f"{told['address']}/healthz", timeout=60) as answer:
            assert json.load(answer) == {"status": "ok"}
        assert told["login"].startswith(f"{told['address']}/#login=")
    finally:
        server.send_signal(signal.SIGTERM)
        with server:
            assert server.wait(timeout=60) == 0
