"""Several processes on one run give the gradient that one process would."""

import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facegate.errors import MachineError
from facegate.models.losses.result import LossStats
from facegate.models.training.alike import Centres
from facegate.models.training.config import Stage
from facegate.models.training.objective import Objective, Shares
from facegate.models.training.ranks import Ranks
from facegate.models.training.shared_norm import share_norms

N, DIM = 13, 5
LABELS = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, -1, -1])

STAGES = {
    "triplets": Stage(distil=0.5, margin=0.6, classifier=0.3),
    "names": Stage(loss="cosface", distil=0.5),
    "proxies": Stage(loss="pml:ProxyAnchorLoss"),
}

Found = dict[str, tuple[list[torch.Tensor], list[float]]]


def make_net() -> nn.Module:
    """Make a net whose normalisation, of both kinds, is live."""
    layers = (nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten())
    head = (nn.Linear(24, DIM), nn.BatchNorm1d(DIM, affine=False, momentum=None))
    return nn.Sequential(*layers, *head).double()


def steps(ranks: Ranks, stage: Stage, n: int) -> tuple[list[torch.Tensor], list[float]]:
    """Take plain gradient steps on this process's part of each batch.

    Returns:
        The weights and statistics, and the losses of each step.
    """
    torch.manual_seed(3)
    net = make_net()
    images = torch.randn(N, 3, 4, 4, dtype=torch.float64)
    targets = nn.functional.normalize(torch.randn(N, DIM, dtype=torch.float64), dim=1)
    objective = Objective(stage, dim=DIM, n_identities=5).double()
    ranks.share_norms(net)
    weights = [*net.parameters(), *objective.parameters()]
    rows = ranks.part(torch.arange(N))
    labels = LABELS[rows]
    known = int((labels >= 0).sum()) * ranks.size / int((LABELS >= 0).sum())
    losses: list[float] = []
    for _ in range(n):
        for weight in weights:
            weight.grad = None
        total, shares = objective(
            net(images[rows]),
            labels,
            targets[rows],
            weight=len(rows) * ranks.size / N,
            labelled_weight=known,
        )
        total.backward()
        shares = shares.over_all(ranks)
        losses += [shares.total, shares.main, shares.classifier or 0, shares.distil or 0]
        ranks.average_gradients(weights)
        with torch.no_grad():
            for weight in weights:
                assert weight.grad is not None
                weight.sub_(0.1 * weight.grad)
    return [value.detach() for value in (*weights, *net.buffers())], losses


def everything(ranks: Ranks) -> Found:
    here = find_spec("pytorch_metric_learning") is not None
    stages = {name: stage for name, stage in STAGES.items() if here or name != "proxies"}
    return {name: steps(ranks, stage, 5) for name, stage in stages.items()}


def work(folder: Path) -> None:
    torch.set_num_threads(1)
    ranks = Ranks.join(cuda=False)
    assert ranks.is_first == (ranks.rank == 0)
    assert ranks.agree("f32" if ranks.is_first else "bf16") == "f32"
    torch.save(everything(ranks), folder / f"{ranks.rank}.pt")
    torch.save(told(ranks), folder / f"told {ranks.rank}.pt")
    with ranks.one_ahead():
        time.sleep(0.5 if ranks.is_first else 0)
        with (folder / "order").open("a") as file:
            file.write(f"{ranks.rank}\n")
    if ranks.rank == ranks.size - 1:
        ranks.leave()
    else:
        torch.save(lost(ranks), folder / f"lost {ranks.rank}.pt")
        ranks.leave()
    # A thread of the group that outlives it can abort the process at its end.
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    assert not any("gloo" in name for name in names), names


