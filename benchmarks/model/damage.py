"""What damage to a photograph costs: TAR of models when one of two photographs is damaged.

    uv run python benchmarks/model/damage.py PEOPLE people.csv --model facegate-1 \
        --model mobilefacenet --json benchmarks/model/damage.json

PEOPLE is a folder of aligned crops, one folder a person, and people.csv names their splits. Of
split val, the first photograph of each genuine pair stays as it is and the second is damaged; at
most ten pairs a person, the mean over people. The threshold is the model's own at FMR 1e-3 on
the undamaged photographs of the same split, as a gallery's threshold knows nothing of the damage
to come. The FMR column says what that threshold lets through when all second photographs are
damaged. Intervals: 1,000 draws of people.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facegate.data.crops import load_crops
from facegate.data.dataset import read_dataset
from facegate.data.degrade import blur, jpeg, lower_resolution, motion, noise
from facegate.models.align import warp
from facegate.models.embedder import Embedder
from facegate.models.metrics.errors import threshold_at_fmr
from facegate.models.metrics.pairs import genuine_pairs, impostor_scores
from facegate.models.training.alignment import template_for
from facegate.models.values import Floats, Pixels
from facegate.models.zoo import load_embedder

SIDE, SIZE, BATCH, FMR = 128, 112, 256, 1e-3
Damage = Callable[[Tensor, torch.Generator], Tensor]


def _low(side: int) -> Damage:
    # A face of 112 pixels lies in the middle of the 128 of a crop.
    return lambda images, _: lower_resolution(images, round(side * SIDE / SIZE), smooth=True)


def _jpeg(quality: int) -> Damage:
    return lambda images, _: jpeg(images, torch.full((len(images),), float(quality)))


def _webcam(images: Tensor, generator: torch.Generator) -> Tensor:
    dim = lower_resolution(images, 73, smooth=True) * 0.3
    return jpeg(noise(dim, 6.0, generator).clamp(0, 255), torch.full((len(images),), 60.0))


def _side_light(images: Tensor, _: torch.Generator) -> Tensor:
    ramp = torch.linspace(1.0, 0.1, images.shape[-1])
    return images * ramp


def _band(top: float, bottom: float, left: float, right: float, grey: float) -> Damage:
    """Paint a band over the face; the numbers are shares of the 112 pixels in the middle."""

    def paint(images: Tensor, _: torch.Generator) -> Tensor:
        painted = images.clone()
        y1, y2, x1, x2 = (8 + round(share * SIZE) for share in (top, bottom, left, right))
        painted[:, :, y1:y2, x1:x2] = grey
        return painted

    return paint


def _glasses(images: Tensor, _: torch.Generator) -> Tensor:
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    dark = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for eye in (46.3, 81.5):
        dark |= ((x - eye) / 15).square() + ((y - 61.0) / 11).square() < 1
    dark |= ((y - 58).abs() < 2) & (x > 46) & (x < 82)
    return torch.where(dark, images * 0.1 + 12, images)


DAMAGES: dict[str, Damage] = {
    "none": lambda images, _: images,
    "face of 48 px": _low(48),
    "face of 32 px": _low(32),
    "face of 24 px": _low(24),
    "JPEG quality 30": _jpeg(30),
    "JPEG quality 15": _jpeg(15),
    "out of focus, sigma 2.5 px": lambda images, _: blur(images, 2.5),
    "moved along 7 px": lambda images, _: motion(images, math.pi / 6),
    "noise of 20 grey levels": lambda images, generator: noise(images, 20.0, generator),
    "webcam in bad light": _webcam,
    "light from one side": _side_light,
    "without colour": lambda images, _: images.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1),
    "drawn sunglasses": _glasses,
    "drawn mask": _band(0.60, 1.0, 0.08, 0.92, 200.0),
    "right half covered": _band(0.0, 1.0, 0.5, 1.0, 90.0),
}


def damaged(crops: Pixels, damage: Damage) -> Pixels:
    """Return the crops after some damage."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for start in range(0, len(crops), BATCH):
        images = torch.from_numpy(crops[start : start + BATCH]).permute(0, 3, 1, 2).float()
        rows = damage(images, generator).clamp(0, 255).round().byte()
        parts.append(rows.permute(0, 2, 3, 1).numpy())
    return np.concatenate(parts)


def embed(embedder: Embedder, crops: Pixels) -> Floats:
    """Return a model's embeddings of crops, warped to its own template."""
    here = template_for(SIDE, SIZE)
    there = np.asarray(embedder.card.template, np.float32)
    size = embedder.card.input_size
    parts = []
    for start in range(0, len(crops), BATCH):
        chunk = crops[start : start + BATCH]
        parts.append(embedder(np.stack([warp(crop, here, there, size) for crop in chunk])))
    return np.concatenate(parts)


def measure(embedder: Embedder, crops: Pixels, people: np.ndarray) -> dict[str, dict[str, float]]:
    """Return TAR, its interval and the FMR for each kind of damage."""
    pairs = genuine_pairs(people)
    clean = embed(embedder, crops)
    threshold = threshold_at_fmr(impostor_scores(clean, people), FMR)
    different = people[:, None] != people[None]
    random = np.random.default_rng(0)
    table = {}
    for name, damage in DAMAGES.items():
        rows = clean if name == "none" else embed(embedder, damaged(crops, damage))
        found = np.einsum("nd,nd->n", clean[pairs.first], rows[pairs.second]) >= threshold
        n_pairs = np.bincount(pairs.person)
        share = np.bincount(pairs.person, found)[n_pairs > 0] / n_pairs[n_pairs > 0]
        draws = share[random.integers(0, len(share), (1000, len(share)))].mean(axis=1)
        low, high = np.percentile(draws, [2.5, 97.5])
        let_in = ((clean @ rows.T >= threshold) & different).sum() / different.sum()
        table[name] = {
            "tar": round(float(share.mean()), 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
            "fmr": float(f"{let_in:.3g}"),
        }
        print(f"{embedder.card.name:14} {name:28} {table[name]}", flush=True)
    return table


def main() -> None:
    """Measure each model and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    held = read_dataset(arguments.people, arguments.manifest).of_split(arguments.split)
    loaded = load_crops(held.files, SIDE)
    people = held.labels[loaded.rows]
    tables = {}
    for name in arguments.model:
        embedder = load_embedder(name)
        tables[embedder.model_id] = measure(embedder, loaded.pixels, people)
    if arguments.json:
        arguments.json.write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
