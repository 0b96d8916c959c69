import errno
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from facegate.errors import InputError, MachineError
from facegate.models.training import checkpoint as checkpoint_module
from facegate.models.training.checkpoint import (
    Checkpoint,
    flatten_optimizer,
    load_checkpoint,
    restore_optimizer,
    save_checkpoint,
)
from facegate.models.training.config import Config, Stage
from facegate.models.training.plots import plot_people, plot_run
from facegate.models.training.run_folder import METRICS, TARGETS, RunFolder
from facegate.models.training.schedule import make_optimizer
from facegate.models.training.tensorboard import EventFile, crc32c


def test_a_checkpoint_is_read_back_the_same(tmp_path: Path) -> None:
    tensors = {"net.a": torch.randn(3, 4), "optimizer.0.step": torch.tensor(7.0)}
    save_checkpoint(tmp_path / "c", Checkpoint(tensors, {"step": 3, "best": None}))
    again = load_checkpoint(tmp_path / "c")
    assert again.facts == {"step": 3, "best": None}
    assert again.part("net")["a"].equal(tensors["net.a"])
    assert set(again.part("optimizer")) == {"0.step"}


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, Checkpoint({"a.b": torch.ones(2)}, {"step": 1}))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint_module, "write_atomically", full)
    with pytest.raises(MachineError, match="no space left") as caught:
        save_checkpoint(path, Checkpoint({"a.b": torch.zeros(2)}, {"step": 2}))
    assert caught.value.code == "disk_full"
    assert load_checkpoint(path).facts == {"step": 1}


def test_damaged_and_foreign_files_are_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"12345678901234567890")
    with pytest.raises(InputError, match="cannot be read"):
        load_checkpoint(tmp_path / "damaged")
    from safetensors.torch import save_file

    save_file({"x": torch.ones(1)}, tmp_path / "weights")
    with pytest.raises(InputError, match="is no checkpoint"):
        load_checkpoint(tmp_path / "weights")


@pytest.mark.parametrize("kind", ["adamw", "muon", "sgd"])
def test_an_optimiser_goes_on_as_if_not_stopped(kind: str) -> None:
    def make() -> tuple[torch.nn.Parameter, torch.optim.Optimizer]:
        net = torch.nn.Linear(3, 1, bias=False)
        torch.nn.init.ones_(net.weight)
        assert isinstance(net.weight, torch.nn.Parameter)
        return net.weight, make_optimizer([net], Stage(optimizer=kind, lr=0.1))

    def step(weight: torch.nn.Parameter, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        weight.pow(3).sum().backward()
        optimizer.step()

    weight, optimizer = make()
    step(weight, optimizer)
    other, later = make()
    with torch.no_grad():
        other.copy_(weight)
    restore_optimizer(later, {k: v.clone() for k, v in flatten_optimizer(optimizer).items()})
    for _ in range(3):
        step(weight, optimizer)
        step(other, later)
    assert other.equal(weight)


def test_a_state_of_another_net_is_refused() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    with pytest.raises(InputError, match="belongs to another net"):
        restore_optimizer(optimizer, {"5.momentum_buffer": torch.ones(1)})


def test_lines_after_the_checkpoint_are_forgotten_and_a_cut_one_too(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", Config(stages=(Stage(), Stage())))
    for stage, step in ((0, 1), (0, 2), (1, 1), (1, 2)):
        folder.append({"stage": stage, "step": step, "loss": float("nan")})
    with (folder.path / METRICS).open("a") as file:
        file.write('{"stage": 1, "st')
    folder.forget_after(1, 1)
    events = folder.events()
    assert [(event["stage"], event["step"]) for event in events] == [(0, 1), (0, 2), (1, 1)]
    assert events[0]["loss"] is None


def test_the_record_names_versions_and_seed(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", Config(seed=9))
    folder.record({"data_hash": "abc"})
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["seed"] == 9
    assert record["data_hash"] == "abc"
    assert record["versions"]["numpy"] == np.__version__


def test_the_record_keeps_names_that_are_no_utf8(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", Config())
    folder.record({"conflicts": [["a/\udcfe.png", "é/1.png"]]})
    assert folder.read_record()["conflicts"] == [["a/\udcfe.png", "é/1.png"]]


def test_a_full_disk_is_called_so_from_the_first_file_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, contents: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("facegate.models.training.run_folder.write_atomically", full)
    with pytest.raises(MachineError, match="no space left for") as caught:
        RunFolder.start(tmp_path / "run", Config())
    assert caught.value.code == "disk_full"


def test_a_run_that_could_not_begin_leaves_no_folder(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path / "run", Config())
    (folder.path / TARGETS).write_bytes(b"asked in vain")
    folder.discard()
    assert not folder.path.exists()


def test_checksums_of_event_files() -> None:
    # RFC 3720, section B.4.
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_event_files_hold_whole_records(tmp_path: Path) -> None:
    curves = EventFile(tmp_path)
    curves.add(300, {"loss": 0.5, "val/tar": 0.25})
    [file] = tmp_path.iterdir()
    contents, place, records = file.read_bytes(), 0, []
    while place < len(contents):
        length = int.from_bytes(contents[place : place + 8], "little")
        records.append(contents[place + 12 : place + 12 + length])
        place += 16 + length
    assert place == len(contents)
    assert b"brain.Event:2" in records[0]
    assert b"val/tar" in records[1]


def test_pictures_are_drawn_from_the_record(tmp_path: Path) -> None:
    events = [
        {
            **{"stage": 0, "step": step, "loss": 0.2, "semi": 0.5, "easy": 0.3, "none": 0.2},
            **{"d_ap": [0.1, 0.5, 0.9], "d_an": [0.9, 1.2, 1.4]},
        }
        for step in range(1, 50)
    ]
    look = {"tar": 0.5, "fmr": 0.01, "threshold": 0.4, "eer": 0.2}
    events.append({"stage": 0, "step": 50, "val": look})
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    files = plot_run(tmp_path, events, [50])
    files += plot_people(tmp_path, rows, np.repeat(np.arange(15), 4))
    assert [file.name for file in files] == ["curves.png", "det.png", "people.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
