"""How fast nets answer for one face: batch 1, one core, OpenVINO in f32, as the product runs them.

    uv run python benchmarks/model/speed.py [--rounds 15] [--json FILE]

The models of the zoo that are installed, and plain-t and plain-s with random weights (what a
weight is costs nothing). Every net answers in every round, so that a slow minute hits all alike.
A round's figure is the median of its calls; reported are the median over rounds, its range, and
the median over rounds of MobileFaceNet's time over the net's.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from facegate.models.nets.build import build_net
from facegate.models.runtime import set_threads, torch_net
from facegate.models.values import Floats
from facegate.models.zoo import card, installed, load_embedder

SIZE, DIM, CALLS = 112, 128, 40
MODELS = ("facegate-1", "mobilefacenet")
NETS = ("plain-t", "plain-s")
YARDSTICK = "mobilefacenet"
Net = Callable[[Floats], tuple[Floats, ...]]


def take_one_core() -> None:
    """Let this process use one core, and each net one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    set_threads(1)


def nets() -> dict[str, Net]:
    found: dict[str, Net] = {}
    for name in MODELS:
        if installed(card(name)):
            found[name] = load_embedder(name, device="cpu")._net
    for name in NETS:
        make = partial(build_net, name, dim=DIM, size=SIZE)
        key = f"{name} without training".encode().hex()
        found[f"{name}, untrained"] = torch_net(key, make, input_shape=(None, 3, SIZE, SIZE))
    return found


def milliseconds(net: Net, face: Floats) -> float:
    """Return the median time of one answer in a round."""
    taken = []
    for _ in range(CALLS):
        started = time.perf_counter()
        net(face)
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


def race(contenders: dict[str, Net], rounds: int) -> dict[str, list[float]]:
    """Return every net's milliseconds an answer, by round; the first round only warms up."""
    face = np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE)).astype(np.float32)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, net in contenders.items():
            found = milliseconds(net, face)
            if number:
                taken[name].append(found)
    return taken


def table(taken: dict[str, list[float]], yardstick: str) -> dict[str, dict[str, object]]:
    """Return each net's median and range in milliseconds, and how many times as fast it is."""
    rows: dict[str, dict[str, object]] = {}
    for name, values in taken.items():
        rows[name] = {
            "ms": round(statistics.median(values), 2),
            "range": [round(min(values), 2), round(max(values), 2)],
        }
        if yardstick in taken:
            ratios = [a / b for a, b in zip(taken[yardstick], values, strict=True)]
            rows[name]["times as fast"] = round(statistics.median(ratios), 2)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    take_one_core()
    found = table(race(nets(), options.rounds), YARDSTICK)
    for name, row in found.items():
        print(f"{name:22} {row}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
