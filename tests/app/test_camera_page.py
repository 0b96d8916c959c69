"""docs/camera.md: its example runs, its options exist, its event has our keys."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from facegate.cli.identify import command as identify
from facegate.live.reporter import Event

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "camera.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("facegate_home")
def test_the_python_example_runs(
    films: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for name in ("sitting.mp4", "passing.mp4"):
        shutil.copy(films / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "camera.md", "exec"), {"__name__": "__example__"})
    out = capsys.readouterr().out
    assert "Look straight into the camera" in out
    assert "'name': 'Ada Lovelace'" in out


def test_the_event_shown_has_the_keys_of_an_event() -> None:
    shown = re.search(r'\{"time".*?\}\n\n', PAGE, re.DOTALL)
    assert shown is not None
    event = Event(0.0, None, 1, "match", None, None, None, (0.0, 0.0, 1.0, 1.0))
    assert list(json.loads(shown.group())) == list(event.as_json())


def test_every_option_named_exists() -> None:
    known = {option for parameter in identify.params for option in parameter.opts}
    named = set(re.findall(r"--(?:again|snapshots|json|plain|camera)\b", PAGE))
    assert named <= known


def test_the_attendance_line_makes_a_table() -> None:
    if shutil.which("jq") is None:
        strict = os.environ.get("FACEGATE_TEST_STRICT") == "1"
        (pytest.fail if strict else pytest.skip)("needs jq")
    line = next(text for text in PAGE.splitlines() if "| jq" in text)
    assert line.strip() in (ROOT / "README.md").read_text(encoding="utf-8")
    program = re.search(r"jq -r --unbuffered '(.*)'", line)
    assert program is not None
    events = "\n".join(
        json.dumps({"time": "2026-01-31T08:59:12Z", "identity": who})
        for who in ({"id": 1, "name": 'Ada "Countess" Lovelace'}, None)
    )
    done = subprocess.run(
        ["jq", "-r", program.group(1)], input=events, capture_output=True, text=True, check=True
    )
    assert done.stdout == '"2026-01-31T08:59:12Z","Ada ""Countess"" Lovelace"\n'


def test_the_systemd_unit_starts_a_command_that_exists() -> None:
    unit = (ROOT / "deploy" / "facegate-camera.service").read_text(encoding="utf-8")
    assert "deploy/facegate-camera.service" in PAGE
    start = re.search(r"^ExecStart=\S+/facegate identify (.*)$", unit, re.MULTILINE)
    assert start is not None
    identify.make_context("identify", start.group(1).split())
    assert "Restart=always" in unit
