"""A full disk and a killed server: refused in words, and nothing acknowledged is lost."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from facegate.client import ApiError, Client
from facegate.gallery import Gallery
from facegate.server.access.database import Database
from facegate.server.access.keys import Keys
from tests.conftest import require

Pictures = dict[str, Path]


def started(home: Path) -> tuple["subprocess.Popen[str]", str]:
    """Run the true command and return it with its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "facegate", "serve", "--port", "0", "--json", "-q"],
        env={**os.environ, "FACEGATE_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    return server, json.loads(server.stdout.readline())["address"]


def made_key(home: Path) -> str:
    database = Database(home)
    key, _ = Keys(database).create("test", ["admin"])
    database.close()
    return key


def test_a_full_disk_is_507_and_nothing_is_lost(facegate_home: Path, pictures: Pictures) -> None:
    require(hasattr(resource, "prlimit"), "a system that limits the files of another process")
    prlimit = resource.prlimit
    key = made_key(facegate_home)
    server, address = started(facegate_home)
    unlimited = prlimit(server.pid, resource.RLIMIT_FSIZE)
    try:
        with Client(address, key=key) as client:
            client.enroll("Ada", [pictures["ada-1"]])
            database = Database(facegate_home)
            with database.transaction() as db:
                db.execute("UPDATE key SET used = 1")  # so that its use would be noted
            database.close()
            prlimit(server.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
            with pytest.raises(ApiError) as full:
                client.enroll("Bea", [pictures["grace-1"]])
            assert (full.value.status, full.value.code) == (507, "disk_full")
            assert client.identities()["total"] == 1
            assert client.identify(pictures["ada-2"])["faces"][0]["decision"] == "match"
            prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
            time.sleep(1)  # an enrolment a second
            client.enroll("Bea", [pictures["grace-1"]])
            assert client.identities()["total"] == 2
    finally:
        server.terminate()
        with server:
            assert server.wait(60) == 0
    with Gallery.open(facegate_home / "gallery.db") as gallery:
        assert gallery.check() == []


def test_killed_in_an_enrolment_it_has_all_that_was_acknowledged(
    facegate_home: Path, pictures: Pictures
) -> None:
    key = made_key(facegate_home)
    photo = pictures["ada-1"].read_bytes()
    acknowledged: list[str] = []
    for turn in range(2):
        server, address = started(facegate_home)
        begun = time.monotonic()
        with Client(address, key=key) as client:
            for number in range(1000):
                name = f"p{turn}-{number}"
                try:
                    client.enroll(name, [photo], allow_duplicate=True, op_uid=f"{turn}-{number}")
                except ApiError as error:
                    if error.code == "rate_limited":
                        time.sleep(error.retry_after or 1)
                        continue
                    if error.code != "no_answer":
                        raise
                    break
                acknowledged.append(name)
                if time.monotonic() - begun > 1 + turn:
                    os.kill(server.pid, signal.SIGKILL)
        server.wait(30)
        if server.stdout is not None:
            server.stdout.close()
    with Gallery.open(facegate_home / "gallery.db") as gallery:
        kept = {person.name for person in gallery.identities()}
        assert gallery.check() == []
    assert acknowledged
    assert set(acknowledged) <= kept


def test_a_lost_answer_is_had_again_by_its_uid(
    facegate_home: Path, pictures: Pictures, live: Any
) -> None:
    with Client(live.address, key=live.key("admin")) as client:
        first = client.enroll("Ada", [pictures["ada-1"]], op_uid="u1")
        again = client.enroll("Ada", [pictures["ada-1"]], op_uid="u1")
        assert first["identity"] == again["identity"]
        assert len(client.history()) == 1
