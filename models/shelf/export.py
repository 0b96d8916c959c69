"""Write a model as one ONNX file, with a card beside it, for programs that are not facegate."""

import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facegate.data.files import write_atomically
from facegate.errors import InputError, MachineError, WeightsError
from facegate.models.card import Card, Part
from facegate.models.card_file import write_card
from facegate.models.card_rules import FILE, check_card
from facegate.models.shelf.sums import fresh_sum
from facegate.models.shelf.trial import SAME, portrait_crops
from facegate.models.shelf.weights import Weights, checked_weights
from facegate.models.zoo import card as card_of
from facegate.models.zoo import make_embedder

if TYPE_CHECKING:
    import torch


def export_onnx(name: str, target: Path) -> Card:
    """Write a model as ``target`` and its card as the same name with ``.toml``.

    The file takes float32 (N, 3, S, S) scaled as the card says and gives (N, D) of unit length.
    It is compared with the model itself on two faces before it gets its name.

    Args:
        name: an installed model or a model id.
        target: a new file whose name ends in ``.onnx``.

    Returns:
        The card of the file, for ``facegate models add``.

    Raises:
        InputError: no model has this name, the target exists or has no fitting name, or the model
            is an OpenVINO file.
        ModelMissingError, WeightsError: its weights are not here, or damaged.
        MachineError: the packages of ``facegate[onnx]`` are not installed, or the file cannot be
            written.
    """
    card = card_of(name)
    _refuse_target(card, target)
    weights = checked_weights(card)
    with tempfile.TemporaryDirectory(prefix="facegate-") as folder:
        made = Path(folder) / target.name
        made.write_bytes(
            weights.path.read_bytes() if card.architecture == "file" else _converted(card, weights)
        )
        exported = _exported_card(card, made)
        _refuse_difference(card, weights, exported, made)
        try:
            write_atomically(target, made.read_bytes())
        except OSError as error:
            raise MachineError(
                f"{target} cannot be written ({error.strerror or error})", hint="check the folder"
            ) from error
    write_card(target.with_suffix(".toml"), exported)
    return exported


def _refuse_target(card: Card, target: Path) -> None:
    if target.suffix != ".onnx" or not FILE.fullmatch(target.name):
        raise InputError(
            f"{target.name!r:.80} is no name for the file",
            hint="letters, digits, '.', '_', '-', and .onnx at its end",
        )
    for path in (target, target.with_suffix(".toml")):
        if path.exists():
            raise InputError(f"{path} exists", hint="name a new file; its card lies beside it")
    if card.suffix == ".xml":
        raise InputError(
            f"{card.name} is an OpenVINO file, and nothing turns that into ONNX",
            hint="use the .xml and .bin with OpenVINO, or look for the model's ONNX form",
        )


def _exported_card(card: Card, made: Path) -> Card:
    exported = replace(
        card,
        name=f"{card.name.removesuffix('-onnx')}-onnx",
        architecture="file",
        file=made.name,
        sha256=fresh_sum(made),
        size_bytes=made.stat().st_size,
        url=None,
        source=f"exported by facegate from {card.name}; {card.source}",
    )
    check_card(exported, where=f"of {made.name}")
    return exported


def _refuse_difference(card: Card, weights: Weights, exported: Card, made: Path) -> None:
    """Raise unless the file gives the embeddings that the model gives."""
    part = Part(made.name, exported.sha256, exported.size_bytes)
    copy = make_embedder(exported, Weights(made.parent, (part,), (part,)), device="cpu")
    crops = portrait_crops(card.input_size)
    difference = np.abs(make_embedder(card, weights, device="cpu")(crops) - copy(crops)).max()
    if difference > SAME:
        raise WeightsError(
            f"the ONNX form of {card.name} gives other embeddings (by up to {difference:.1g})",
            hint="report it, with the versions that `facegate doctor` prints",
        )


def _converted(card: Card, weights: Weights) -> bytes:
    if importlib.util.find_spec("onnxscript") is None:
        raise MachineError(
            "an export needs the package onnxscript",
            hint="pip install 'facegate[onnx]'",
            code="no_onnx",
        )
    import torch

    from facegate.models.nets.build import load_net

    net = load_net(card.architecture, weights.path, dim=card.dim, size=card.input_size)
    program: Any = torch.onnx.export(
        _unit_length(net),
        (torch.zeros(2, 3, card.input_size, card.input_size),),
        input_names=["faces"],
        output_names=["embeddings"],
        dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    proto: bytes = program.model_proto.SerializeToString()
    return proto


def _unit_length(net: "torch.nn.Module") -> "torch.nn.Module":
    import torch

    class UnitLength(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, faces: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(self.net(faces), dim=1)

    return UnitLength().eval()
