"""Everything the doctor looks at, in one report."""

import platform
import sqlite3
import sys
from dataclasses import asdict, dataclass
from typing import Any

from facegate import __version__
from facegate.doctor.finding import Finding
from facegate.doctor.holdings import GalleryFacts, Model, default_gallery, models
from facegate.doctor.libraries import Probe, library_findings, probe_all
from facegate.doctor.machine import (
    Processor,
    cpu_findings,
    home_findings,
    places,
    processor,
    sqlite_findings,
)
from facegate.doctor.packages import installed_version, package_findings, requirements

PRECISION = "f32"
"""What every net computes in, on every machine."""

JOURNAL_MODE = "truncate"
"""SQLite's journal of a gallery, which is one file whenever nobody writes."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, and what is wrong.

    Attributes:
        versions: of each package that facegate needs; None where it is missing.
        cpu: the processor.
        openvino_devices: as OpenVINO names them; empty where it cannot be imported.
        cuda: name of the CUDA device that torch can use, or None.
        models: all known models.
        gallery: the default gallery, or None.
        places: where everything lies, by name.
        findings: what is wrong.
    """

    versions: dict[str, str | None]
    cpu: Processor
    openvino_devices: tuple[str, ...]
    cuda: str | None
    models: tuple[Model, ...]
    gallery: GalleryFacts | None
    places: dict[str, str]
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON's types."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "facegate": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "versions": self.versions,
            "devices": {
                "cpu": asdict(self.cpu),
                "openvino": list(self.openvino_devices),
                "cuda": self.cuda,
                "precision": PRECISION,
            },
            "sqlite": {"version": sqlite3.sqlite_version, "journal_mode": JOURNAL_MODE},
            "models": [asdict(model) for model in self.models],
            "gallery": None if self.gallery is None else asdict(self.gallery),
            "places": self.places,
        }


def examine() -> Report:
    """Look at everything. Takes some seconds: the large packages are imported to see if they can.

    Nothing is written but a file without a name, which goes at once.
    """
    cpu = processor()
    findings = [*package_findings(), *cpu_findings(cpu), *sqlite_findings(), *home_findings()]
    probes = probe_all()
    findings += [new for new in library_findings(probes) if new not in findings]
    found, problems = models()
    gallery, gallery_problems = default_gallery()
    return Report(
        versions={needed.name: installed_version(needed.name) for needed in requirements()},
        cpu=cpu,
        openvino_devices=tuple(filter(None, _printed(probes, "openvino").split(","))),
        cuda=_cuda(probes),
        models=tuple(found),
        gallery=gallery,
        places={**places(), "python": sys.executable},
        findings=(*findings, *problems, *gallery_problems),
    )


def _printed(probes: list[Probe], package: str) -> str:
    return next(probe.output for probe in probes if probe.package == package)


def _cuda(probes: list[Probe]) -> str | None:
    name = _printed(probes, "torch")
    return name if name not in ("", "False") else None