def told(ranks: Ranks) -> tuple[Shares, dict[int, list[int]]]:
    """Return a step that each process saw in its own way, and neighbours that each found."""
    near = None if ranks.is_first else (0.1, 0.2, 0.3)
    stats = LossStats(0.5, n_pairs=4, d_ap=near, d_an=(ranks.rank + 1.0, 1.2, 1.3))
    mine = Shares(ranks.rank, 0.5, None, 2.0 * ranks.rank, stats, ranks.rank / 2, 0.9, n_zero=1)
    centres = Centres(3, 2)
    # Each has seen one person whom the others have not, and one that all have.
    centres.follow(torch.tensor([[1.0, ranks.rank], [1.0, 0.0]]), torch.tensor([ranks.rank, 2]))
    centres.share(ranks)
    found = {key: value.tolist() for key, value in centres.find().items()}
    return mine.over_all(ranks), found


def lost(ranks: Ranks) -> tuple[str, str]:
    """Return what a process says when another has gone."""
    try:
        with ranks.together():
            ranks.totals([1.0])
            ranks.totals([1.0])
    except MachineError as error:
        return error.message, error.code
    return "", ""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    found = {}
    for size in (2, 3):
        folder = tmp_path_factory.mktemp(str(size))
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"]
        command = [sys.executable, *launch, __file__, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        found[size] = folder
    return found


@pytest.mark.parametrize("size", [2, 3])
def test_five_steps_end_at_the_weights_of_one_process(size: int, folders: dict[int, Path]) -> None:
    """Parts of unequal size, rows without a label, live statistics, classifier and proxies."""
    for name, (alone, losses) in everything(Ranks()).items():
        for rank in range(size):
            values, found = torch.load(folders[size] / f"{rank}.pt")[name]
            assert found == pytest.approx(losses, rel=1e-12), name
            for mine, theirs in zip(alone, values, strict=True):
                torch.testing.assert_close(theirs, mine, rtol=1e-12, atol=1e-12, msg=name)


@pytest.mark.parametrize("size", [2, 3])
def test_all_processes_hear_the_same_of_a_step(size: int, folders: dict[int, Path]) -> None:
    """Else one would be stopped by its watchdog while the others wait, or draw other batches."""
    said = [
        torch.load(folders[size] / f"told {rank}.pt", weights_only=False) for rank in range(size)
    ]
    assert all(one == said[0] for one in said)
    shares, neighbours = said[0]
    assert shares.total == pytest.approx((size - 1) / 2)
    assert (shares.main, shares.classifier, shares.n_zero) == (0.5, None, size)
    assert shares.stats.d_ap is None
    assert shares.stats.d_an == (1.0, 1.2, 1.3)
    assert set(neighbours) == {*range(size), 2}


@pytest.mark.parametrize("size", [2, 3])
def test_the_first_process_goes_ahead(size: int, folders: dict[int, Path]) -> None:
    first, *others = (folders[size] / "order").read_text().split()
    assert first == "0"
    assert sorted(others) == ["1", "2"][: size - 1]


@pytest.mark.parametrize("size", [2, 3])
def test_a_process_that_lost_another_says_so(size: int, folders: dict[int, Path]) -> None:
    for rank in range(size - 1):
        found = torch.load(folders[size] / f"lost {rank}.pt")
        assert found == (f"process {rank} lost the others of this run", "process_lost")


def test_a_bug_is_no_lost_process() -> None:
    with pytest.raises(RuntimeError, match="shapes"), Ranks(size=2).together():
        raise RuntimeError("shapes do not fit")


@pytest.mark.parametrize("shape", [(7, 5), (4, 5, 3, 2)])
def test_shared_normalisation_of_one_process_is_that_of_torch(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda total: None)
    kind = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    plain, shared = kind(5), kind(5)
    share_norms(shared)
    for _ in range(3):
        images = torch.randn(shape)
        torch.testing.assert_close(shared(images), plain(images))
    assert shared(images.bfloat16()).dtype == torch.bfloat16
    plain(images.bfloat16())
    torch.testing.assert_close(shared.state_dict(), plain.state_dict())
    torch.testing.assert_close(shared.eval()(images), plain.eval()(images))


def test_one_process_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    ranks = Ranks.join(cuda=False)
    assert ranks == Ranks()
    assert ranks.agree("bf16") == "bf16"
    assert np.array_equal(ranks.part(torch.arange(4)), np.arange(4))


if __name__ == "__main__":
    work(Path(sys.argv[1]))
