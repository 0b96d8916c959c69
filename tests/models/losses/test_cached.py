import pytest
import torch
from torch import Tensor, nn

from facegate.errors import InputError
from facegate.models.losses.cached import backward_in_chunks
from facegate.models.losses.distances import unit_rows
from facegate.models.losses.registry import make_loss


class Net(nn.Module):
    """Everything that could tell one chunk from another: batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 4)
        )

    def forward(self, images: Tensor) -> Tensor:
        return unit_rows(self.body(images))[0]


def net() -> Net:
    torch.manual_seed(0)
    made = Net().double()
    made(torch.randn(64, 6, dtype=torch.float64))  # statistics that are not 0 and 1
    made.train()
    made.body[1].eval()
    return made


def gradients(of: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for p in of.parameters() if p.grad is not None]


IMAGES = torch.randn(24, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
LABELS = torch.arange(24) // 4


@pytest.mark.parametrize("name", ["semi-hard", "batch-hard", "contrastive", "quadruplet"])
@pytest.mark.parametrize("chunk", [1, 5, 24, 100])
def test_gradient_is_that_of_the_whole_batch(name: str, chunk: int) -> None:
    whole, parts = net(), net()
    for module in (whole, parts):
        module.body[3].eval()
    loss = make_loss(name)
    wanted = loss(whole(IMAGES), LABELS)
    wanted.loss.backward()
    got = backward_in_chunks(parts, IMAGES, LABELS, loss, chunk=chunk)
    assert not got.loss.requires_grad
    torch.testing.assert_close(got.loss, wanted.loss.detach(), rtol=1e-12, atol=1e-14)
    assert got.stats.n_active == wanted.stats.n_active
    torch.testing.assert_close(gradients(parts), gradients(whole), rtol=1e-11, atol=1e-14)


def test_dropout_falls_the_same_way_in_both_passes() -> None:
    seen: list[Tensor] = []
    module = net()
    module.body[3].register_forward_hook(lambda _m, _i, out: seen.append(out.detach() == 0))
    backward_in_chunks(module, IMAGES, LABELS, make_loss("semi-hard"), chunk=8)
    assert len(seen) == 6
    for first, second in zip(seen[:3], seen[3:], strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(seen[0], seen[1])


def test_leaves_the_generator_where_one_forward_pass_would() -> None:
    module = net()
    torch.manual_seed(5)
    module(IMAGES)
    after_one = torch.rand(1)
    torch.manual_seed(5)
    backward_in_chunks(module, IMAGES, LABELS, make_loss("semi-hard"), chunk=24)
    assert torch.rand(1) == after_one


def test_runs_the_network_under_autocast_and_the_loss_in_full() -> None:
    module = net().float()
    result = backward_in_chunks(
        module,
        IMAGES.float(),
        LABELS,
        make_loss("semi-hard"),
        chunk=8,
        autocast=lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    )
    assert result.loss.dtype == torch.float32
    assert all(gradient.isfinite().all() for gradient in gradients(module))


def test_refuses_batch_norm_in_training_mode_by_its_name() -> None:
    with pytest.raises(InputError, match=r"batch norm 'body\.1' is in training mode"):
        backward_in_chunks(net().train(), IMAGES, LABELS, make_loss("semi-hard"), chunk=8)
