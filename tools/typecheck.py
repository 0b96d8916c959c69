"""Rebuild ``.typecheck/facegate``: type checkers do not read setuptools' ``package-dir``."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build() -> Path:
    """Link the three source folders together as the package that they are installed as."""
    package = ROOT / ".typecheck" / "facegate"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for entry in (ROOT / "app").iterdir():
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    for folder in ("models", "data"):
        (package / folder).symlink_to(ROOT / folder)
    return package


if __name__ == "__main__":
    print(build())
