"""One process of a group, for test_gather.py: ``ranks.py RANK N_RANKS FOLDER``.

Each scenario deals a batch to the processes; the mean of their gradients at the parameters,
which is what DistributedDataParallel hands to the optimiser, goes to a file.
"""

import itertools
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from facegate.models.losses.cached import backward_in_chunks
from facegate.models.losses.gather import across_ranks
from facegate.models.losses.registry import Loss, make_loss
from facegate.models.losses.result import LossResult, LossStats

IMAGES = torch.randn(24, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
LABELS = torch.arange(24) % 6

LOSSES: dict[str, dict[str, Any]] = {
    "semi-hard": {"margin": 0.5},
    "batch-hard": {"soft": True},
    "batch-all": {"margin": 0.5},
    "hard-negative": {"margin": 0.5, "reduce": "anchor"},
    "contrastive": {},
    "quadruplet": {},
}


def whole(embeddings: Tensor, labels: Tensor) -> LossResult:
    """Stand for a loss that is not ours: each process computes it over everything."""
    taking_part = labels >= 0
    similarity = (embeddings @ embeddings.T)[taking_part][:, taking_part]
    same = labels[taking_part][:, None] == labels[taking_part]
    loss = torch.where(same, -similarity, similarity.exp()).mean()
    return LossResult(loss, LossStats(loss.item()))


# For 2 and for 3 processes: where a process's rows end. "none" leaves the first without rows.
DEALS = {
    "equal": {2: [12], 3: [8, 16]},
    "unequal": {2: [5], 3: [13, 15]},
    "none": {2: [0], 3: [0, 12]},
    "single": {2: [1], 3: [1, 2]},
}


def net() -> nn.Module:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4)).double()
    body(IMAGES)
    return body.eval()


def embed(model: nn.Module, images: Tensor) -> Tensor:
    return torch.nn.functional.normalize(model(images), dim=1)


def flat(model: nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def share(deal: str, rank: int, n_ranks: int, n_rows: int) -> slice:
    ends = [0, *DEALS[deal][n_ranks], n_rows] if n_ranks > 1 else [0, n_rows]
    return slice(ends[rank], ends[rank + 1])


def gradient(loss: Loss, labels: Tensor, part: slice) -> tuple[Tensor, float, int]:
    """Return the parameters' gradient after averaging, the loss and the active terms."""
    model = net()
    result = loss(embed(model, IMAGES[part]), labels[part])
    result.loss.backward()
    found = flat(model)
    dist.all_reduce(found)
    return found / dist.get_world_size(), result.stats.loss, result.stats.n_active


def trained(rank: int, n_ranks: int, chunk: int | None) -> Tensor:
    """Return the parameters after five steps of plain gradient descent.

    Two processes train under DistributedDataParallel; three take the mean of the gradients by
    hand, since its import alone takes longer than all of this.
    """
    model = nn.parallel.DistributedDataParallel(net()) if n_ranks == 2 else net()
    loss = across_ranks(make_loss("semi-hard", margin=0.5))
    part = share("equal", rank, n_ranks, len(LABELS))
    for _ in range(5):
        model.zero_grad()
        if chunk:
            backward_in_chunks(model, IMAGES[part], LABELS[part], loss, chunk=chunk)
        else:
            loss(model(IMAGES[part]), LABELS[part]).loss.backward()
        with torch.no_grad():  # and so does torch.optim's
            for parameter in model.parameters():
                if parameter.grad is None:
                    continue
                if n_ranks == 3:
                    dist.all_reduce(parameter.grad.div_(3))
                parameter.sub_(0.5 * parameter.grad)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def refusal(rank: int) -> str:
    """Return the error of a batch in which the last process has an embedding that is NaN."""
    rows = torch.zeros(2, 3)
    if rank == dist.get_world_size() - 1:
        rows[0, 0] = float("nan")
    try:
        across_ranks(make_loss("semi-hard"))(rows, torch.tensor([0, 1]))
    except Exception as error:
        return str(error)
    return ""


def main(rank: int, n_ranks: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=n_ranks
    )
    found: dict[str, object] = {}
    for deal in DEALS:
        part = share(deal, rank, n_ranks, len(LABELS))
        losses = {name: make_loss(name, **options) for name, options in LOSSES.items()}
        for name, loss in {**losses, "whole": whole}.items():
            found[f"{deal} {name}"] = gradient(across_ranks(loss), LABELS, part)
    # The second of 2 (of 3) processes has nothing but ignored rows, or single images.
    own = share("equal", rank, n_ranks, len(LABELS))
    for case, n in itertools.product(("ignored", "no positives"), (2, 3)):
        labels = LABELS.clone()
        places = torch.arange(24)[share("equal", 1, n, 24)]
        labels[places] = -1 if case == "ignored" else 100 + places
        for name in ("semi-hard", "contrastive"):
            found[f"{case} of {n}, {name}"] = gradient(across_ranks(make_loss(name)), labels, own)
    found["trained"] = trained(rank, n_ranks, None)
    found["trained in chunks"] = trained(rank, n_ranks, 5)
    found["refusal"] = refusal(rank)
    if rank == 0:
        torch.save(found, folder / "found.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    # DistributedDataParallel keeps the group's threads alive beyond its end. One that lets go of
    # a tensor while the interpreter is being taken down aborts the process: leave that part out.
    os._exit(0)
