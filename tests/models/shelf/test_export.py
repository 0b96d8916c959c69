"""A model written as ONNX gives the embeddings of the model, here and when added again."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from facegate.errors import InputError, MachineError, ModelMissingError
from facegate.models.card import example_card
from facegate.models.card_file import load_card, write_card
from facegate.models.nets.build import build_net
from facegate.models.shelf.export import export_onnx
from facegate.models.shelf.install import add
from facegate.models.shelf.trial import portrait_crops
from facegate.models.zoo import load_embedder


def test_a_net_is_exported_and_added_again(tmp_path: Path, empty_home: Path) -> None:
    torch.manual_seed(0)
    stated = replace(
        example_card(),
        name="plain",
        architecture="plain-t",
        file="plain.safetensors",
        dim=16,
        input_size=32,
    )
    save_file(build_net("plain-t", dim=16, size=32).state_dict(), tmp_path / stated.file)
    write_card(tmp_path / "plain.toml", stated)
    add(tmp_path / stated.file, tmp_path / "plain.toml")

    exported = export_onnx("plain", tmp_path / "out" / "copy.onnx")
    assert exported == load_card(tmp_path / "out" / "copy.toml")
    assert (exported.name, exported.architecture) == ("plain-onnx", "file")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["copy.onnx", "copy.toml"]

    added = add(tmp_path / "out" / "copy.onnx", tmp_path / "out" / "copy.toml")
    crops = portrait_crops(32)
    wanted = load_embedder("plain", device="cpu")(crops)
    np.testing.assert_allclose(load_embedder(added.name, device="cpu")(crops), wanted, atol=1e-5)


def test_an_onnx_model_is_copied(tiny_model: Path, tmp_path: Path, empty_home: Path) -> None:
    add(tiny_model / "tiny.onnx", tiny_model / "tiny.toml")
    export_onnx("tiny", tmp_path / "copy.onnx")
    assert (tmp_path / "copy.onnx").read_bytes() == (tiny_model / "tiny.onnx").read_bytes()


def test_nothing_is_overwritten(tiny_model: Path, tmp_path: Path, empty_home: Path) -> None:
    add(tiny_model / "tiny.onnx", tiny_model / "tiny.toml")
    (tmp_path / "pyproject.toml").write_text("precious")
    with pytest.raises(InputError, match=r"pyproject.toml exists: name a new file"):
        export_onnx("tiny", tmp_path / "pyproject.onnx")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["pyproject.toml"]


@pytest.mark.parametrize("name", ["copy.pt", "copy", ".onnx", "a b.onnx"])
def test_a_name_that_no_card_could_hold_is_refused(
    tiny_model: Path, tmp_path: Path, empty_home: Path, name: str
) -> None:
    add(tiny_model / "tiny.onnx", tiny_model / "tiny.toml")
    with pytest.raises(InputError, match=r"is no name for the file: .*\.onnx at its end"):
        export_onnx("tiny", tmp_path / name)


def test_a_folder_that_is_none_is_said(tiny_model: Path, tmp_path: Path, empty_home: Path) -> None:
    add(tiny_model / "tiny.onnx", tiny_model / "tiny.toml")
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match=r"copy.onnx cannot be written .*: check the folder"):
        export_onnx("tiny", tmp_path / "file" / "copy.onnx")


def test_a_model_that_is_not_installed_is_said(tmp_path: Path, empty_home: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"vggface2 is not installed"):
        export_onnx("vggface2", tmp_path / "copy.onnx")


def test_missing_packages_are_named(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = replace(
        example_card(), name="plain", architecture="plain-t", file="p.safetensors", input_size=32
    )
    save_file(build_net("plain-t", dim=8, size=32).state_dict(), tmp_path / stated.file)
    write_card(tmp_path / "p.toml", stated)
    add(tmp_path / stated.file, tmp_path / "p.toml")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MachineError, match=r"needs the package onnxscript: pip install"):
        export_onnx("plain", tmp_path / "copy.onnx")


def test_an_openvino_file_cannot_become_onnx(
    test_data: Path, tmp_path: Path, empty_home: Path
) -> None:
    card = Path(__file__).parents[3] / "docs" / "cards" / "reid-0095.toml"
    add(test_data / "models" / "reid-0095.xml", card)
    with pytest.raises(InputError, match=r"reid-0095 is an OpenVINO file, and nothing turns that"):
        export_onnx("reid-0095", tmp_path / "copy.onnx")
