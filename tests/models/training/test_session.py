import csv
import shutil
import sys
import types
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facegate.data.dataset import read_dataset
from facegate.data.splits import with_splits
from facegate.errors import InputError
from facegate.models.card import Part
from facegate.models.card_file import load_card
from facegate.models.shelf.weights import Weights
from facegate.models.training.checkpoint import load_checkpoint
from facegate.models.training.config import Config, Stage, load_config
from facegate.models.training.material import find_sources, gather
from facegate.models.training.net import make_net
from facegate.models.training.run_folder import LAST, RunFolder
from facegate.models.training.session import train
from facegate.models.training.teacher import ask
from facegate.models.training.validation import embed, look
from facegate.models.training.watchdog import TrainingStopped
from facegate.models.zoo import make_embedder

STAGE = Stage(steps=30, p=8, k=4, lr=2e-3, warm_up=5)


def settings(people: Path, **changes: object) -> Config:
    config = Config(
        data=str(people),
        aligned=True,
        crop=24,
        size=24,
        dim=16,
        ema=0.9,
        evaluate=10,
        threads=1,
        precision="f32",
        device="cpu",
        augment="none",
        stages=(STAGE,),
    )
    return replace(config, **changes)  # type: ignore[arg-type]


def test_a_run_learns_and_ends_with_a_model_that_loads(people: Path, tmp_path: Path) -> None:
    outcome = train(settings(people), tmp_path / "run")
    looks = [e["val"] for e in RunFolder.resume(tmp_path / "run").events() if "val" in e]
    assert looks[-1]["eer"] < 0.5 * 0.5
    assert outcome.card is not None
    card = load_card(tmp_path / "run" / "card.toml")
    assert card == outcome.card
    assert card.thresholds
    part = Part(card.file, card.sha256, card.size_bytes)
    embedder = make_embedder(card, Weights(tmp_path / "run", (part,), (part,)), device="cpu")
    rows = embedder(np.zeros((2, 24, 24, 3), np.uint8))
    assert rows.shape == (2, 16)


class Stop(Exception):
    pass


class StopAt:
    """A screen that ends the run from inside, as a kill would, right after a checkpoint."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, event: dict[str, object]) -> None:
        if event["step"] == self.at:
            raise Stop

    def look(self, event: dict[str, object], is_best: bool) -> None: ...

    def warn(self, event: dict[str, object]) -> None: ...

    def keep(self, trainer: object) -> None: ...


@pytest.mark.parametrize("loss", ["semi-hard", "cosface"])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(
    people: Path, tmp_path: Path, loss: str
) -> None:
    stages = (
        replace(STAGE, name="one", loss=loss, steps=14, margin=0.2, scale=16.0),
        replace(STAGE, name="two", steps=12, extra=4, alike=0.5, freeze_bn=True, classifier=0.1),
    )
    config = settings(people, stages=stages, checkpoint=0.0, augment="faces", evaluate=5)
    train(config, tmp_path / "whole")
    for at in (8, 12):
        with pytest.raises(Stop):
            train(config, tmp_path / "cut", resume=at != 8, screen=StopAt(at))
    train(config, tmp_path / "cut", resume=True)
    whole = load_checkpoint(tmp_path / "whole" / LAST)
    cut = load_checkpoint(tmp_path / "cut" / LAST)
    assert whole.tensors.keys() == cut.tensors.keys()
    for name, tensor in whole.tensors.items():
        assert tensor.equal(cut.tensors[name]), name
    losses = [
        [(e["stage"], e["step"], e["loss"]) for e in RunFolder.resume(p).events() if "loss" in e]
        for p in (tmp_path / "whole", tmp_path / "cut")
    ]
    assert losses[0] == losses[1]
    assert (tmp_path / "whole" / "card.toml").read_text().replace("whole", "cut").splitlines()[
        :5
    ] == (tmp_path / "cut" / "card.toml").read_text().splitlines()[:5]


def test_a_folder_that_holds_something_is_refused(people: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        train(settings(people), tmp_path)


def test_resuming_with_other_settings_names_the_first_that_differs(
    people: Path, tmp_path: Path
) -> None:
    config = settings(people)
    RunFolder.start(tmp_path / "run", config)
    with pytest.raises(InputError, match="seed is 1, not 2"):
        train(replace(config, seed=2), tmp_path / "run", resume=True)


def test_a_checkpoint_of_another_run_is_refused(people: Path, tmp_path: Path) -> None:
    one, two = (
        settings(people, stages=(replace(STAGE, steps=2, margin=margin),)) for margin in (0.2, 0.3)
    )
    train(one, tmp_path / "one")
    train(two, tmp_path / "two")
    shutil.copy(tmp_path / "one" / LAST, tmp_path / "two" / LAST)
    with pytest.raises(InputError, match="made by a run with other settings"):
        train(two, tmp_path / "two", resume=True)


def test_a_run_does_not_go_on_with_other_images(people: Path, tmp_path: Path) -> None:
    shutil.copytree(people, tmp_path / "people")
    config = settings(tmp_path / "people", stages=(replace(STAGE, steps=2),))
    train(config, tmp_path / "run")
    shutil.rmtree(tmp_path / "people" / "p001")
    with pytest.raises(InputError, match="are not those that it began with"):
        train(config, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "card.toml").exists()


class TinyNet(torch.nn.Module):
    """A net of the user's own, named by package:Class."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, 2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(4)
        )
        self.head = torch.nn.Linear(128, 16)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        embeddings: torch.Tensor = self.head(self.layers(images).flatten(1))
        return embeddings


