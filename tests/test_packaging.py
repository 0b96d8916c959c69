"""The wheel holds the tree, all of it and nothing else. An editable install would hide a gap."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import facegate

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"app": "facegate", "models": "facegate/models", "data": "facegate/data"}


def files_of(folder: Path) -> list[Path]:
    return [
        path.relative_to(folder)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built in a clean copy: a stale folder `build` would ship deleted modules."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    code = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (built,) = (copy / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_the_tree(wheel: Path) -> None:
    expected = {
        f"{inside}/{path.as_posix()}"
        for folder, inside in FOLDERS.items()
        for path in files_of(ROOT / folder)
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == expected


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(archive.read(name))
        entries = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
        assert name.replace("METADATA", "licenses/LICENSE") in archive.namelist()
    assert metadata["Name"] == "facegate"
    assert metadata["Version"] == settings["version"] == facegate.__version__
    assert metadata["License-Expression"] == "MIT"
    assert "facegate = facegate.cli:main" in entries


def test_the_tree_is_what_is_imported() -> None:
    """The tests run the checkout, not a copy that was installed some time ago."""
    assert Path(facegate.__file__) == ROOT / "app" / "__init__.py"
