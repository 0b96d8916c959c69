import importlib
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from facegate.errors import InputError, MachineError
from facegate.models.losses.batch_hard import BatchHardLoss
from facegate.models.losses.registry import LOSSES, make_loss

MakeBatch = Callable[..., tuple[Tensor, Tensor]]


@pytest.mark.parametrize("name", LOSSES)
def test_every_name_makes_a_loss_that_runs_and_pulls(name: str, batch_of: MakeBatch) -> None:
    rows, labels = batch_of(30, 4)
    rows.requires_grad_()
    torch.manual_seed(0)  # of the random filter
    result = make_loss(name)(rows, labels)
    result.loss.backward()
    assert result.loss.item() > 0
    assert rows.grad is not None
    assert rows.grad.any()


def test_options_reach_the_loss() -> None:
    assert make_loss("batch-hard", margin=0.3, soft=True) == BatchHardLoss(0.3, soft=True)


def test_an_unknown_name_or_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="loss 'semihard' is not known: did you mean semi-hard"):
        make_loss("semihard")
    with pytest.raises(InputError, match="'margn' is not known: did you mean margin"):
        make_loss("semi-hard", margn=0.2)


@pytest.mark.parametrize("name", ["SupConLoss", "TripletMarginLoss", "MultiSimilarityLoss"])
def test_borrows_a_loss_by_name(name: str, batch_of: MakeBatch) -> None:
    losses = importlib.import_module("pytorch_metric_learning.losses")
    rows, labels = batch_of(6, 4)
    result = make_loss(f"pml:{name}")(rows.requires_grad_(), labels)
    result.loss.backward()
    torch.testing.assert_close(result.loss, getattr(losses, name)()(rows, labels))
    assert result.stats.n_pairs == 6 * 4 * 3
    assert rows.grad is not None
    assert rows.grad.any()


def test_supcon_has_the_value_of_its_formula() -> None:
    """Khosla et al. 2020, equation 2, in plain loops."""
    torch.manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(6, 4, dtype=torch.float64), dim=1)
    labels = [0, 0, 1, 1, 1, 2]
    s = (rows @ rows.T / 0.1).tolist()
    of_anchor = []
    for a in range(6):
        positives = [p for p in range(6) if p != a and labels[p] == labels[a]]
        if positives:
            total = torch.logsumexp(torch.tensor([s[a][i] for i in range(6) if i != a]), 0)
            of_anchor.append(sum(total.item() - s[a][p] for p in positives) / len(positives))
    result = make_loss("pml:SupConLoss", temperature=0.1)(rows, torch.tensor(labels))
    assert result.loss.item() == pytest.approx(sum(of_anchor) / len(of_anchor), rel=1e-5)


def test_a_borrowed_loss_ignores_rows_and_survives_none(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(4, 3)
    loss = make_loss("pml:SupConLoss")
    noise = torch.randn(2, rows.shape[1])
    ignored = torch.cat([labels, torch.tensor([-1, -1])])
    with_noise = loss(torch.cat([rows, noise]), ignored)
    torch.testing.assert_close(with_noise.loss, loss(rows, labels).loss)
    alone = torch.ones(3, 4, requires_grad=True)
    result = loss(alone, torch.tensor([-1, -1, -1]))
    result.loss.backward()
    assert result.loss.item() == 0


def test_a_proxy_loss_brings_its_parameters() -> None:
    loss = make_loss("pml:ProxyAnchorLoss", num_classes=3, embedding_size=4)
    assert isinstance(loss, nn.Module)
    assert [tuple(p.shape) for p in loss.parameters()] == [(3, 4)]


def test_an_unknown_borrowed_loss_or_option_is_refused() -> None:
    with pytest.raises(InputError, match="has no loss 'SupCon': did you mean pml:SupConLoss"):
        make_loss("pml:SupCon")
    with pytest.raises(InputError, match="pml:SupConLoss does not take these options"):
        make_loss("pml:SupConLoss", temprature=0.1)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)
    with pytest.raises(MachineError, match="needs the package pytorch-metric-learning"):
        make_loss("pml:SupConLoss")
