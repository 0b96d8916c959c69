import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegate.data.images import write_image
from facegate.data.splits import split_of
from facegate.models.training.config import Config, Stage
from facegate.models.training.material import find_sources, gather
from facegate.models.training.session import train


def settings(people: Path) -> Config:
    return Config(
        data=str(people),
        aligned=True,
        crop=24,
        size=24,
        dim=16,
        evaluate=2,
        threads=1,
        precision="f32",
        device="cpu",
        augment="none",
        stages=(Stage(steps=2, p=8, k=3),),
    )


@pytest.fixture
def copied(people: Path, tmp_path: Path) -> Path:
    shutil.copytree(people, tmp_path / "people")
    return tmp_path / "people"


def test_a_picture_under_two_people_is_left_out_of_both_and_named(
    copied: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = [f"p{n:03d}" for n in range(60) if split_of(f"p{n:03d}") == "train"][:2]
    with Image.open(copied / one / "0.png") as picture:  # another size, other bytes
        larger = picture.convert("RGB").resize((48, 48), Image.Resampling.BICUBIC)
    write_image(copied / two / "copy.png", np.asarray(larger, np.uint8))
    clean = gather(settings(copied), find_sources(settings(copied)))
    assert clean.facts["conflicts"] == [[f"{one}/0.png", f"{two}/copy.png"]]
    assert np.bincount(clean.labels)[:2].tolist() == [4, 5]
    with caplog.at_level(logging.WARNING):
        train(settings(copied), tmp_path / "run")
    assert "2 images are left out" in caplog.text
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["conflicts"] == clean.facts["conflicts"]


def test_damaged_files_are_left_out_and_counted(
    copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = gather(settings(copied), find_sources(settings(copied)))
    (copied / "p000" / "0.png").write_bytes(b"no image")
    (copied / "p001" / "0.png").write_bytes((copied / "p001" / "0.png").read_bytes()[:60])
    (copied / "nobody").mkdir()
    with caplog.at_level(logging.WARNING):
        found = gather(settings(copied), find_sources(settings(copied)))
    assert "2 images could not be used" in caplog.text
    assert found.facts["left_out"] == 2
    assert found.facts["empty_identities"] == 1
    assert whole.facts["conflicts"] == []
