"""Old people go, all others stay."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from facegate.cli import run
from facegate.gallery import Gallery, Sample
from facegate.retention import expire, expired

MODEL = "toy-0123456789ab"
NOW = datetime.now(UTC)


def sample(number: int) -> Sample:
    vector = np.zeros(8, np.float32)
    vector[number] = 1
    return Sample(vector, 0.5, f"{number:064x}", 0)


def filled(path: Path) -> Gallery:
    gallery = Gallery.open(path, model_id=MODEL, create=True)
    gallery.enroll("Ada", [sample(0)])
    gallery.enroll("Grace", [sample(1)])
    return gallery


def test_who_has_a_newer_sample_stays(tmp_path: Path) -> None:
    with filled(tmp_path / "gallery.db") as gallery:
        between = datetime.now(UTC)
        gallery.enroll("Grace", [sample(2)])
        assert [person.name for person in expired(gallery, before=between)] == ["Ada"]
        assert expire(gallery, before=NOW - timedelta(days=1)) == []
        assert expire(gallery, before=between, actor="retention") == ["Ada"]
        assert [person.name for person in gallery.identities()] == ["Grace"]
        assert (gallery.history()[0].kind, gallery.history()[0].actor) == ("erase", "retention")


def test_the_command_lists_and_erases_only_when_told(
    facegate_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = facegate_home / "gallery.db"
    filled(path).close()
    command = ["gallery", "expire", "--days", "1", "--json"]
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out) == {"expired": [], "erased": False}
    long_ago = int((NOW - timedelta(days=2)).timestamp() * 1e6)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE identity SET created = ? WHERE name = 'Ada'", (long_ago,))
        db.execute("UPDATE sample SET created = ? WHERE identity_id = 1", (long_ago,))
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out) == {"expired": ["Ada"], "erased": False}
    assert run([*command, "--yes"]) == 0
    assert json.loads(capsys.readouterr().out) == {"expired": ["Ada"], "erased": True}
    with Gallery.open(path) as gallery:
        assert [person.name for person in gallery.identities()] == ["Grace"]