class UnmadeNet(TinyNet):
    def __init__(self) -> None:
        super().__init__()
        raise KeyError("no such thing")


class LackingNet(TinyNet):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body(images)  # type: ignore[operator]
        return found


class MapNet(TinyNet):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.layers(images)
        return maps


class PairNet(TinyNet):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images, images  # type: ignore[return-value]


class BrokenNet(TinyNet):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images @ torch.zeros(3, 3)


class ViewNet(TinyNet):
    """Says view where reshape would do, as many nets do: only the usual layout in memory works."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.layers(images)
        embeddings: torch.Tensor = self.head(maps.view(len(maps), -1))
        return embeddings


class AuxiliaryNet(TinyNet):
    """Gives more in training, as GoogLeNet does."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        embeddings = super().forward(images)
        return (embeddings, embeddings) if self.training else embeddings  # type: ignore[return-value]


class IdleNet(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :16]


class WholeNet(IdleNet):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images).long()


class OddNet(TinyNet):
    """Takes a step that OpenVINO has no operation for."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        turn, _ = torch.linalg.qr(self.head.weight[:, :16])
        embeddings: torch.Tensor = super().forward(images) @ turn
        return embeddings


class OverflowingNet(TinyNet):
    """Overflows in some forward passes of training, and once it did in its statistics."""

    broken: frozenset[int] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(16)
        self.taken = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rows = super().forward(images)
        self.taken += self.training
        embeddings: torch.Tensor = self.norm(rows * (3e38 if self.taken in self.broken else 1) * 9)
        return embeddings


def own_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("my_nets")
    for kind in (
        *(TinyNet, UnmadeNet, LackingNet, MapNet, PairNet, BrokenNet, ViewNet, AuxiliaryNet),
        *(IdleNet, WholeNet, OddNet, OverflowingNet),
    ):
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "my_nets", module)


@pytest.mark.parametrize("net", ["TinyNet", "ViewNet"])
def test_a_net_of_the_users_own_ends_as_a_file_that_openvino_runs(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, net: str
) -> None:
    own_nets(monkeypatch)
    outcome = train(settings(people, net=f"my_nets:{net}"), tmp_path / "run")
    assert outcome.card is not None
    assert outcome.card.architecture == "file"
    assert [part.file for part in outcome.card.parts] == ["run.xml", "run.bin"]


@pytest.mark.parametrize(
    ("net", "problem"),
    [
        ("MapNet", r"gives \(8, 4, 4\) for an image, not 16 numbers"),
        ("PairNet", "gives a tuple, no tensor"),
        ("BrokenNet", "fails on images of 24 pixels: .*shape"),
        ("LackingNet", "fails on images of 24 pixels: .*no attribute 'body'"),
        ("UnmadeNet", "cannot be made: 'no such thing'"),
        ("AuxiliaryNet", "in training gives a tuple, no tensor"),
        ("IdleNet", "has no weight to train"),
        ("WholeNet", r"gives torch\.int64, no floating numbers"),
        ("OddNet", "OddNet cannot become a model, .*: aten::linalg_qr"),
    ],
)
def test_a_net_that_cannot_be_trained_or_kept_is_refused_before_a_folder_is_made(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, net: str, problem: str
) -> None:
    own_nets(monkeypatch)
    with pytest.raises(InputError, match=problem):
        train(settings(people, net=f"my_nets:{net}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_net_that_was_changed_meanwhile_does_not_go_on(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_nets(monkeypatch)
    config = settings(people, net="my_nets:TinyNet", stages=(replace(STAGE, steps=1),))
    train(config, tmp_path / "run")
    monkeypatch.setattr(sys.modules["my_nets"], "TinyNet", OverflowingNet)
    with pytest.raises(InputError, match="was made by another my_nets:TinyNet"):
        train(config, tmp_path / "run", resume=True)


def test_a_step_that_overflows_is_left_out_and_spoils_no_statistics(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_nets(monkeypatch)
    monkeypatch.setattr(OverflowingNet, "broken", frozenset({3}))
    config = settings(people, net="my_nets:OverflowingNet", stages=(replace(STAGE, steps=8),))
    outcome = train(replace(config, evaluate=4), tmp_path / "run")
    assert outcome.best.tar > 0
    state = load_checkpoint(tmp_path / "run" / LAST).part("net")
    assert all(value.isfinite().all() for value in state.values())
    events = RunFolder.resume(tmp_path / "run").events()
    [said] = [e for e in events if "not finite" in e.get("warning", "")]
    assert said["step"] == 3
    assert len(said["rows"]) == 32
    assert [e["step"] for e in events if "val" in e] == [4, 8]


def test_gradient_caching_gives_the_same_run_as_whole_batches(people: Path, tmp_path: Path) -> None:
    whole = replace(STAGE, steps=4, freeze_bn=True)  # a flipped pick grows from step to step
    looks = []
    for name, chunk in (("whole", 0), ("chunks", 7)):
        config = settings(people, stages=(replace(whole, chunk=chunk),), evaluate=4)
        train(config, tmp_path / name)
        looks.append([e["loss"] for e in RunFolder.resume(tmp_path / name).events() if "loss" in e])
    assert looks[0] == pytest.approx(looks[1], rel=1e-2)  # a pick may flip


def test_gradient_caching_with_live_statistics_is_refused_before_a_folder_is_made(
    people: Path, tmp_path: Path
) -> None:
    config = settings(people, stages=(replace(STAGE, chunk=7),))
    with pytest.raises(InputError, match="chunk without freeze_bn"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    classifier = replace(STAGE, chunk=7, loss="cosface", steps=1)  # takes its batch whole
    assert train(settings(people, stages=(classifier,)), tmp_path / "run").images == 32


def test_frozen_statistics_that_nobody_learnt_are_warned_of(
    people: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = settings(people, stages=(replace(STAGE, steps=1, freeze_bn=True),))
    train(config, tmp_path / "run")
    assert "freezes statistics that nothing has learnt yet" in caplog.text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "My model"}, "'My model' is no name for a model"),
        ({"licence": " "}, "licence is empty"),
        ({"size": 8}, "input_size 8 is out of range"),
        ({"dim": 1}, "dim 1 is out of range"),
    ],
)
def test_what_no_card_may_say_is_refused_before_an_hour_is_spent(
    people: Path, tmp_path: Path, changes: dict[str, object], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        train(settings(people, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_person_with_two_images_is_nobody_to_train_on(people: Path, tmp_path: Path) -> None:
    dealt = with_splits(read_dataset(people))
    lines = [f"{who},{split}" for who, split in zip(dealt.identities, dealt.splits, strict=True)]
    trained = [line for line in lines if line.endswith(",train")]
    manifest = tmp_path / "people.csv"
    manifest.write_text("\n".join(["identity,split", *(set(lines) - set(trained[1:]))]))
    with pytest.raises(InputError, match="1 identities have two images or more"):
        train(settings(people, manifest=str(manifest)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_starts_from_the_checkpoint_of_another(people: Path, tmp_path: Path) -> None:
    first = settings(people, stages=(replace(STAGE, steps=2),))
    train(first, tmp_path / "run")
    weights = tmp_path / "run" / LAST
    net = make_net(replace(first, weights=str(weights))).state_dict()
    kept = load_checkpoint(weights).part("average")
    assert all(torch.equal(net[name], value) for name, value in kept.items())


def test_a_large_seed_is_a_seed(people: Path, tmp_path: Path) -> None:
    config = settings(people, seed=2**32 - 1, stages=(replace(STAGE, steps=1),))
    assert train(config, tmp_path / "run").images == 32


def test_the_patience_of_a_stage_is_its_own(people: Path, tmp_path: Path) -> None:
    # Nothing moves, so after the first look none is better.
    still = replace(STAGE, steps=4, lr=1e-12, freeze_bn=True)
    config = settings(people, stages=(still, still), evaluate=1, patience=2)
    train(config, tmp_path / "run")
    looks = [e for e in RunFolder.resume(tmp_path / "run").events() if "val" in e]
    assert [sum(e["stage"] == stage for e in looks) for stage in (0, 1)] == [3, 2]


def test_a_stage_without_triplets_left_ends_and_the_next_begins(
    people: Path, tmp_path: Path
) -> None:
    done = replace(STAGE, margin=1e-7, steps=300, p=4, k=2)  # nothing lies within such a margin
    config = settings(people, stages=(done, replace(STAGE, steps=2)), evaluate=400)
    outcome = train(config, tmp_path / "run")
    events = RunFolder.resume(tmp_path / "run").events()
    taken = [(event["stage"], event["step"]) for event in events if "loss" in event]
    first = sum(stage == 0 for stage, _ in taken)
    assert 100 <= first < 300
    assert taken[first:] == [(1, 1), (1, 2)]
    assert [event["step"] for event in events if "val" in event] == [first, 2]
    assert any("it has learnt what it can" in event.get("warning", "") for event in events)
    assert outcome.card is not None


def test_a_run_with_nan_in_it_stops_and_says_why(people: Path, tmp_path: Path) -> None:
    wild = replace(STAGE, lr=1e30, warm_up=0, steps=200)
    with pytest.raises(TrainingStopped, match="5 steps of the last 100 were not finite"):
        train(settings(people, stages=(wild,)), tmp_path / "run")
    with pytest.raises(TrainingStopped, match="for split val is not finite"):
        train(settings(people, stages=(replace(wild, steps=2),)), tmp_path / "short")


def test_a_later_stage_starts_from_weights_of_its_own(people: Path, tmp_path: Path) -> None:
    learnt = train(settings(people), tmp_path / "learnt").best
    still = replace(STAGE, steps=1, lr=1e-12, warm_up=0, freeze_bn=True)
    begun = replace(still, weights=str(tmp_path / "learnt" / "learnt.safetensors"))
    # Frozen statistics, and a rate of nothing: what is looked at is what each stage began from.
    alone = train(settings(people, stages=(still,)), tmp_path / "alone").best
    both = train(settings(people, stages=(still, begun)), tmp_path / "both").best
    assert alone.worth < both.worth
    assert both.eer == pytest.approx(learnt.eer, abs=0.01)


def test_a_stage_whose_weights_do_not_fit_is_refused_before_a_folder_is_made(
    people: Path, tmp_path: Path
) -> None:
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    later = replace(STAGE, weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(InputError, match="cannot be read"):
        train(settings(people, stages=(STAGE, later)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_stored_embeddings_teach(people: Path, tmp_path: Path) -> None:
    n_train = with_splits(read_dataset(people)).splits.count("train") * 5
    rng = np.random.default_rng(0)
    who = np.repeat(rng.normal(size=(n_train // 5, 16)), 5, axis=0)
    np.save(tmp_path / "taught.npy", who.astype(np.float32))
    stage = replace(STAGE, loss="none", distil=1.0, steps=40)
    config = settings(people, teacher=(str(tmp_path / "taught.npy"),), stages=(stage,))
    train(config, tmp_path / "run")
    events = [e for e in RunFolder.resume(tmp_path / "run").events() if "distil" in e]
    assert events[-1]["distil"] < 0.7 * events[0]["distil"]
    # The same said in other axes, to a net that has learnt it: the targets are turned to the net.
    axes, _ = np.linalg.qr(rng.normal(size=(16, 16)))
    np.save(tmp_path / "taught.npy", (who @ axes).astype(np.float32))
    again = replace(config, weights=str(tmp_path / "run" / "run.safetensors"))
    train(again, tmp_path / "again")
    first = next(e for e in RunFolder.resume(tmp_path / "again").events() if "distil" in e)
    assert first["distil"] < 0.8 * events[0]["distil"]
    np.save(tmp_path / "taught.npy", who[:-1].astype(np.float32))
    with pytest.raises(InputError, match="not one row for"):
        train(config, tmp_path / "other")
    np.save(tmp_path / "taught.npy", who.astype(np.int64))
    with pytest.raises(InputError, match="holds int64, no floating numbers"):
        train(config, tmp_path / "other")
    # What a run was taught lies in its folder, and can teach another on the same data.
    kept = replace(config, teacher=(str(tmp_path / "run" / "targets.npy"),), evaluate=1)
    train(replace(kept, stages=(replace(stage, steps=1),)), tmp_path / "other")


@pytest.mark.parametrize("kind", ["empty", "archive", "text"])
def test_a_stored_teacher_that_is_no_array_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "taught.npy"
    if kind == "archive":
        with file.open("wb") as opened:
            np.savez(opened, rows=np.ones((2, 2), np.float32))
    else:
        file.write_bytes(b"" if kind == "empty" else b"no array")
    with pytest.raises(InputError, match=r"is no \.npy file"):
        ask([str(file)], np.zeros((2, 8, 8, 3), np.uint8), size=8)


def test_the_tiny_preset_learns_real_faces(test_data: Path, tmp_path: Path) -> None:
    """Validation EER at least halves on 200 people, in minutes on two cores."""
    with (test_data / "people.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (-int(row["images"]), row["identity"]))
    splits = ["train"] * 6 + ["val", "cal"]
    lines = [f"{row['identity']},{splits[n % 8]}" for n, row in enumerate(rows[:200])]
    manifest = tmp_path / "people.csv"
    manifest.write_text("\n".join(["identity,split", *lines]))
    flags = {"data": str(test_data / "people"), "manifest": str(manifest), "aligned": True}
    config = load_config(preset="tiny", flags=flags)
    torch.manual_seed(config.seed)
    untrained, val = make_net(config).eval(), gather(config, find_sources(config)).val
    cpu = torch.device("cpu")
    seen = embed(untrained, val.crops, config.size, device=cpu, autocast=nullcontext)
    outcome = train(config, tmp_path / "run")
    assert outcome.best.eer <= look(seen, val.people, outcome.best.fmr).eer / 2
