import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from facegate.cli.doctor import command
from facegate.doctor import examination
from facegate.doctor.finding import Finding
from facegate.doctor.holdings import Model, models
from facegate.doctor.libraries import PROBES, Probe
from facegate.gallery import Gallery
from facegate.models import zoo
from facegate.models.shelf import install


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> Path:
    """An empty home, sound models, and imports that take no time and succeed."""
    printed = {"torch": "False", "openvino": "CPU,NPU"}
    probes = [Probe(name, 0, printed.get(name, "")) for name in PROBES]
    monkeypatch.setattr(examination, "probe_all", lambda: probes)
    monkeypatch.setattr(examination, "models", lambda: ([Model("facegate-1", True, True)], []))
    return empty_home


def test_a_sound_machine_ends_with_status_0(quick: Path) -> None:
    done = CliRunner().invoke(command, standalone_mode=False)
    assert done.return_value == 0, done.output
    assert done.output.endswith("nothing is wrong\n")
    assert "OpenVINO on CPU, NPU, in f32" in done.output
    assert not quick.exists()


def test_json_has_every_key(quick: Path) -> None:
    done = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    report = json.loads(done.output)
    assert report["findings"] == []
    assert report["devices"]["cuda"] is None
    assert report["devices"]["precision"] == "f32"
    assert report["sqlite"] == {"version": sqlite3.sqlite_version, "journal_mode": "truncate"}
    assert report["gallery"] is None
    assert report["places"]["home"] == str(quick)
    assert set(report["versions"]) > {"numpy", "torch", "torchvision"}
    assert {"name", "installed", "sound"} == set(report["models"][0])


def test_findings_end_with_status_1(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Finding("packages", "scipy is not installed", "install it")
    monkeypatch.setattr(examination, "package_findings", lambda: iter([wrong]))
    done = CliRunner().invoke(command, standalone_mode=False)
    assert done.return_value == 1
    assert done.output.endswith("1 found:\npackages: scipy is not installed: install it\n")


def test_a_gallery_that_is_none_is_a_finding(quick: Path) -> None:
    quick.mkdir()
    (quick / "gallery.db").write_text("no database")
    report = examination.examine()
    assert [finding.topic for finding in report.findings] == ["gallery"]
    assert report.gallery is None


def test_a_gallery_of_a_model_that_is_not_here_is_a_finding(quick: Path) -> None:
    with Gallery.open(quick / "gallery.db", model_id="other-0123456789ab", create=True):
        pass
    report = examination.examine()
    assert report.gallery is not None
    assert (report.gallery.model, report.gallery.n_identities) == ("other-0123456789ab", 0)
    (finding,) = report.findings
    assert "other-0123456789ab is not installed" in finding.message


def test_models_are_checked_against_their_sums(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = install.Finding("vggface2", "its file is cut off", "install it again")
    monkeypatch.setattr(zoo, "installed", lambda card: card.name == "vggface2")
    monkeypatch.setattr(install, "verify", lambda name: [wrong])
    found, findings = models()
    assert {(model.name, model.installed, model.sound) for model in found} >= {
        ("vggface2", True, False),
        ("casia-webface", False, None),
    }
    assert findings[0] == Finding("models", "its file is cut off", "install it again")


def test_a_missing_default_model_is_a_finding(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "installed", lambda card: False)
    _, (finding,) = models()
    assert "facegate-1 is not installed" in finding.message


def test_a_cuda_device_is_named(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probes = [Probe(name, 0, "Card" if name == "torch" else "") for name in PROBES]
    monkeypatch.setattr(examination, "probe_all", lambda: probes)
    assert examination.examine().cuda == "Card"
