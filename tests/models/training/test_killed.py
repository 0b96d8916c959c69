"""A run that is killed, or whose disk fills up, goes on to the same end, bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from facegate.errors import MachineError
from facegate.models.training.checkpoint import load_checkpoint
from facegate.models.training.config import Config, Stage
from facegate.models.training.run_folder import LAST, METRICS, RunFolder
from facegate.models.training.session import train

SETTINGS = Config(
    aligned=True,
    crop=24,
    size=24,
    dim=16,
    ema=0.9,
    evaluate=6,
    checkpoint=0.0,
    threads=1,
    precision="f32",
    device="cpu",
    stages=(
        Stage(name="one", loss="cosface", scale=16.0, steps=12, p=8, k=4, warm_up=5),
        Stage(name="two", steps=16, p=8, k=4, lr=2e-3, extra=4, alike=0.5, freeze_bn=True),
    ),
)
WORK = """
import sys
from pathlib import Path
from facegate.models.training.run_folder import RunFolder
from facegate.models.training.session import train
folder = Path(sys.argv[1])
train(RunFolder.resume(folder).config, folder, resume=True)
"""


def settings(people: Path) -> Config:
    return replace(SETTINGS, data=str(people))


@pytest.fixture(scope="module")
def unbroken(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    train(settings(people), folder)
    return folder


def same_end(one: Path, two: Path) -> None:
    whole, cut = load_checkpoint(one / LAST), load_checkpoint(two / LAST)
    assert whole.tensors.keys() == cut.tensors.keys()
    for name, tensor in whole.tensors.items():
        assert tensor.equal(cut.tensors[name]), name
    told = [
        [(e["stage"], e["step"], e["loss"]) for e in RunFolder.resume(p).events() if "loss" in e]
        for p in (one, two)
    ]
    assert told[0] == told[1]
    assert len(told[0]) == 28


def test_killed_at_any_step_a_run_ends_as_the_unbroken_one(
    people: Path, unbroken: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    RunFolder.start(folder, settings(people))
    for lines in sorted(random.Random(4).sample(range(1, 28), 2)):
        run = subprocess.Popen([sys.executable, "-c", WORK, str(folder)])
        written, until = 0, time.monotonic() + 120
        while written < lines and run.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
            if (folder / METRICS).exists():
                written = (folder / METRICS).read_bytes().count(b'"loss"')
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait() in (-signal.SIGKILL, 0)
    train(settings(people), folder, resume=True)
    same_end(unbroken, folder)


def test_a_full_disk_ends_in_one_line_and_the_last_checkpoint_goes_on(
    people: Path, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    synced, real = 0, os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        if synced > 40:
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(MachineError, match="no space left for") as caught:
            train(settings(people), folder)
    assert caught.value.code == "disk_full"
    assert "resume" in caught.value.hint
    assert not list(folder.glob(".*.part"))
    assert load_checkpoint(folder / LAST).facts["place"]["step"] > 0
    train(settings(people), folder, resume=True)
    same_end(unbroken, folder)
