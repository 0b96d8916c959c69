"""``facegate gallery``: every command, its JSON, its exit status, one line an error."""

import dataclasses
import errno
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facegate import cli
from facegate.gallery import Gallery, Sample

MODEL = "test-net-0123456789ab"
Run = Callable[..., tuple[int, str, str]]


def samples(n: int, tag: str) -> list[Sample]:
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(tag.encode()).digest()[:8]))
    rows = rng.standard_normal((n, 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return [
        Sample(row.astype(np.float32), 0.5, hashlib.sha256(f"{tag}{k}".encode()).hexdigest(), 0)
        for k, row in enumerate(rows)
    ]


@pytest.fixture
def path(facegate_home: Path) -> Path:
    """The default gallery with Ada (3 samples), Bob (2) and -x (1)."""
    with Gallery.open(facegate_home / "gallery.db", model_id=MODEL, create=True) as gallery:
        for name, n in (("Ada", 3), ("Bob", 2), ("-x", 1)):
            gallery.enroll(name, samples(n, name))
    return facegate_home / "gallery.db"


@pytest.fixture
def run(path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``facegate gallery …``; return exit status, stdout and stderr."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        status = cli.run(["gallery", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return call


def error_of(answer: tuple[int, str, str], status: int) -> str:
    """Return the one line of a refused command."""
    assert answer[0] == status
    assert answer[1] == ""
    assert answer[2].startswith("facegate: ")
    assert answer[2].count("\n") == 1
    return answer[2]


def json_of(answer: tuple[int, str, str], status: int = 0) -> dict[str, Any]:
    assert answer[0] == status, answer
    found: dict[str, Any] = json.loads(answer[1])
    return found


def test_list(run: Run) -> None:
    status, out, err = run("list")
    assert (status, out) == (0, "-x: 1 sample\nAda: 3 samples\nBob: 2 samples\n")
    assert err == f"3 people, model {MODEL}\n"
    found = json_of(run("list", "--json"))
    assert set(found) == {"identities", "model"}
    assert found["model"] == MODEL
    assert [set(one) for one in found["identities"]] == [{"id", "name", "samples", "created"}] * 3
    assert [one["name"] for one in json_of(run("list", "AD", "--json"))["identities"]] == ["Ada"]
    assert run("list", "-q")[2] == ""


def test_show(run: Run) -> None:
    status, out, _ = run("show", "ada")
    assert status == 0
    assert out.startswith(f"Ada: identity 1, 3 samples, model {MODEL}\n")
    assert out.count("\n  sample ") == 3
    assert "local: enrolled Ada: 3 samples" in out
    found = json_of(run("show", "ada", "--json"))
    assert set(found) == {"identity", "created", "samples", "operations", "model"}
    assert found["samples"][0]["crop"] is False


def test_rename_and_undo(run: Run) -> None:
    assert run("rename", "Ada", "Ada Lovelace")[:2] == (0, "renamed Ada to Ada Lovelace\n")
    assert "'Bob' is enrolled already: use 'facegate gallery merge'" in error_of(
        run("rename", "Ada Lovelace", "bob"), 2
    )
    status, out, _ = run("undo")
    assert (status, out) == (0, "took back number 4: renamed Ada to Ada Lovelace\n")


def test_merge(run: Run) -> None:
    found = json_of(run("merge", "Bob", "Ada", "--json"))
    assert found["operation"]["text"] == "merged Bob into Ada: 2 samples"
    assert set(found["operation"]) == {
        *("seq", "uid", "kind", "at", "actor", "identity_id", "text", "undone_by")
    }


def test_remove_and_undo_by_number(run: Run) -> None:
    assert run("remove", "Ada")[:2] == (0, "removed Ada: 3 samples\n")
    assert run("remove", "Bob")[0] == 0
    assert run("undo", "4")[:2] == (0, "took back number 4: removed Ada: 3 samples\n")
    assert "nobody is enrolled as 'Bob'" in error_of(run("remove", "Bob"), 2)


def test_remove_a_sample(run: Run) -> None:
    assert run("remove", "Ada", "--sample", "2")[:2] == (0, "removed a sample of Ada\n")
    assert "'Ada' has no sample 4" in error_of(run("remove", "Ada", "--sample", "4"), 2)
    assert "is the only one of '-x'" in error_of(run("remove", "--sample", "6", "--", "-x"), 2)


def test_a_name_with_a_leading_hyphen(run: Run) -> None:
    assert run("rename", "--", "-x", "--help")[:2] == (0, "renamed -x to --help\n")
    assert run("show", "--", "--help")[0] == 0


def test_erase(run: Run, path: Path) -> None:
    assert "'Ada' is not erased without a yes" in error_of(run("erase", "Ada"), 2)
    copy = path.with_name("gallery.db.replaced-20260101T000000Z")
    copy.touch()
    status, out, err = run("erase", "Ada", "--yes")
    assert (status, out) == (0, "erased 'Ada'\n")
    assert f"copies made before may still hold them, delete them: {copy.name}" in err
    assert "backups and exports made before are yours to delete" in err
    assert "cannot be taken back" in error_of(run("undo"), 2)
    assert b"Ada" not in path.read_bytes()


def test_history(run: Run) -> None:
    run("rename", "Bob", "Robert")
    status, out, _ = run("history", "--limit", "2")
    assert status == 0
    assert [line.split("local: ")[1] for line in out.splitlines()] == [
        "renamed Bob to Robert",
        "enrolled -x: 1 sample",
    ]
    assert len(json_of(run("history", "robert", "--json"))["operations"]) == 2


def test_check(run: Run, path: Path) -> None:
    assert run("check")[:2] == (0, f"{path} is sound\n")
    assert json_of(run("check", "--json")) == {"findings": []}
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    status, out, err = run("check")
    assert (status, err) == (1, "")
    assert out
    assert json_of(run("check", "--json"), 1)["findings"][0]["code"] == "structure"


def test_backup_and_restore(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert run("backup", copy)[:2] == (0, f"{copy}: 3 people, 6 samples\n")
    assert "exists already: name a new file" in error_of(run("backup", copy), 2)
    run("erase", "Ada", "--yes")
    status, out, err = run("restore", copy)
    assert status == 0
    assert ": 2 people, restored from" in out
    assert "what was there before is kept as" in err
    assert "erased again: 1 person who had been erased since the backup" in err
    found = json_of(run("restore", copy, "--json"))
    assert set(found) == {"gallery", "identities", "erased_again", "replaced"}
    line = error_of(run("restore", tmp_path / "missing.db"), 2)
    assert line == f"facegate: there is no backup {tmp_path / 'missing.db'}: name another backup\n"


def test_a_damaged_gallery_is_restored(run: Run, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    run("backup", copy)
    path.write_bytes(b"x" * 10_000)
    assert "is not a gallery" in error_of(run("list"), 2)
    status, _, err = run("restore", copy)
    assert status == 0
    assert "does not say who was erased since: erase them again" in err
    assert run("check")[0] == 0


def test_export_and_import(run: Run, tmp_path: Path) -> None:
    file, other = tmp_path / "people.zip", tmp_path / "new" / "other.db"
    assert run("export", file)[:2] == (0, f"{file}: 3 people, 6 samples\n")
    status, out, _ = run("import", file, "--gallery", other)
    assert (status, out) == (0, "imported 6 samples, 3 people new\n")
    assert run("check", "--gallery", other)[0] == 0
    again = json_of(run("import", file, "--gallery", other, "--json"))
    assert again == {"identities": 0, "joined": 0, "samples": 0, "known": 6, "erased": 0}
    file.write_bytes(b"PK no zip")
    missing = tmp_path / "never.db"
    line = error_of(run("import", file, "--gallery", missing), 2)
    assert "cannot be imported, it is no whole export: export the gallery again" in line
    assert not missing.exists()
    gone = tmp_path / "gone.zip"
    line = error_of(run("import", gone, "--gallery", missing), 2)
    assert line == f"facegate: there is no export {gone}: name another file\n"


@pytest.mark.parametrize("command", ["backup", "export", "restore"])
def test_a_folder_that_cannot_be_written_to_is_4_and_named_as_it_was_given(
    run: Run, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, locked = tmp_path / "copy.db", tmp_path / "locked"
    run("backup", copy)
    locked.mkdir()
    real_open, real_unlink = os.open, Path.unlink

    def refuse(path: Any) -> None:  # root may write everywhere, so chmod would not do
        if Path(path).parent == locked:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def fails(path: Any, *args: Any, **others: Any) -> int:
        refuse(path)
        return real_open(path, *args, **others)

    def unlinks(path: Path, missing_ok: bool = False) -> None:
        refuse(path)
        real_unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(os, "open", fails)
    monkeypatch.setattr(Path, "unlink", unlinks)
    target = locked / "x.db"
    arguments = (copy, "--gallery", target) if command == "restore" else (target,)
    line = error_of(run(command, *arguments), 4)
    assert line.startswith(f"facegate: {target} cannot be written, Read-only file system")


def test_expire(run: Run, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("expire", "--days", "1")[:2] == (0, "nobody is older than 1 day\n")
    monkeypatch.setattr("facegate.cli.gallery_expire.timedelta", lambda days: -timedelta(days=1))
    status, out, _ = run("expire", "--days", "1")
    assert (status, out.splitlines()) == (
        0, ["would erase -x", "would erase Ada", "would erase Bob"]
    )  # fmt: skip
    assert run("list")[1].count("\n") == 3
    assert json_of(run("expire", "--days", "1", "--yes", "--json")) == {
        "expired": ["-x", "Ada", "Bob"],
        "erased": True,
    }
    assert run("list")[1] == ""


def test_ctrl_c_in_an_expiry_says_who_is_gone(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    erase = Gallery.erase

    def stopped_at_ada(self: Gallery, name: str, **others: Any) -> Any:
        if name == "Ada":
            raise KeyboardInterrupt
        return erase(self, name, **others)

    monkeypatch.setattr("facegate.cli.gallery_expire.timedelta", lambda days: -timedelta(days=1))
    monkeypatch.setattr(Gallery, "erase", stopped_at_ada)
    assert cli.run(["gallery", "expire", "--days", "1", "--yes"]) == 130
    said = capsys.readouterr().err
    assert re.fullmatch(r"facegate: stopped: saved: .*\b3\b.*; that cannot be taken back\n", said)


def test_import_of_another_model(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    Gallery.open(other, model_id="another", create=True).close()
    run("export", tmp_path / "people.zip")
    line = error_of(run("import", tmp_path / "people.zip", "--gallery", other), 2)
    assert f"holds templates of model another, not of {MODEL}" in line


def test_import_says_who_was_known_and_who_is_left_out(run: Run, tmp_path: Path) -> None:
    run("export", tmp_path / "people.zip")
    run("erase", "Ada", "--yes")
    run("remove", "Bob", "--sample", "4")
    status, out, err = run("import", tmp_path / "people.zip")
    assert (status, out) == (0, "imported 1 sample, 0 people new\n")
    assert "known by name, so got the samples: 1 person" in err
    assert "there before: 2 samples" in err
    assert "left out, as erased from this gallery: 1 person" in err


def test_reembed(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from facegate.models import zoo

    class Net:
        model_id = "new-ba9876543210"
        card = SimpleNamespace(name="new", dim=8, input_size=16)

        def __call__(self, crops: Any) -> Any:
            rows = crops.reshape(len(crops), 8, -1).astype(np.float32).mean(axis=2)
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    crop = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), 99, np.uint8)).save(crop, "PNG")
    with Gallery.open(path) as gallery:
        for name in ("Bob", "-x"):
            gallery.remove(name)
        gallery.remove("Ada")
        (one,) = samples(1, "Eve")
        gallery.enroll("Eve", [dataclasses.replace(one, crop=crop.getvalue())])
        gallery.set_setting("calibration", json.dumps({"format": 1, "model": MODEL}))
    monkeypatch.setattr(zoo, "load_embedder", lambda _name, *, device: Net())
    status, out, err = run("reembed", "--model", "new")
    assert "its calibration was made for another model and rests" in err
    assert (status, out) == (0, f"moved from model {MODEL} to new-ba9876543210\n")
    assert json_of(run("list", "--json"))["model"] == "new-ba9876543210"


def test_reembed_without_crops(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from facegate.models import zoo

    net = SimpleNamespace(model_id="new-ba9876543210", card=SimpleNamespace(name="new"))
    monkeypatch.setattr(zoo, "load_embedder", lambda _name, *, device: net)
    line = error_of(run("reembed", "--model", "new"), 2)
    assert "6 of 6 samples have no kept crop" in line
    assert "--keep-crops" in line


def test_a_missing_gallery(run: Run, tmp_path: Path) -> None:
    for command in (
        *(["list"], ["show", "a"], ["rename", "a", "b"], ["merge", "a", "b"], ["remove", "a"]),
        *(["erase", "a", "--yes"], ["undo"], ["history"], ["check"], ["backup", tmp_path / "x"]),
        *(["export", tmp_path / "x"],),
    ):
        line = error_of(run(*command, "--gallery", tmp_path / "none.db"), 2)
        assert "there is no gallery" in line
        assert "enrol somebody first" in line
    assert list(tmp_path.glob("none*")) == []


def test_an_error_as_json(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("show", "Adda", "--json")
    assert status == 2
    error = json.loads(out)["error"]
    assert (error["code"], error["hint"]) == ("unknown_identity", "did you mean 'Ada'?")


def test_names_cannot_confuse_the_terminal(run: Run, tmp_path: Path) -> None:
    line = error_of(run("show", "a\x1b[31m\u202eb"), 2)
    assert "\x1b" not in line
    assert "\u202e" not in line
    line = error_of(run("backup", tmp_path / "a\x1b[31m" / "x.db"), 2)
    assert "\x1b" not in line


def test_ctrl_c_says_what_is_true(path: Path) -> None:
    """The writer waits for a reader, so that Ctrl-C comes before the COMMIT."""
    with Gallery.open(path, read_only=True) as reader, reader._store.reading() as db:
        db.execute("SELECT count(*) FROM op").fetchall()
        process = subprocess.Popen(
            [sys.executable, "-m", "facegate", "gallery", "remove", "Ada"],
            stderr=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip
        journal = Path(f"{path}-journal")
        deadline = time.monotonic() + 20
        while not journal.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == "facegate: stopped: nothing was changed\n"
    with Gallery.open(path) as gallery:
        assert gallery.count() == (3, 6)


def test_ctrl_c_after_the_commit_says_what_was_saved(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facegate.gallery.store import Store

    commit = Store._commit

    def interrupted(self: Store, *values: Any) -> None:
        commit(self, *values)
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "_commit", interrupted)
    status, _, err = run("remove", "Ada")
    assert status == 130
    assert "saved: removed Ada: 3 samples; 'facegate gallery undo' takes the last one back" in err
    status, _, err = run("erase", "Bob", "--yes")
    assert status == 130
    assert "saved: erased identity 2; that cannot be taken back" in err
