import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegate.data.dataset import read_dataset
from facegate.data.images import write_image
from facegate.data.splits import with_splits
from facegate.errors import InputError
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
    one, two = with_splits(read_dataset(copied)).of_split("train").identities[:2]
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


@pytest.mark.parametrize("split", ["val", "cal"])
def test_a_picture_that_is_trained_on_does_not_examine(copied: Path, split: str) -> None:
    dealt = with_splits(read_dataset(copied))
    one, other = (dealt.of_split(name).identities[0] for name in ("train", split))
    shutil.copy(copied / one / "1.png", copied / other / "1.png")
    found = gather(settings(copied), find_sources(settings(copied)))
    assert found.facts["conflicts"] == [[f"{one}/1.png", f"{other}/1.png"]]
    held = found.val if split == "val" else found.cal
    assert (np.bincount(found.labels)[0], np.bincount(held.people)[0]) == (4, 4)


def test_a_path_of_a_manifest_that_is_not_there_is_left_out(copied: Path) -> None:
    lines = [f"{p}/{n}.png,{p}" for p in sorted(q.name for q in copied.iterdir()) for n in range(5)]
    (copied.parent / "list.csv").write_text(
        "\n".join(["path,identity", *lines, "no.png,p000", f"{'n' * 300},p000"])
    )
    config = replace(settings(copied), manifest=str(copied.parent / "list.csv"))
    assert gather(config, find_sources(config)).facts["left_out"] == 2


def test_damaged_files_are_left_out_and_counted(
    copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = gather(settings(copied), find_sources(settings(copied)))
    (copied / "p000" / "0.png").write_bytes(b"no image")
    (copied / "p001" / "0.png").write_bytes((copied / "p001" / "0.png").read_bytes()[:60])
    (copied / "nobody").mkdir()
    with caplog.at_level(logging.WARNING):
        found = gather(settings(copied), find_sources(settings(copied)))
    assert "2 images could not be used and were left out (" in caplog.text
    assert found.facts["left_out"] == 2
    assert found.facts["empty_identities"] == 1
    assert whole.facts["conflicts"] == []


@pytest.mark.parametrize(
    ("crop", "size", "warned"), [(28, 24, True), (24, 24, False), (28, 20, False)]
)
def test_crops_without_a_border_are_not_cut_in_silence(
    copied: Path, caplog: pytest.LogCaptureFixture, crop: int, size: int, warned: bool
) -> None:
    (copied / "p000" / "0.png").write_bytes(b"no image")
    find_sources(replace(settings(copied), crop=crop, size=size))
    assert ("set crop = 24" in caplog.text) is warned


@pytest.mark.parametrize(
    ("extra", "said"), [(0, "no part in triplets: extra = 16"), (4, "can only be a negative")]
)
def test_people_with_one_image_or_none_are_counted_before_a_run(
    copied: Path, caplog: pytest.LogCaptureFixture, extra: int, said: str
) -> None:
    for name in ("one", "two"):
        (copied / name).mkdir()
        shutil.copy(copied / "p000" / "0.png", copied / name / "0.png")
    (copied / "nobody").mkdir()
    stages = (Stage(extra=extra),)
    find_sources(replace(settings(copied), stages=stages))
    assert "1 person has no image: left out (nobody)" in caplog.text
    assert f"2 people have one image and {said}" in caplog.text


def test_the_first_reason_is_said_where_no_image_can_be_used(copied: Path) -> None:
    for file in copied.rglob("*.png"):
        file.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"no training image could be used \(the first: .*0\.png"):
        gather(settings(copied), find_sources(settings(copied)))


@pytest.mark.parametrize(
    ("n_people", "problem"),
    [(1, "1 identities have two images or more"), (2, "nobody is left for split val")],
)
def test_too_few_people_are_told_from_too_few_photographs(
    copied: Path, n_people: int, problem: str
) -> None:
    for folder in sorted(copied.iterdir())[n_people:]:
        shutil.rmtree(folder)
    with pytest.raises(InputError, match=problem):
        find_sources(settings(copied))
