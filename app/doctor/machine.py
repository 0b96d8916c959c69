"""What this machine is: processor, memory, SQLite, and the places where files lie."""

import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facegate.doctor.finding import Finding
from facegate.models.home import home

_INSTRUCTIONS = (
    "sse4_2",
    "avx",
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimd",  # from here on ARM
    "bf16",
    "i8mm",
)
_OLDEST_SQLITE = (3, 37, 0)  # the first that knows STRICT tables
_LITTLE_SPACE_BYTES = 500_000_000  # a gallery of 10,000 templates with crops, and the cached nets


@dataclass(frozen=True, slots=True)
class Processor:
    """The CPU as nets see it.

    Attributes:
        name: as the system gives it, or empty.
        n_cores: that this process may use.
        instructions: those that matter for nets, in the system's spelling.
    """

    name: str
    n_cores: int
    instructions: tuple[str, ...]

    @property
    def has_bf16(self) -> bool:
        """Return whether OpenVINO, left alone, would compute in bf16 here."""
        return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(self.instructions)


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Processor:
    """Return what is known of this CPU; instructions are known on Linux only."""
    fields: dict[str, str] = {}
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    has = set((fields.get("flags") or fields.get("Features") or "").split())
    count = getattr(os, "sched_getaffinity", None)
    return Processor(
        name=fields.get("model name") or platform.processor(),
        n_cores=len(count(0)) if count else os.cpu_count() or 1,
        instructions=tuple(name for name in _INSTRUCTIONS if name in has),
    )


def cpu_findings(cpu: Processor) -> Iterator[Finding]:
    """Yield a finding if this CPU is too old for the packages' builds."""
    if platform.machine() in ("x86_64", "AMD64") and cpu.instructions:
        missing = [name for name in ("sse4_2", "avx", "avx2") if name not in cpu.instructions]
        if missing:
            yield Finding(
                "cpu",
                f"this CPU lacks {', '.join(missing)}, which OpenVINO, faiss and torch expect",
                "use a machine whose CPU has AVX2 (2013 and later)",
            )


def sqlite_findings(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Iterator[Finding]:
    """Yield a finding if SQLite does not know STRICT tables."""
    if version < _OLDEST_SQLITE:
        yield Finding(
            "sqlite",
            f"SQLite is {'.'.join(map(str, version))}, and galleries need 3.37 for STRICT tables",
            "use a newer Python: its own builds bring a newer SQLite",
        )


def places() -> dict[str, str]:
    """Return where everything lies, by name."""
    return {
        "home": str(home()),
        "gallery": str(home() / "gallery.db"),
        "models": str(home() / "models"),
        "cache": str(home() / "cache"),
        "package": str(Path(__file__).resolve().parents[1]),
    }


def home_findings() -> Iterator[Finding]:
    """Yield what keeps facegate from writing where it keeps its files."""
    folder = home()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        yield Finding(
            "home",
            f"{home()} cannot be written to ({reason})",
            "set FACEGATE_HOME to a folder that can",
        )
        return
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_SPACE_BYTES:
        yield Finding(
            "home",
            f"{free // 1_000_000} MB are free where {home()} lies",
            "free some space, or set FACEGATE_HOME to a folder elsewhere",
        )
