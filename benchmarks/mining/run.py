"""How long mining, loss and backward take, beside pytorch-metric-learning and the tiled form.

    uv run --group bench python benchmarks/mining/run.py [--json] [--full]

One thread, CPU seconds (other work on the machine lengthens the wall clock, not these), median of
interleaved repeats: every contender runs once a round, so that a slow minute hits them all.
``--full`` adds the other batch shapes to the table.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from facegate.models.losses.triplet import semi_hard_triplet_loss

Contender = Callable[[Tensor, Tensor], Tensor]
DIM = 128
MARGIN = 0.2


def batch(n_identities: int, n_images: int) -> tuple[Tensor, Tensor]:
    """Make unit vectors around one centre an identity: distances like a half-trained net's."""
    random = torch.Generator().manual_seed(0)
    centres = torch.nn.functional.normalize(torch.randn(n_identities, DIM, generator=random))
    noise = torch.randn(n_identities * n_images, DIM, generator=random) / DIM**0.5
    rows = 0.8 * centres.repeat_interleave(n_images, 0) + noise
    labels = torch.arange(n_identities).repeat_interleave(n_images)
    return torch.nn.functional.normalize(rows), labels


def ours(rows: Tensor, labels: Tensor) -> Tensor:
    return semi_hard_triplet_loss(rows, labels, margin=MARGIN).loss


def ours_all(rows: Tensor, labels: Tensor) -> Tensor:
    """The same triplets as pytorch-metric-learning's."""
    return semi_hard_triplet_loss(rows, labels, margin=MARGIN, select="all").loss


def pml() -> Contender:
    """Return pytorch-metric-learning's semi-hard miner and triplet loss."""
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import TripletMarginMiner

    miner = TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard")
    loss = TripletMarginLoss(margin=MARGIN)
    return lambda rows, labels: loss(rows, labels, miner(rows, labels))


def tiled(rows: Tensor, labels: Tensor) -> Tensor:
    """TensorFlow Addons' TripletSemiHardLoss: a batch^2 x batch tile of the distances."""
    size = len(rows)
    squared = (2 - 2 * rows @ rows.T).clamp_min(0)
    d = squared.masked_fill(squared == 0, 1.0).sqrt().masked_fill(squared == 0, 0.0)
    same = labels[:, None] == labels
    tile = d.repeat(size, 1)
    mask = (~same).repeat(size, 1) & (tile > d.T.reshape(-1, 1))
    any_beyond = mask.any(dim=1).reshape(size, size).T
    top = tile.max(dim=1, keepdim=True).values
    outside = (((tile - top) * mask).min(dim=1).values + top[:, 0]).reshape(size, size).T
    low = d.min(dim=1, keepdim=True).values
    inside = ((d - low) * ~same).max(dim=1, keepdim=True).values + low
    semi_hard = torch.where(any_beyond, outside, inside.expand(size, size))
    positives = same.float() - torch.eye(size)
    return ((MARGIN + d - semi_hard) * positives).clamp_min(0).sum() / positives.sum()


def cpu_seconds(contender: Contender, rows: Tensor, labels: Tensor) -> float:
    """Return the CPU seconds of one forward and backward, down to the embeddings."""
    leaf = rows.clone().requires_grad_()
    start = time.process_time()
    contender(leaf, labels).backward()
    return time.process_time() - start


def race(contenders: dict[str, Contender], shape: tuple[int, int], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each contender over interleaved rounds."""
    rows, labels = batch(*shape)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        cpu_seconds(contender, rows, labels)
    for _ in range(rounds):
        for name, contender in contenders.items():
            taken[name].append(cpu_seconds(contender, rows, labels))
    return {name: statistics.median(values) for name, values in taken.items()}


MEASURE_MEMORY = """
import sys
sys.path.insert(0, sys.argv[1])
from run import batch, ours

def high_water():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

ours(*batch(8, 4))
rows, labels = batch(int(sys.argv[2]), int(sys.argv[3]))
rows.requires_grad_()
ours(rows[:64], labels[:64]).backward()
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = high_water()
ours(rows, labels).backward()
print(high_water() - before)
"""


def peak_mb(shape: tuple[int, int]) -> float:
    """Return the extra memory of our loss at its peak, in a process of its own (Linux)."""
    here = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, "-c", MEASURE_MEMORY, here, *map(str, shape)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the four figures only")
    parser.add_argument("--full", action="store_true", help="add the other batch shapes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    contenders: dict[str, Contender] = {"ours": ours, "pml": pml(), "tiled": tiled}
    at_256 = race(contenders, (32, 8), rounds=9)
    at_1800 = race({"ours": ours}, (45, 40), rounds=9)
    figures = {
        "ratio_pml_256": round(at_256["pml"] / at_256["ours"], 1),
        "ratio_tiled_256": round(at_256["tiled"] / at_256["ours"], 1),
        "seconds_1800": round(at_1800["ours"], 3),
        "peak_mb_1800": round(peak_mb((45, 40)), 1),
    }
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread")
    for name, value in figures.items():
        print(f"{name:16} {value}")
    if arguments.full:
        table({**contenders, "ours, all": ours_all})


def table(contenders: dict[str, Contender]) -> None:
    """Print CPU milliseconds by batch shape."""
    print("\n" + "".join(f"{name:>12}" for name in ("batch", *contenders)))
    for shape in ((16, 8), (32, 8), (64, 8)):
        found = race(contenders, shape, rounds=5)
        label = f"{shape[0]} x {shape[1]}"
        print(f"{label:>12}" + "".join(f"{1000 * s:12.1f}" for s in found.values()), flush=True)


if __name__ == "__main__":
    main()
