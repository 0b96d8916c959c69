"""How much of the pure forward-backward rate a training run reaches.

    uv run benchmarks/train/run.py [--threads 1] [--precision f32] [--rounds 7] [--json]

The first stage of the preset trains on generated crops, as `facegate train` would: batches are
drawn, augmented, embedded, and the net, its classifier and the average take their steps. Between
these rounds the same net walks forward and backward over one batch that is ready, and nothing
else: no loss but a mean of squares, no classifier, no optimiser, and no batch in the making.
Rounds alternate, so that a slow minute hits both; the figures are medians over rounds.
``ratio`` compares the clock on the wall; ``work`` the CPU seconds of all threads, which other
programs on the machine do not lengthen: what a step costs beside the net, wherever it runs.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import replace
from functools import partial
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # a thread that spins would count as work

import numpy as np
import torch

from facegate.models.training.config import Config, load_config
from facegate.models.training.loop import Trainer
from facegate.models.training.material import Material
from facegate.models.training.net import make_net
from facegate.models.training.precision import autocast_of, choose_precision
from facegate.models.training.validation import Held

N_PEOPLE, N_IMAGES = 5000, 2  # as many classes for the classifier as the people set trains on
STEPS = 4
"""A round of each kind."""


class Waits:
    """Hears of the run and keeps the share of each step that waited for its batch."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def step(self, event: dict[str, Any]) -> None:
        self.shares.append(event["waiting"])

    def look(self, event: dict[str, Any], is_best: bool) -> None: ...

    def warn(self, event: dict[str, Any]) -> None: ...

    def keep(self, trainer: Trainer) -> None: ...


def material(config: Config) -> Material:
    """Make noise of the size of crops: what a picture shows costs nothing."""
    rng = np.random.default_rng(0)
    n, shape = N_PEOPLE * N_IMAGES, (config.crop, config.crop, 3)
    crops = rng.integers(0, 256, (n, *shape), np.uint8)
    labels = np.repeat(np.arange(N_PEOPLE), N_IMAGES)
    held = Held(crops[:400], labels[:400])
    return Material(crops, labels, N_PEOPLE, held, held, None, {})


def train(trainer: Trainer) -> None:
    """Take the steps of a round, and wait for the batch in the making: it is work of the round."""
    assert trainer.parts is not None
    for _ in range(STEPS):
        trainer.take_step()
    wait(trainer.parts.feed._waiting.values())


def forward_backward(trainer: Trainer, images: torch.Tensor) -> None:
    trainer.net.train()
    for _ in range(STEPS):
        with trainer.autocast():
            rows = trainer.net(images)
        rows.float().square().mean().backward()
        trainer.net.zero_grad(set_to_none=True)


def seconds(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds of a round, on the wall and of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(config: Config, rounds: int) -> dict[str, object]:
    device = torch.device("cpu")
    net = make_net(config).to(memory_format=torch.channels_last)
    precision = choose_precision(config.precision, net, size=config.size, device=device)
    autocast = autocast_of(precision, device)
    waits = Waits()
    trainer = Trainer(config, material(config), net, device, autocast, waits)
    trainer.prepare()
    assert trainer.parts is not None
    images = trainer.parts.feed.take(0, following=None).images
    trained, walked = [], []
    for number in range(rounds + 1):
        both = seconds(partial(train, trainer)), seconds(partial(forward_backward, trainer, images))
        if number:  # the first round warms up
            trained.append(both[0])
            walked.append(both[1])
    trainer.parts.feed.close()
    seen = STEPS * len(images)
    ratios, work = (
        [pure[clock] / whole[clock] for whole, pure in zip(trained, walked, strict=True)]
        for clock in (0, 1)
    )
    return {
        "net": config.net,
        "batch": len(images),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "training images/s": round(statistics.median(seen / wall for wall, _ in trained), 1),
        "forward-backward images/s": round(statistics.median(seen / wall for wall, _ in walked), 1),
        "waiting": round(statistics.median(waits.shares[STEPS:]), 3),
        "ratio": round(statistics.median(ratios), 3),
        "ratio range": [round(min(ratios), 3), round(max(ratios), 3)],
        "work": round(statistics.median(work), 3),
        "work range": [round(min(work), 3), round(max(work), 3)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="small")
    parser.add_argument("--net", help="another net than the preset's")
    parser.add_argument("--precision", help="another than the run would choose: f32 or bf16")
    parser.add_argument("--threads", type=int, help="of the net and of the batches' making each")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    config = load_config(
        preset=options.preset, flags={"net": options.net, "precision": options.precision}
    )
    first = replace(config.stages[0], steps=10**6)
    found = measure(replace(config, stages=(first,), evaluate=10**9), options.rounds)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
