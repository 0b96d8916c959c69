import signal

import pytest

from facegate.doctor import libraries
from facegate.doctor.libraries import Probe, library_findings, run_probe


def test_a_package_that_can_be_imported_is_no_finding() -> None:
    probe = run_probe("opencv-python", libraries.PROBES["opencv-python"])
    assert probe == Probe("opencv-python", 0)
    assert list(library_findings([probe])) == []


def test_a_failing_import_gives_its_last_line() -> None:
    probe = run_probe("x", "print('out'); import nothing_of_that_name")
    assert probe.status == 1
    assert probe.output == "out"
    (finding,) = library_findings([probe])
    assert finding.message.startswith("x cannot be imported (ModuleNotFoundError: ")


def test_a_process_that_dies_of_an_unknown_instruction_blames_the_cpu() -> None:
    probe = run_probe("x", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert probe.status == -signal.SIGILL
    (finding,) = library_findings([probe])
    assert finding.topic == "cpu"


def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "TIMEOUT_S", 0.2)
    probe = run_probe("x", "import time; time.sleep(60)")
    assert probe.status is None
    (finding,) = library_findings([probe])
    assert "not imported within" in finding.message


def test_missing_libraries_are_named_with_the_debian_packages_that_bring_them() -> None:
    said = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    findings = library_findings(
        [Probe("opencv-python", 1, error=said)], is_loadable=lambda name: name == "libxcb.so.1"
    )
    (finding,) = findings
    assert finding.topic == "libraries"
    expected = "opencv-python needs libGL.so.1, libglib-2.0.so.0, libgthread-2.0.so.0"
    assert finding.message == expected
    assert finding.hint.endswith("apt-get install --no-install-recommends libgl1 libglib2.0-0")


def test_a_library_that_nobody_knows_is_named_all_the_same() -> None:
    said = "OSError: libodd-3.so.7: cannot open shared object file: No such file or directory"
    (finding,) = library_findings([Probe("faiss-cpu", 1, error=said)])
    assert finding.message == "faiss-cpu needs libodd-3.so.7"
    assert "apt-get" not in finding.hint


def test_the_operator_that_mixed_builds_lack_is_recognised() -> None:
    said = "RuntimeError: operator torchvision::nms does not exist"
    (finding,) = library_findings([Probe("torchvision", 1, error=said)])
    assert finding.message == "torch and torchvision come from different builds"
