"""docs/models.md names every command and every key of a card, and its example runs."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from facegate.cli.models import command
from facegate.models.card import ARCHITECTURES, Card, Part, Rate

TEXT = (Path(__file__).parents[2] / "docs" / "models.md").read_text()


@pytest.mark.parametrize("key", [f.name for kind in (Card, Part, Rate) for f in fields(kind)])
def test_every_key_of_a_card_is_explained(key: str) -> None:
    table = TEXT.split("## The card")[1].split("## From Python")[0]
    assert f"`{key}`" in table or f"[{key}]" in table


def test_every_command_and_net_is_named() -> None:
    for verb in command.commands:
        assert f"`facegate models {verb}" in TEXT
    for name in ARCHITECTURES:
        assert f"`{name}`" in TEXT


def test_the_example_runs(empty_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(example, "docs/models.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "mobilefacenet Apache-2.0" in printed
    assert "\nfacegate-1-" in printed
