"""The description of the API against the server: schemathesis with all its checks."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from facegate.server.routes import (
    about,
    account,
    enrolling,
    galleries,
    people,
    questions,
    sitting,
)
from facegate.server.settings import Limits

SETTINGS = Path(__file__).with_name("schemathesis.toml")
LIMITS = Limits(
    queue=50,
    per_address=64,
    deadline_s=120,
    rate=1e4,
    burst=10_000,
    enroll_rate=1e4,
    enroll_burst=10_000,
    frame_rate=1e4,
    frame_burst=10_000,
    failed_keys=10_000,
)
"""Secrets and requests that are made up by the thousand must not end in "too many"."""
MODULES = (about, account, enrolling, galleries, people, questions, sitting)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_example_is_what_its_operation_answers(module: Any) -> None:
    for route in module.router.routes:
        if getattr(route, "response_model", None) is None:
            continue
        status = route.status_code or 200
        shown = route.responses[status]["content"]["application/json"]["example"]
        TypeAdapter(route.response_model).validate_python(shown)


def test_the_server_keeps_what_its_description_promises(serving: Callable[..., Any]) -> None:
    with serving(LIMITS) as live:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS)),
                *("run", f"{live.address}/api/v1/openapi.json", "--max-examples", "25"),
                *("--header", f"Authorization: Bearer {live.key('admin')}"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
