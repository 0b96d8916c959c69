import pytest
import torch

from facegate.errors import InputError
from facegate.models.nets.plain import SHAPES, build


@pytest.mark.parametrize("name", SHAPES)
def test_every_net_embeds_and_every_weight_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    net = build(name)
    embeddings = net(torch.randn(4, 3, 112, 112))
    assert embeddings.shape == (4, 128)
    embeddings.square().sum(dim=1)[0].backward()
    assert all(weight.grad is not None for weight in net.parameters())


@pytest.mark.parametrize(("name", "megabytes"), [("plain-t", 5), ("plain-u", 10), ("plain-s", 10)])
def test_small_nets_keep_their_size_in_half_precision(name: str, megabytes: float) -> None:
    values = sum(value.numel() for value in build(name).state_dict().values())
    assert 2 * values < megabytes * 1e6


@pytest.mark.parametrize("size", [16, 17, 64, 100, 112])
def test_the_head_fits_any_input_size(size: int) -> None:
    net = build("plain-t", dim=32, size=size).eval()
    with torch.inference_mode():
        assert net(torch.zeros(1, 3, size, size)).shape == (1, 32)


def test_names_are_matched_without_case() -> None:
    assert type(build("Plain-T", size=16)) is type(build("plain-t", size=16))


def test_unknown_names_and_sizes_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="no plain net is called 'plain-x'"):
        build("plain-x")
    with pytest.raises(InputError, match="8 px input is too small"):
        build("plain-t", size=8)
