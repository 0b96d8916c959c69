"""Average the weights of runs that started from the same weights.

    python benchmarks/model/average.py OUT.safetensors RUN1.safetensors RUN2.safetensors ...

Runs of one start lie in one basin, where the middle of their weights does better than each and
costs no more to run: Wortsman et al., "Model soups" and "Robust fine-tuning of zero-shot models",
2022. A file named twice counts twice.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file

from facegate.models.training.finish import write_weights


def average(files: list[Path]) -> dict[str, torch.Tensor]:
    """Return the mean of each weight in float32; counters are those of the last file."""
    states = [load_file(file) for file in files]
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).float()
        if last.is_floating_point()
        else last
        for name, last in states[-1].items()
    }


def main() -> None:
    """Write the average and print its sha256."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    options = parser.parse_args()
    print(write_weights(options.out, average(options.weights)))


if __name__ == "__main__":
    main()
