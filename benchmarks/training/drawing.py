"""The pictures of the training experiments, drawn from their tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Table = dict[str, Any]


def bars(found: Table, path: Path) -> None:
    """Draw one line an arm: mean and range over the seeds, and the people's 95 % interval."""
    from matplotlib.figure import Figure

    rows = found["rows"]
    figure = Figure(figsize=(8, 1.2 + 0.32 * len(rows)), layout="constrained")
    ax = figure.subplots()
    place = np.arange(len(rows))[::-1]
    for y, row in zip(place, rows, strict=True):
        for key, style, width in (("tar_ci95", "C0-", 1), ("tar_range", "C0-", 5)):
            ax.plot(row[key], [y, y], style, linewidth=width, alpha=0.6)
        ax.plot(row["tar"], y, "C3x" if row["stopped"] else "C0o")
    ax.set_yticks(place, [row["arm"] for row in rows], fontsize=8)
    ax.set(xlabel=f"{tar_label(found)}; thick: range over seeds, thin: people", xlim=(0, None))
    figure.suptitle(found["question"], fontsize=9)
    figure.savefig(path, dpi=110)


def collapse_map(found: Table, path: Path) -> None:
    """Draw loss and metric against the rate: how far negatives lie, and what came of it."""
    from matplotlib.figure import Figure

    rows = found["rows"]
    names = list(dict.fromkeys(_family(row) for row in rows))
    rates = sorted({row["changes"]["lr"] for row in rows})
    figure = Figure(figsize=(10, 1.5 + 0.5 * len(names)), layout="constrained")
    shown = (("d_an", "median negative distance", 1.5), ("tar", tar_label(found), None))
    for ax, (key, title, top) in zip(figure.subplots(1, 2, sharey=True), shown, strict=True):
        cells = np.full((len(names), len(rates)), np.nan)
        stopped = np.zeros(cells.shape, dtype=int)
        for row in rows:
            place = names.index(_family(row)), rates.index(row["changes"]["lr"])
            cells[place], stopped[place] = row.get(key, np.nan), len(row["stopped"])
        top = top or float(np.nanmax(cells))
        ax.imshow(cells, vmin=0, vmax=top, aspect="auto", cmap="viridis")
        for (y, x), value in np.ndenumerate(cells):
            if np.isfinite(value):
                colour = "k" if value > 0.6 * top else "w"
                text = f"{value:.2f}" + (f"\n{stopped[y, x]} stopped" if stopped[y, x] else "")
                ax.text(x, y, text, ha="center", va="center", color=colour, fontsize=8)
        ax.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        ax.set_yticks(range(len(names)), names, fontsize=8)
        ax.set(xlabel="learning rate", title=title)
    figure.suptitle(found["question"], fontsize=9)
    figure.savefig(path, dpi=110)


def margin_curve(found: Table, path: Path) -> None:
    """Draw, for each metric, the rate and the share of active pairs against the margin."""
    from matplotlib.figure import Figure

    rows = found["rows"]
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    shown = (
        ("tar", tar_label(found)),
        ("active", "pairs with a semi-hard negative, last 50 steps"),
    )
    for ax, (key, label) in zip(figure.subplots(1, 2), shown, strict=True):
        for metric in dict.fromkeys(row["changes"]["metric"] for row in rows):
            own = [row for row in rows if row["changes"]["metric"] == metric and key in row]
            own.sort(key=lambda row: float(row["changes"]["margin"]))
            at = [row["changes"]["margin"] for row in own]
            [line] = ax.plot(at, [row[key] for row in own], "o-", label=metric)
            low, high = zip(*[row[f"{key}_range"] for row in own], strict=True)
            ax.fill_between(at, low, high, alpha=0.2, color=line.get_color())
        ax.set(xlabel="margin, in the units of its metric", ylabel=label, xscale="log")
        ax.set_ylim(0, None)
        margins = sorted({row["changes"]["margin"] for row in rows})
        ax.set_xticks(margins, [f"{margin:g}" for margin in margins])
        ax.minorticks_off()
        ax.legend(frameon=False)
    figure.suptitle(f"{found['question']}; mean and range over seeds", fontsize=9)
    figure.savefig(path, dpi=110)


def tar_label(found: Table) -> str:
    return f"TAR at FMR {found['fmr']:g}, split val"


def _family(row: dict[str, Any]) -> str:
    soft = ", soft" if row["changes"].get("soft") else ""
    bare = "bare, " if "net" in row["changes"] else ""
    return f"{bare}{row['changes']['loss']}{soft}, {row['changes']['metric']}"


DRAW: dict[str, Callable[[Table, Path], None]] = {
    "bars": bars,
    "map": collapse_map,
    "curve": margin_curve,
}
