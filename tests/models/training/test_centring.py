from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facegate.models.nets.build import build_net
from facegate.models.training.centring import output_norm, recentre

CPU = torch.device("cpu")


def test_outputs_have_no_mean_left_and_else_stay_as_they_were() -> None:
    torch.manual_seed(0)
    net = build_net("plain-t", dim=8, size=32).eval()
    crops = np.random.default_rng(0).integers(0, 256, (300, 40, 40, 3), np.uint8)
    images = torch.from_numpy(crops[:, 4:36, 4:36]).permute(0, 3, 1, 2).float().sub(127.5) / 127.5
    with torch.no_grad():
        before = net(images)
        recentre(net, crops, 32, device=CPU, autocast=nullcontext)
        after = net(images)
    assert before.mean(dim=0).norm() > 0.1
    torch.testing.assert_close(after.mean(dim=0), torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(after - after.mean(0), before - before.mean(0))


class Unused(nn.Module):
    """Lists a normalisation last that no image comes through."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.spare = nn.Flatten(), nn.BatchNorm1d(12)

    def forward(self, images: Tensor) -> Tensor:
        rows: Tensor = self.flat(images)
        return rows


class Planes(Unused):
    """Uses it on three planes an image."""

    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.BatchNorm1d(3)

    def forward(self, images: Tensor) -> Tensor:
        rows: Tensor = self.flat(self.spare(images.flatten(2)))
        return rows


class Twice(Unused):
    """Uses it twice."""

    def forward(self, images: Tensor) -> Tensor:
        rows: Tensor = self.spare(self.spare(self.flat(images)))
        return rows


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 2)),
        Unused(),
        Planes(),
        Twice(),
    ],
    ids=["ends otherwise", "unused", "planes", "twice"],
)
def test_a_net_that_does_not_end_in_one_is_left_alone(net: nn.Module) -> None:
    net.eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    crops = np.random.default_rng(0).integers(0, 256, (9, 2, 2, 3), np.uint8)
    recentre(net, crops, 2, device=CPU, autocast=nullcontext)
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())


def test_only_a_net_that_ends_in_a_normalisation_has_one() -> None:
    plain = build_net("plain-t", dim=8, size=32)
    assert output_norm(plain) is plain.bn
    assert output_norm(nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))) is None
    assert output_norm(nn.BatchNorm1d(3, track_running_stats=False)) is None
