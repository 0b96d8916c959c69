"""Draw the pictures of docs/training.md.

    uv run benchmarks/training/pictures.py --out docs/pictures [--run RUN_FOLDER]

Without a run only the geometry is drawn. The embeddings are points on a circle, mined by the
miner that training uses.
"""

import argparse
from pathlib import Path

import numpy as np
import torch


def geometry(path: Path) -> None:
    """Draw one anchor, one positive, and what every other place on the circle is to them."""
    from matplotlib.figure import Figure

    margin, apart = 0.35, 0.6
    angle = np.linspace(0, 2 * np.pi, 2000)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    distance = np.linalg.norm(circle - circle[0], axis=1)
    kinds = {
        "hard: nearer than the positive": (distance <= apart, "C3"),
        "semi-hard: beyond it, within the margin": (
            (distance > apart) & (distance < apart + margin),
            "C1",
        ),
        "easy: past the margin, loss 0": (distance >= apart + margin, "C2"),
    }
    figure = Figure(figsize=(5, 5.4), layout="constrained")
    ax = figure.subplots()
    for name, (where, colour) in kinds.items():
        ax.scatter(*circle[where].T, s=14, color=colour, label=name)
    turn = 2 * np.arcsin(apart / 2)
    for text, at in (("anchor", 0.0), ("positive", turn)):
        point = np.array([np.cos(at), np.sin(at)])
        ax.plot(*point, "ko", markersize=9)
        ax.annotate(text, point, point * 1.13, ha="left", va="center")
    ax.set(xlim=(-1.2, 1.6), ylim=(-1.2, 1.2), aspect="equal")
    ax.axis("off")
    figure.legend(loc="outside lower center", frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def picks(path: Path) -> None:
    """Draw the negative that the miner takes for each of a few anchors and positives."""
    from matplotlib.figure import Figure

    from facegate.models.losses.triplet import semi_hard_triplet_loss

    rng = np.random.default_rng(4)
    centres = np.array([0.3, 1.1, 2.6, 4.4])
    angle = np.concatenate([centre + 0.22 * rng.normal(size=4) for centre in centres])
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    labels = np.repeat(np.arange(4), 4)
    points = torch.tensor(rows, dtype=torch.float32, requires_grad=True)
    result = semi_hard_triplet_loss(points, torch.tensor(labels), margin=0.35)
    result.loss.backward()
    assert points.grad is not None
    push = -points.grad.numpy()
    push -= rows * (push * rows).sum(axis=1, keepdims=True)  # along the circle
    push *= 0.35 / np.abs(push).max()
    figure = Figure(figsize=(5.4, 5.4), layout="constrained")
    ax = figure.subplots()
    for label in range(4):
        own = labels == label
        ax.scatter(*rows[own].T, s=60, color=f"C{label}", zorder=3)
    ax.quiver(*rows.T, *push.T, angles="xy", scale_units="xy", scale=1, width=0.004, color="0.35")
    stats = result.stats
    ax.set_title(
        f"4 people, 4 images each: {stats.n_pairs} ordered pairs, {stats.n_semi} with a semi-hard\n"
        f"negative, {stats.n_easy} easy, {stats.n_none} with hard negatives only. "
        "Arrows: where the loss pulls",
        fontsize=8,
    )
    ax.set(aspect="equal", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
    ax.axis("off")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--run", type=Path)
    options = parser.parse_args()
    geometry(options.out / "triplet.png")
    picks(options.out / "mining.png")
    if options.run is not None:
        from facegate.models.training.plots import plot_run
        from facegate.models.training.run_folder import RunFolder

        folder = RunFolder.resume(options.run)
        steps = [stage.steps for stage in folder.config.stages]
        plot_run(options.out, folder.events(), steps)


if __name__ == "__main__":
    main()
