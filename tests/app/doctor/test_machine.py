import errno
import os
import platform
import shutil
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest

from facegate.doctor.machine import (
    Processor,
    cpu_findings,
    home_findings,
    places,
    processor,
    sqlite_findings,
)


def test_instructions_are_read_from_the_system(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("model name\t: Some CPU\nflags\t\t: fpu avx sse4_2 avx2 amx_bf16\n")
    cpu = processor(file)
    assert (cpu.name, cpu.instructions) == ("Some CPU", ("sse4_2", "avx", "avx2", "amx_bf16"))
    assert cpu.has_bf16
    assert cpu.n_cores >= 1


def test_arm_names_its_instructions_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("Features\t: fp asimd i8mm bf16\n")
    assert processor(file).instructions == ("asimd", "bf16", "i8mm")


def test_without_the_file_nothing_is_claimed(tmp_path: Path) -> None:
    cpu = processor(tmp_path / "none")
    assert cpu.instructions == ()
    assert not cpu.has_bf16
    assert list(cpu_findings(cpu)) == []


def test_a_cpu_without_avx2_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    (finding,) = cpu_findings(Processor("old", 2, ("sse4_2", "avx")))
    assert "lacks avx2" in finding.message


def test_an_old_sqlite_is_a_finding() -> None:
    assert list(sqlite_findings((3, 37, 0))) == []
    (finding,) = sqlite_findings((3, 36, 9))
    assert "3.36.9" in finding.message


def test_places_follow_the_home(empty_home: Path) -> None:
    assert places()["gallery"] == str(empty_home / "gallery.db")
    assert Path(places()["package"], "errors.py").is_file()


def test_a_home_that_does_not_exist_yet_is_fine_and_stays_so(empty_home: Path) -> None:
    assert list(home_findings()) == []
    assert not empty_home.exists()


def test_a_home_that_cannot_be_written_to(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:  # root may write everywhere, so that chmod would not do
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    (finding,) = home_findings()
    assert "read-only file system" in finding.message
    assert "FACEGATE_HOME" in finding.hint


def test_little_space_is_a_finding(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 9_000_000))
    (finding,) = home_findings()
    assert finding.message.startswith("9 MB are free")
