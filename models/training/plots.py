"""Pictures of a run, from its record alone (and, for the last two, from its embeddings)."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facegate.data.files import write_atomically
from facegate.models.metrics.errors import roc
from facegate.models.metrics.pairs import genuine_pairs, impostor_scores
from facegate.models.values import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 400
"""Curves are averaged down to about this many points."""

SHOWN_PEOPLE = 12
Events = Sequence[dict[str, Any]]


def plot_run(folder: Path, events: Events, steps: Sequence[int]) -> list[Path]:
    """Draw loss, distances, mining mix and looks at split val.

    Args:
        folder: where ``curves.png`` goes.
        events: the lines of a run's metrics.
        steps: of each stage.

    Returns:
        The files written.
    """
    figure, axes = _figure(2, 2, (11, 7))
    taken = [event for event in events if "loss" in event]
    at = np.array([_global_step(event, steps) for event in taken])
    _lines(axes[0], at, taken, {"loss": "loss", "distil": "teacher", "classifier": "classifier"})
    axes[0].set(title="loss", xlabel="step")
    mined = [event for event in taken if event.get("d_an")]
    place = np.array([_global_step(event, steps) for event in mined])
    for key, colour, name in (("d_ap", "C2", "positives"), ("d_an", "C3", "negatives")):
        if mined:
            bands = np.array([event[key] for event in mined], float)
            x, low, middle, high = _thin(place, *bands.T)
            axes[1].fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
            axes[1].plot(x, middle, colour, label=f"{name}, median and 5 to 95 %")
    axes[1].set(title="Euclidean distances in the batch", xlabel="step", ylim=(0, 2))
    if mined:
        shares = np.array([[e[key] for key in ("semi", "easy", "none")] for e in mined], float)
        x, *bands_ = _thin(place, *shares.T)
        axes[2].stackplot(x, *bands_, labels=["semi-hard", "easy", "only hard"], alpha=0.7)
    axes[2].set(title="what the miner found", xlabel="step", ylim=(0, 1))
    looks = [event for event in events if "val" in event]
    x = np.array([_global_step(event, steps) for event in looks])
    axes[3].plot(x, [event["val"]["tar"] for event in looks], "C0.-", label="TAR")
    axes[3].plot(x, [event["val"]["eer"] for event in looks], "C1.-", label="EER")
    fmr = looks[-1]["val"]["fmr"] if looks else 0
    axes[3].set(title=f"split val, TAR at FMR {fmr:g}", xlabel="step", ylim=(0, 1))
    for ax in axes:
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False, fontsize=8)
    return [_save(figure, folder / "curves.png")]


def plot_people(folder: Path, embeddings: Floats, people: NDArray[np.int64]) -> list[Path]:
    """Draw the error trade-off of held-out people, and some of them on a plane.

    Args:
        folder: where ``det.png`` and ``people.png`` go.
        embeddings: float32 (n, d) unit rows.
        people: int64 (n,).
    """
    pairs = genuine_pairs(people)
    curve = roc(pairs.scores(embeddings), impostor_scores(embeddings, people), pairs.weights)
    figure, (ax,) = _figure(1, 1, (5, 5))
    x, y = _log_thin(curve.fmr, curve.fnmr)
    # A logarithm has no place for 0: an error that did not occur lies below the picture.
    ax.plot(np.maximum(x, 1e-9), np.maximum(y, 1e-9))
    ax.set(xscale="log", yscale="log", xlim=(1e-6, 1), ylim=(1e-3, 1))
    ax.set(title="detection error trade-off, split val", xlabel="FMR", ylabel="FNMR")
    ax.grid(alpha=0.3)
    files = [_save(figure, folder / "det.png")]
    figure, (ax,) = _figure(1, 1, (6, 6))
    _plane(ax, embeddings, people)
    return [*files, _save(figure, folder / "people.png")]


def _plane(ax: "Axes", embeddings: Floats, people: NDArray[np.int64]) -> None:
    counts = np.bincount(people)
    shown = np.argsort(-counts, kind="stable")[:SHOWN_PEOPLE]
    rows = np.flatnonzero(np.isin(people, shown))
    if len(rows) < 3:
        return
    # Between-person directions first: plain principal components of faces are mostly light.
    means = np.stack([embeddings[people == person].mean(axis=0) for person in shown])
    axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2][:2]
    plane = (embeddings[rows] - means.mean(axis=0)) @ axes.T
    for index, person in enumerate(shown):
        own = plane[people[rows] == person]
        if plane.shape[1] == 2:
            ax.scatter(own[:, 0], own[:, 1], s=12, color=f"C{index % 10}", alpha=0.7)
    ax.set(title=f"{len(shown)} people of split val, two directions", xticks=[], yticks=[])


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple["Figure", list["Axes"]]:
    # A figure of its own, not pyplot: no window system is asked for, no global state is left.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.ravel())


def _save(figure: "Figure", path: Path) -> Path:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomically(path, buffer.getvalue())
    return path


def _lines(ax: "Axes", at: NDArray[Any], events: Events, names: dict[str, str]) -> None:
    for key, name in names.items():
        values = np.array([event.get(key, np.nan) for event in events], float)
        if np.isfinite(values).any():
            x, y = _thin(at, values)
            ax.plot(x, y, label=name)


def _thin(at: NDArray[Any], *curves: NDArray[Any]) -> list[NDArray[Any]]:
    """Average neighbouring points until few enough are left."""
    width = max(1, len(at) // MOST_POINTS)
    whole = len(at) // width * width
    return [curve[:whole].reshape(-1, width).mean(axis=1) for curve in (at, *curves)]


def _log_thin(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Keep points at even steps of the logarithm of x."""
    wanted = np.logspace(-7, 0, 500)
    place = np.unique(np.searchsorted(x, wanted).clip(max=len(x) - 1))
    return x[place], y[place]


def _global_step(event: dict[str, Any], steps: Sequence[int]) -> int:
    return int(sum(steps[: event["stage"]]) + event["step"])
