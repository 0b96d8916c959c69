"""A full disk and a killed server: refused in words, and nothing acknowledged is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facegate.client import ApiError, Client
from facegate.gallery import Gallery
from facegate.server.access.database import Database
from facegate.server.access.keys import Keys
from tests.app.server.conftest import GENEROUS, living

Pictures = dict[str, Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    yield disk if mounted else tmp_path / "none"
    if mounted:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_507_and_nothing_is_lost(
    small_disk: Path, facegate_home: Path, pictures: Pictures
) -> None:
    if not small_disk.exists():
        return  # no right to mount one; the gallery's own tests limit the size of files instead
    with living(small_disk, GENEROUS) as live:
        client = live.client("admin")
        people = "/api/v1/collections/default/identities"
        photo = pictures["ada-1"].read_bytes()
        first = client.post(people, params={"name": "Ada"}, content=photo)
        assert first.status_code == 201
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        full = client.post(people, params={"name": "Bea"}, content=pictures["grace-1"].read_bytes())
        assert (full.status_code, full.json()["error"]["code"]) == (507, "disk_full"), full.text
        assert client.get(people).json()["total"] == 1
        filler.unlink()
        again = client.post(
            people, params={"name": "Bea"}, content=pictures["grace-1"].read_bytes()
        )
        assert again.status_code == 201
        assert client.get(people).json()["total"] == 2


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


def test_killed_in_an_enrolment_it_has_all_that_was_acknowledged(
    facegate_home: Path, pictures: Pictures
) -> None:
    database = Database(facegate_home)
    key, _ = Keys(database).create("test", ["admin"])
    database.close()
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
