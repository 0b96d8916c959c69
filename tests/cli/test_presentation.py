"""``facegate models install minifasnet`` and ``serve --pad``: the words, the hint, the field."""

import json
from pathlib import Path

import pytest

from facegate.cli import run

Pictures = dict[str, Path]


def test_the_check_is_installed_from_a_folder(
    facegate_home: Path, test_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "install", "minifasnet", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)["error"]
    assert "--from DIR" in told["hint"]
    command = ["models", "install", "minifasnet", "--from", str(test_data / "models")]
    assert run([*command, "--json"]) == 0
    answer = capsys.readouterr()
    assert json.loads(answer.out) == {"name": "minifasnet", "installed": True}
    assert "Apache-2.0" in answer.err
    assert "never a proof" in answer.err
    assert run(["models", "info", "minifasnet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["installed"] is True


def test_a_server_whose_check_is_missing_does_not_start(
    facegate_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--port", "0", "--pad", "minifasnet"]) == 4
    assert "minifasnet is not installed" in capsys.readouterr().err
