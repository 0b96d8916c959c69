"""How much of the pure forward-backward rate a training run reaches.

    uv run benchmarks/train/run.py [--preset small] [--net plain-s] [--rounds 7] [--json]

The first stage of the preset trains on generated crops, as `facegate train` would: batches are
drawn, augmented, embedded, and the net, its classifier and the average take their steps. Between
these rounds the same net walks forward and backward over one batch that is ready, and nothing
else. Rounds alternate, so that a slow minute hits both; the figures are medians.
"""

import argparse
import json
import statistics
import time
from dataclasses import replace

import numpy as np
import torch

from facegate.models.training.config import Config, load_config
from facegate.models.training.loop import Trainer
from facegate.models.training.material import Material
from facegate.models.training.net import make_net
from facegate.models.training.precision import autocast_of, choose_precision
from facegate.models.training.validation import Held

N_PEOPLE, N_IMAGES = 400, 10
STEPS = 4
"""A round of each kind."""


class Silent:
    """Hears of the run and says nothing."""

    def step(self, event: dict[str, object]) -> None: ...

    def look(self, event: dict[str, object], is_best: bool) -> None: ...

    def warn(self, event: dict[str, object]) -> None: ...

    def keep(self, trainer: Trainer) -> None: ...


def material(config: Config) -> Material:
    """Make noise of the size of crops: what a picture shows costs nothing."""
    rng = np.random.default_rng(0)
    n, shape = N_PEOPLE * N_IMAGES, (config.crop, config.crop, 3)
    crops = rng.integers(0, 256, (n, *shape), np.uint8)
    labels = np.repeat(np.arange(N_PEOPLE), N_IMAGES)
    held = Held(crops[:400], labels[:400])
    return Material(crops, labels, N_PEOPLE, held, held, None, {})


def ready_batch(trainer: Trainer) -> torch.Tensor:
    assert trainer.parts is not None
    return trainer.parts.feed.take(0, following=None).images


def forward_backward(trainer: Trainer, images: torch.Tensor) -> None:
    trainer.net.train()
    with trainer.autocast():
        rows = trainer.net(images)
    rows.float().square().mean().backward()
    trainer.net.zero_grad(set_to_none=True)


def measure(config: Config, rounds: int) -> dict[str, object]:
    device = torch.device("cpu")
    net = make_net(config).to(memory_format=torch.channels_last)
    precision = choose_precision(config.precision, net, size=config.size, device=device)
    autocast = autocast_of(precision, device)
    trainer = Trainer(config, material(config), net, device, autocast, Silent())
    trainer.prepare()
    assert trainer.parts is not None
    images = ready_batch(trainer)
    rates: dict[str, list[float]] = {"training": [], "forward-backward": []}
    for number in range(rounds + 1):
        started = time.perf_counter()
        for _ in range(STEPS):
            trainer.take_step()
        middle = time.perf_counter()
        for _ in range(STEPS):
            forward_backward(trainer, images)
        ended = time.perf_counter()
        if number:  # the first round warms up
            rates["training"].append(STEPS * len(images) / (middle - started))
            rates["forward-backward"].append(STEPS * len(images) / (ended - middle))
    trainer.parts.feed.close()
    middles = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    ratios = [a / b for a, b in zip(*rates.values(), strict=True)]
    return {
        "net": config.net,
        "batch": len(images),
        "precision": precision,
        "threads": torch.get_num_threads(),
        **{f"{name} images/s": value for name, value in middles.items()},
        "ratio": round(statistics.median(ratios), 3),
        "ratio range": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="small")
    parser.add_argument("--net", help="another net than the preset's")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    config = load_config(preset=options.preset, flags={"net": options.net})
    first = replace(config.stages[0], steps=10**6)
    found = measure(replace(config, stages=(first,), evaluate=10**9), options.rounds)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
