"""Which packages are installed, and do they fit together? Asked without importing any of them."""

from collections.abc import Callable, Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.version import Version

from facegate.doctor.finding import Finding

_REINSTALL = "run facegate with `uv run`, or install it again in a new virtual environment"
_OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)

Lookup = Callable[[str], str | None]


def installed_version(package: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def requirements() -> list[Requirement]:
    """Return what facegate itself needs, optional extras left out."""
    found = [Requirement(line) for line in metadata.requires("facegate") or []]
    return [r for r in found if r.marker is None or r.marker.evaluate({"extra": ""})]


def package_findings(version_of: Lookup = installed_version) -> Iterator[Finding]:
    """Yield packages that are missing, of another version, or that do not fit together."""
    for needed in requirements():
        version = version_of(needed.name)
        if version is None:
            yield Finding("packages", f"{needed.name} is not installed", _REINSTALL)
        elif not needed.specifier.contains(version, prereleases=True):
            yield Finding(
                "packages",
                f"{needed.name} is {version}, and facegate needs {needed.specifier}",
                _REINSTALL,
            )
    yield from _torch_pair(version_of("torch"), version_of("torchvision"))
    twins = [name for name in _OPENCV if version_of(name) is not None]
    if len(twins) > 1:
        yield Finding(
            "packages",
            f"{' and '.join(twins)} are installed over each other",
            f"uninstall both, then install {twins[0]} alone",
        )


def _torch_pair(torch: str | None, torchvision: str | None) -> Iterator[Finding]:
    """Yield a finding unless the two were built for each other.

    They move as a pair, torch 2.N with torchvision 0.(N + 15), and from one index: a torchvision
    built against a CUDA torch cannot be imported beside a CPU-only torch of the same version.
    """
    if torch is None or torchvision is None:
        return
    one, other = Version(torch), Version(torchvision)
    if one.major == 2 and other.major == 0 and other.minor != one.minor + 15:
        yield Finding(
            "packages",
            f"torch {torch} and torchvision {torchvision} are no pair: "
            f"torch {one.major}.{one.minor} goes with torchvision 0.{one.minor + 15}",
            _REINSTALL,
        )
    elif one.local != other.local:
        yield Finding(
            "packages",
            f"torch {torch} and torchvision {torchvision} come from different builds",
            "install both from the same package index",
        )
