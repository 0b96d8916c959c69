"""Examples in docstrings run, under the names that people import.

`pytest --doctest-modules` would import `models.x`, a second copy of `facegate.models.x`.
"""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PREFIXES = {"app": "facegate", "models": "facegate.models", "data": "facegate.data"}


def modules_with_examples() -> list[str]:
    found = []
    for folder, prefix in PREFIXES.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in path.read_text("utf-8"):
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                found.append(".".join([prefix, *(part for part in parts if part != "__init__")]))
    return found


def test_there_are_examples() -> None:
    assert "facegate.data.images" in modules_with_examples()


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_run(name: str, empty_home: Path) -> None:
    results = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.attempted > 0
    assert results.failed == 0
