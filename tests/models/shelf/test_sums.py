"""Sums are right, remembered while a file stays as it was, and forgotten when it changes."""

import hashlib
import os
from pathlib import Path

import pytest

from facegate.models.shelf import sums
from facegate.models.shelf.sums import file_sum, fresh_sum


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read whole."""
    seen: list[Path] = []

    def counted(path: Path) -> str:
        seen.append(path)
        return fresh_sum(path)

    monkeypatch.setattr(sums, "fresh_sum", counted)
    return seen


def test_a_file_is_read_once(tmp_path: Path, empty_home: Path, reads: list[Path]) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    wanted = hashlib.sha256(b"abc").hexdigest()
    assert [file_sum(file), file_sum(file)] == [wanted, wanted]
    assert reads == [file]


def test_a_changed_file_is_read_again(tmp_path: Path, empty_home: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    before = file_sum(file)
    stamp = file.stat().st_mtime_ns
    file.write_bytes(b"abd")
    os.utime(file, ns=(stamp + 1, stamp + 1))
    assert file_sum(file) == hashlib.sha256(b"abd").hexdigest() != before


def test_a_replaced_file_of_the_same_age_is_read_again(tmp_path: Path, empty_home: Path) -> None:
    file, other = tmp_path / "weights", tmp_path / "other"
    file.write_bytes(b"abc")
    file_sum(file)
    stamp = file.stat().st_mtime_ns
    other.write_bytes(b"abd")
    os.utime(other, ns=(stamp, stamp))
    os.replace(other, file)
    assert file_sum(file) == hashlib.sha256(b"abd").hexdigest()


@pytest.mark.parametrize("contents", [b"", b"{", b"[]", b'{"x": 1}'])
def test_damaged_memory_costs_only_time(tmp_path: Path, empty_home: Path, contents: bytes) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    file_sum(file)
    (empty_home / "cache" / "sums.json").write_bytes(contents)
    assert file_sum(file) == hashlib.sha256(b"abc").hexdigest()


def test_a_home_that_cannot_be_written_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("FACEGATE_HOME", str(tmp_path / "file" / "below"))
    assert file_sum(tmp_path / "file") == hashlib.sha256(b"").hexdigest()


def test_memory_is_bounded(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "_KEPT_SUMS", 3)
    for number in range(5):
        (tmp_path / str(number)).write_bytes(b"abc")
        file_sum(tmp_path / str(number))
    text = (empty_home / "cache" / "sums.json").read_text()
    assert [str(tmp_path / str(n)) in text for n in range(5)] == [False, False, True, True, True]
