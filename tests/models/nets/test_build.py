"""Every architecture by its name, and weights put into it with nothing left over."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from facegate.errors import CardError, WeightsError
from facegate.models.card import ARCHITECTURES
from facegate.models.nets.build import build_net, load_net, put_weights

DIMS = {"inception-resnet-v1": (512, 160)}


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "file"])
def test_every_architecture_can_be_built_and_run(name: str) -> None:
    dim, size = DIMS.get(name, (128, 112))
    net = build_net(name, dim=dim, size=size).eval()
    with torch.inference_mode():
        assert net(torch.zeros(2, 3, size, size)).shape == (2, dim)


def test_what_a_card_cannot_ask_for_is_said() -> None:
    with pytest.raises(CardError, match=r"mobilefacenet has input_size 112, not 128"):
        build_net("mobilefacenet", dim=128, size=128)
    with pytest.raises(CardError, match=r"inception-resnet-v1 has dim 512, not 128"):
        build_net("inception-resnet-v1", dim=128, size=160)
    with pytest.raises(CardError, match=r"no net of facegate's is called 'file'"):
        build_net("file", dim=128, size=112)


def tiny() -> torch.nn.Module:
    return torch.nn.Linear(2, 3)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"weight": torch.zeros(3, 2)}, "x does not fit Linear: it lacks bias: check arch"),
        (
            {"weight": torch.zeros(3, 2), "bias": torch.zeros(3), "odd": torch.zeros(1)},
            "has an unknown odd",
        ),
        (
            {"weight": torch.zeros(3, 2), "bias": torch.zeros(4)},
            r"has bias as \(4,\), not \(3,\)",
        ),
        ({}, "it lacks weight and 1 more"),
    ],
)
def test_weights_that_do_not_fit_are_refused(state: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        put_weights(tiny(), state, source="x")


def test_a_classifier_is_left_out() -> None:
    net = tiny()
    state = {**net.state_dict(), "logits.weight": torch.zeros(9, 3), "logits.bias": torch.zeros(9)}
    put_weights(net, state, source="x")


def test_half_precision_weights_run_in_full_precision(tmp_path: Path) -> None:
    net = build_net("plain-t", dim=8, size=32)
    half = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file(half, tmp_path / "net.safetensors")
    loaded = load_net("plain-t", tmp_path / "net.safetensors", dim=8, size=32)
    assert not loaded.training
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    with torch.inference_mode():
        images = torch.rand(2, 3, 32, 32)
        torch.testing.assert_close(loaded(images), net.eval()(images), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("contents", [b"", b"garbage", b"\xff" * 64])
def test_a_damaged_file_is_named(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "net.safetensors").write_bytes(contents)
    with pytest.raises(WeightsError, match=r"net.safetensors is no safetensors file"):
        load_net("plain-t", tmp_path / "net.safetensors", dim=8, size=32)
