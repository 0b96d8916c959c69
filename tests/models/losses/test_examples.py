"""The examples of the losses' docstrings and of their part of the documentation run."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "training.md"


@pytest.mark.parametrize("name", ["triplet", "registry"])
def test_docstrings_show_what_happens(name: str) -> None:
    module = importlib.import_module(f"facegate.models.losses.{name}")
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def test_the_page_shows_a_loss_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [example] = [text for text in examples if "semi_hard_triplet_loss" in text]
    exec(compile(example, "training.md", "exec"), {"__name__": "__example__"})
    n_pairs, *shares = capsys.readouterr().out.split()
    assert int(n_pairs) == 32 * 3
    assert sum(map(float, shares)) == pytest.approx(1)
