import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facegate.models.losses.batch_all import BatchAllLoss
from facegate.models.losses.batch_hard import BatchHardLoss
from facegate.models.losses.contrastive import ContrastiveLoss
from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.streamed import streamed
from facegate.models.losses.triplet import SemiHardTripletLoss

MakeBatch = Callable[..., tuple[Tensor, Tensor]]

LOSSES = [
    SemiHardTripletLoss(0.5),
    SemiHardTripletLoss(0.5, "squared", reduce="anchor", fallback="easiest"),
    SemiHardTripletLoss(0.5, reduce="sum"),
    SemiHardTripletLoss(0.5, select="all", reduce="anchor"),
    BatchAllLoss(0.5),
    BatchHardLoss(soft=True),
    ContrastiveLoss(),
]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_the_size_of_the_blocks_changes_nothing(
    loss: BatchLoss, chunk: int, batch_of: MakeBatch
) -> None:
    rows, labels = batch_of(8, 4)
    rows = rows.double().requires_grad_()
    whole = loss(rows, labels)
    parts = streamed(rows, labels, loss.terms, metric=loss.metric, chunk=chunk)
    torch.testing.assert_close(parts.value(), whole.loss, rtol=1e-13, atol=1e-14)
    assert parts.counts[-1] == whole.stats.n_active > 0
    (got,) = torch.autograd.grad(parts.value(), rows)
    (wanted,) = torch.autograd.grad(whole.loss, rows)
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_shares_of_the_anchors_add_up(loss: BatchLoss, batch_of: MakeBatch) -> None:
    rows, labels = batch_of(6, 4)
    rows = rows.double()
    whole = loss.sums(rows, labels)
    shares = [loss.sums(rows, labels, part) for part in (slice(0, 5), slice(5, 5), slice(5, 24))]
    for name in ("totals", "denominators", "counts"):
        added = torch.stack([getattr(share, name) for share in shares]).sum(dim=0)
        torch.testing.assert_close(added, getattr(whole, name), rtol=1e-12, atol=1e-12)


MEASURE = """
import torch
from facegate.models.losses.triplet import semi_hard_triplet_loss

def high_water():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

def extra(n_identities, n_images):
    rows = torch.nn.functional.normalize(torch.randn(n_identities * n_images, 128), dim=1)
    rows.requires_grad_()
    labels = torch.arange(n_identities).repeat_interleave(n_images)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = high_water()
    semi_hard_triplet_loss(rows, labels).loss.backward()
    return high_water() - before

extra(8, 4)
print(extra(45, 40), extra(205, 40))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_stays_far_below_one_distance_matrix() -> None:
    """1,800 embeddings within 64 MB, 8,200 within the size of half their distances."""
    answer = subprocess.run(
        [sys.executable, "-c", MEASURE],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    small, large = (float(mb) for mb in answer.stdout.split())
    assert small < 64
    assert large < 160
