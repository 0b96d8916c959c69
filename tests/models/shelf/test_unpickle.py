"""State dicts become safetensors; anything else in a pickle is refused and never run."""

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from facegate.errors import WeightsError
from facegate.models.card import Card, example_card
from facegate.models.nets.build import build_net
from facegate.models.shelf import unpickle
from facegate.models.shelf.unpickle import keep_as_safetensors, main

CARD = replace(
    example_card(), architecture="plain-t", file="net.pt", dim=8, input_size=32, margin=0
)


class Payload:
    """Makes a folder when it is unpickled, if anybody lets it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's work in this process, whose memory must stay unbounded."""
    monkeypatch.setattr(unpickle, "_bound_memory", lambda: None)


def state(card: Card = CARD) -> dict[str, torch.Tensor]:
    return build_net(card.architecture, dim=card.dim, size=card.input_size).state_dict()


def arguments(tmp_path: Path, card: Card = CARD) -> list[str]:
    files = (str(tmp_path / "net.pt"), str(tmp_path / "net.safetensors"))
    return [card.architecture, str(card.dim), str(card.input_size), *files]


def test_a_state_dict_is_kept_as_safetensors_by_a_child(tmp_path: Path) -> None:
    given = state()
    torch.save(given, tmp_path / "net.pt")
    keep_as_safetensors(CARD, tmp_path / "net.pt", tmp_path / "net.safetensors")
    kept = load_file(tmp_path / "net.safetensors")
    assert kept.keys() == given.keys()
    assert all(torch.equal(kept[key], given[key]) for key in given)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"stem": Payload(tmp_path / "owned")}, tmp_path / "net.pt")
    with pytest.raises(WeightsError, match=r"net.pt is not used: torch refuses it") as caught:
        keep_as_safetensors(CARD, tmp_path / "net.pt", tmp_path / "net.safetensors")
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.pt"]


def test_the_same_bytes_do_run_where_pickles_are_trusted(tmp_path: Path) -> None:
    """The payload above is a working one."""
    pickle.loads(pickle.dumps(Payload(tmp_path / "owned")))
    assert (tmp_path / "owned").is_dir()


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    "value", [[1, 2], {"a": 1}, {1: torch.zeros(1)}, torch.zeros(2), {"a": {"b": torch.zeros(1)}}]
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "net.pt")
    with pytest.raises(WeightsError, match=r"it is no state dict"):
        main(arguments(tmp_path))


@pytest.mark.usefixtures("in_process")
def test_weights_of_another_net_are_refused(tmp_path: Path) -> None:
    torch.save(state(replace(CARD, dim=9)), tmp_path / "net.pt")
    with pytest.raises(WeightsError, match=r"does not fit PlainNet: it has head.weight as \(9, "):
        main(arguments(tmp_path))


@pytest.mark.usefixtures("in_process")
def test_half_precision_is_kept_in_full(tmp_path: Path) -> None:
    half = {k: v.half() if v.is_floating_point() else v for k, v in state().items()}
    torch.save(half, tmp_path / "net.pt")
    main(arguments(tmp_path))
    kept = load_file(tmp_path / "net.safetensors")
    assert torch.equal(kept["head.weight"], half["head.weight"].float())


def test_a_child_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.pt").write_bytes(b"")
    monkeypatch.setattr(unpickle, "MAX_SECONDS", 0.01)
    with pytest.raises(WeightsError, match=r"net.pt could not be read within 0.01 s"):
        keep_as_safetensors(CARD, tmp_path / "net.pt", tmp_path / "net.safetensors")
