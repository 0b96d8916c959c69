"""Several processes on one run give the gradient that one process would."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facegate.models.training.config import Stage
from facegate.models.training.objective import Objective
from facegate.models.training.ranks import Ranks

N, DIM = 13, 5


def make() -> tuple[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(7, 16), nn.ReLU(), nn.Linear(16, DIM)).double()
    images = torch.randn(N, 7, dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, -1, -1])
    targets = nn.functional.normalize(torch.randn(N, DIM, dtype=torch.float64), dim=1)
    return net, images, labels, targets


def steps(ranks: Ranks, n: int) -> list[torch.Tensor]:
    """Take plain gradient steps on this process's part of each batch; return the weights."""
    net, images, labels, targets = make()
    stage = Stage(distil=0.5, margin=0.6)
    objective = Objective(stage, dim=DIM, n_identities=5)
    weights = list(net.parameters())
    rows = ranks.part(torch.arange(N))
    for _ in range(n):
        for weight in weights:
            weight.grad = None
        total, _ = objective(
            net(images[rows]), labels[rows], targets[rows], weight=len(rows) * ranks.size / N
        )
        total.backward()
        ranks.average_gradients(weights)
        with torch.no_grad():
            for weight in weights:
                assert weight.grad is not None
                weight.sub_(0.1 * weight.grad)
    return [weight.detach() for weight in weights]


def work(folder: Path) -> None:
    torch.set_num_threads(1)
    ranks = Ranks.join(cuda=False)
    assert ranks.is_first == (ranks.rank == 0)
    assert ranks.agree("f32" if ranks.is_first else "bf16") == "f32"
    torch.save(steps(ranks, 5), folder / f"{ranks.rank}.pt")
    ranks.leave()
    # A thread of the group that outlives it can abort the process at its end.
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    assert not any("gloo" in name for name in names), names


@pytest.mark.parametrize("size", [2, 3])
def test_five_steps_end_at_the_weights_of_one_process(size: int, tmp_path: Path) -> None:
    alone = steps(Ranks(), 5)
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"]
    command = [sys.executable, *launch, __file__, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for rank in range(size):
        for mine, theirs in zip(alone, torch.load(tmp_path / f"{rank}.pt"), strict=True):
            torch.testing.assert_close(theirs, mine, rtol=1e-12, atol=1e-12)


def test_one_process_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    ranks = Ranks.join(cuda=False)
    assert ranks == Ranks()
    assert ranks.agree("bf16") == "bf16"
    assert np.array_equal(ranks.part(torch.arange(4)), np.arange(4))


if __name__ == "__main__":
    work(Path(sys.argv[1]))
