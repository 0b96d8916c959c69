import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from facegate.data.crops import Member
from facegate.data.images import write_image
from facegate.errors import InputError
from facegate.models.align import ARCFACE_TEMPLATE, similarity
from facegate.models.detect import Detector
from facegate.models.pipeline import Pipeline
from facegate.models.training import kept_crops as kept_crops_module
from facegate.models.training.alignment import align_crops, template_for
from facegate.models.training.eyes import make_eye
from facegate.models.training.kept_crops import kept_crops
from facegate.models.training.teacher import ask
from facegate.models.zoo import card


def test_the_template_lies_in_the_middle_of_the_stored_crop() -> None:
    np.testing.assert_array_equal(template_for(112, 112), ARCFACE_TEMPLATE)
    np.testing.assert_allclose(template_for(128, 112), ARCFACE_TEMPLATE + 8)
    np.testing.assert_allclose(template_for(72, 64), ARCFACE_TEMPLATE * 64 / 112 + 4, rtol=1e-5)


def test_photographs_become_crops_with_the_landmarks_in_place(
    tmp_path: Path, astronaut: np.ndarray, grace: np.ndarray
) -> None:
    places = [tmp_path / name for name in ("a.png", "noise.png", "g.png", "gone.png")]
    write_image(places[0], astronaut)
    write_image(places[1], np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    write_image(places[2], grace)
    heard: list[int] = []
    crops = align_crops(places, 160, 112, progress=heard.append)
    assert crops.rows.tolist() == [0, 2]
    assert [index for index, _ in crops.left_out] == [1, 3]
    assert len(heard) == 4
    for crop in crops.pixels:
        _, landmarks, _ = Detector().detect(crop)
        turn = similarity(template_for(160, 112), landmarks[0])
        np.testing.assert_allclose(turn, [[1, 0, 0], [0, 1, 0]], atol=4)
        np.testing.assert_allclose(turn[:, :2], np.eye(2), atol=0.06)


def test_a_zip_file_of_photographs_is_opened_once(
    tmp_path: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory of 18,000 names takes a tenth of a second to read."""
    write_image(tmp_path / "a.png", astronaut)
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as made:
        for name in ("1.png", "2.png"):
            made.write(tmp_path / "a.png", name)
    opened = []

    class Counted(zipfile.ZipFile):
        def __init__(self, file: Path) -> None:
            opened.append(file)
            super().__init__(file)

    monkeypatch.setattr("facegate.data.crops.zipfile.ZipFile", Counted)
    places = [Member(tmp_path / "faces.zip", name) for name in ("1.png", "gone.png", "2.png")]
    crops = align_crops(places, 128, 112)
    assert crops.rows.tolist() == [0, 2]
    assert len(opened) == 1


def test_an_aligned_crop_and_its_photograph_look_the_same_to_a_model(
    tmp_path: Path, astronaut: np.ndarray
) -> None:
    write_image(tmp_path / "a.png", astronaut)
    crops = align_crops([tmp_path / "a.png"], 128, 112)
    pipeline = Pipeline()
    photo = make_eye(pipeline, aligned=False, crop=128, size=112)(astronaut)
    crop = make_eye(pipeline, aligned=True, crop=128, size=112)(crops.pixels[0])
    assert photo is not None
    assert crop is not None
    assert photo @ crop > 0.98
    assert make_eye(pipeline, aligned=False, crop=128, size=112)(crops.pixels[0] * 0) is None


def test_a_model_that_wants_boxes_looks_at_no_aligned_crop() -> None:
    boxes = SimpleNamespace(card=replace(card("facegate-1"), template=None))
    pipeline = cast(Pipeline, SimpleNamespace(embedder=boxes))
    with pytest.raises(InputError, match="cannot look at aligned crops"):
        make_eye(pipeline, aligned=True, crop=128, size=112)


def test_a_model_of_the_zoo_teaches_from_stored_crops(
    tmp_path: Path, astronaut: np.ndarray, grace: np.ndarray
) -> None:
    places = [tmp_path / "a.png", tmp_path / "g.png"]
    write_image(places[0], astronaut)
    write_image(places[1], grace)
    crops = align_crops(places, 128, 112).pixels
    heard: list[int] = []
    [said] = ask(["facegate-0"], crops, size=112, progress=heard.append)
    assert said.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(said, axis=1), 1, atol=1e-5)
    [mirrored] = ask(["facegate-0"], np.ascontiguousarray(crops[:, :, ::-1]), size=112)
    # Plain and mirrored are averaged; the template itself is not quite symmetrical.
    assert (said * mirrored).sum(axis=1) == pytest.approx(1, abs=0.03)
    assert sum(heard) == 2


def test_photographs_are_aligned_once(
    tmp_path: Path,
    astronaut: np.ndarray,
    facegate_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = [tmp_path / "a.png", tmp_path / "gone.png"]
    write_image(places[0], astronaut)
    first = kept_crops(places, 128, 112)
    with monkeypatch.context() as patch:
        patch.setattr(kept_crops_module, "align_crops", None)
        again = kept_crops(places, 128, 112)
    np.testing.assert_array_equal(again.pixels, first.pixels)
    assert again.rows.tolist() == first.rows.tolist() == [0]
    assert again.left_out == first.left_out
    [kept] = (facegate_home / "cache" / "crops").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])  # damaged: made again
    assert kept_crops(places, 128, 112).rows.tolist() == [0]
    write_image(places[0], astronaut[:, ::-1].copy())  # changed: another file
    changed = kept_crops(places, 128, 112)
    assert not np.array_equal(changed.pixels, first.pixels)
