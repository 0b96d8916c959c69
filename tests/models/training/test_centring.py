import torch
from torch import nn

from facegate.models.nets.build import build_net
from facegate.models.training.centring import output_norm, recentre
from facegate.models.training.ranks import Ranks

ALONE = Ranks()


def drifted(norm: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what comes in, and what goes out first, of a norm that knows another world."""
    torch.manual_seed(0)
    coming = torch.randn(64, 5) * 3 + torch.tensor([4.0, -2.0, 0.0, 1.0, 9.0])
    assert norm.running_var is not None
    norm.running_var.copy_(torch.tensor([1.0, 4.0, 9.0, 0.5, 2.0]))
    return coming, norm.eval()(coming)


def test_outputs_end_where_live_statistics_would_put_their_mean() -> None:
    norm = nn.BatchNorm1d(5, affine=False)
    coming, before = drifted(norm)
    for _ in range(1500):
        recentre(norm, norm(coming), ALONE)
    torch.testing.assert_close(norm.running_mean, coming.mean(dim=0), atol=1e-4, rtol=0)
    after = norm(coming)
    torch.testing.assert_close(after - after.mean(0), before - before.mean(0))


def test_scale_and_shift_of_a_norm_are_not_taken_for_drift() -> None:
    norm = nn.BatchNorm1d(5)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, -1.0, 0.5, 0.0, 1.0]))
        norm.bias.copy_(torch.arange(5.0))
    coming, _ = drifted(norm)
    for _ in range(1500):
        recentre(norm, norm(coming), ALONE)
    found = norm(coming).mean(dim=0).detach()
    torch.testing.assert_close(found, torch.arange(5.0), atol=1e-3, rtol=0)
    assert norm.running_mean is not None
    assert norm.running_mean[3] == 0  # scaled by nothing: nothing is known of it


def test_only_a_net_that_ends_in_a_normalisation_has_one() -> None:
    plain = build_net("plain-t", dim=8, size=32)
    assert output_norm(plain) is plain.bn
    assert output_norm(nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))) is None
    assert output_norm(nn.BatchNorm1d(3, track_running_stats=False)) is None
