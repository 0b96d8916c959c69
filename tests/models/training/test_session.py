from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facegate.errors import InputError
from facegate.models.card import Part
from facegate.models.card_file import load_card
from facegate.models.shelf.weights import Weights
from facegate.models.training.checkpoint import load_checkpoint
from facegate.models.training.config import Config, Stage
from facegate.models.training.run_folder import LAST, RunFolder
from facegate.models.training.session import train
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
