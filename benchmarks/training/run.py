"""Run an experiment of this folder, or draw its table and picture from the runs' records.

    uv run benchmarks/training/run.py margin --data people/ --manifest people.csv --out var/margin

An experiment is a TOML file: a question, seeds, the settings that all runs share, and arms that
change some of them. Runs that are finished are not repeated, so a stopped experiment goes on.
The table and the picture come from the records in the run folders alone.
"""

import argparse
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from drawing import DRAW

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Arm:
    name: str
    changes: dict[str, Any]


@dataclass(frozen=True)
class Experiment:
    name: str
    question: str
    picture: str
    seeds: list[int]
    base: dict[str, Any]
    arms: list[Arm]


def read(name: str) -> Experiment:
    written = tomllib.loads((HERE / f"{name}.toml").read_text())
    arms = [Arm(arm.pop("name"), arm) for arm in written.get("arms", [])]
    for grid in written.get("grids", []):
        arms += expand(grid)
    picture = written.get("picture", "bars")
    return Experiment(name, written["question"], picture, written["seeds"], written["base"], arms)


def expand(grid: dict[str, Any]) -> list[Arm]:
    """Return an arm for every combination of a grid's lists."""
    arms = [Arm(grid.pop("name", ""), {})]
    for key, values in grid.items():
        arms = [
            Arm(f"{arm.name} {key}={value}".strip(), {**arm.changes, key: value})
            for arm in arms
            for value in (values if isinstance(values, list) else [values])
        ]
    return arms


def settings(experiment: Experiment, arm: Arm, seed: int, options: argparse.Namespace) -> Any:
    from facegate.models.training.config import load_config

    flags = {**experiment.base, **arm.changes, "seed": seed, "data": str(options.data)}
    if options.manifest:
        flags["manifest"] = str(options.manifest)
    return load_config(flags=flags)


def run_all(experiment: Experiment, options: argparse.Namespace) -> None:
    from facegate.models.training.session import train
    from facegate.models.training.watchdog import TrainingStopped

    plan = [(arm, seed) for seed in experiment.seeds for arm in experiment.arms]
    for number, (arm, seed) in enumerate(plan, start=1):
        folder = folder_of(options.out, arm, seed)
        if (folder / "ended.json").exists():
            continue
        config = settings(experiment, arm, seed, options)
        ended: dict[str, Any] = {"arm": arm.name, "seed": seed, "stopped": None}
        try:
            train(config, folder, resume=(folder / "config.toml").exists())
        except TrainingStopped as error:
            ended["stopped"] = error.message
        (folder / "ended.json").write_text(json.dumps(ended))
        print(f"{number}/{len(plan)} {arm.name} seed {seed}: {summary(folder)}", flush=True)


def folder_of(out: Path, arm: Arm, seed: int) -> Path:
    return out / arm.name.replace("/", "-").replace(" ", "_") / str(seed)


def summary(folder: Path) -> dict[str, Any]:
    """Return what a run came to, from its record."""
    from facegate.models.training.run_folder import RunFolder

    events = RunFolder.resume(folder).events()
    looks = [event for event in events if "val" in event]
    steps = [event for event in events if "loss" in event]
    best = max(looks, key=lambda event: event["val"]["tar"]) if looks else None
    last = [event["d_an"][1] for event in steps[-50:] if event.get("d_an")]
    active = [event["semi"] for event in steps[-50:] if event.get("n_pairs")]
    return {
        "tar": best["val"]["tar"] if best else 0.0,
        "fmr": best["val"]["fmr"] if best else None,
        "eer": min(event["val"]["eer"] for event in looks) if looks else 0.5,
        "images": looks[-1]["images"] if looks else 0,
        "seconds": looks[-1]["seconds"] if looks else 0.0,
        "d_an": float(np.median(last)) if last else None,
        "active": float(np.mean(active)) if active else None,
        "stopped": json.loads((folder / "ended.json").read_text())["stopped"],
    }


def table(experiment: Experiment, out: Path) -> dict[str, Any]:
    """Return, for each arm, the mean and the range over the seeds that have ended."""
    rows = []
    for arm in experiment.arms:
        folders = [folder_of(out, arm, seed) for seed in experiment.seeds]
        runs = [summary(folder) for folder in folders if (folder / "ended.json").exists()]
        if not runs:
            continue
        row: dict[str, Any] = {"arm": arm.name, "changes": arm.changes, "seeds": len(runs)}
        for key in ("tar", "eer", "d_an", "active", "images", "seconds"):
            values = [run[key] for run in runs if run[key] is not None]
            if values:
                row[key] = float(np.mean(values))
                row[f"{key}_range"] = [float(min(values)), float(max(values))]
        row["stopped"] = sum(run["stopped"] is not None for run in runs)
        row["fmr"] = runs[0]["fmr"]
        rows.append(row)
    return {"experiment": experiment.name, "question": experiment.question, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = sorted(path.stem for path in HERE.glob("*.toml"))
    parser.add_argument("name", choices=names)
    parser.add_argument("--data", type=Path, help="a folder with one folder of crops a person")
    parser.add_argument("--manifest", type=Path, help="its CSV with splits")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draw", action="store_true", help="only the table and the picture")
    options = parser.parse_args()
    experiment = read(options.name)
    if not options.draw:
        if options.data is None:
            parser.error("--data is needed to train")
        run_all(experiment, options)
    found = table(experiment, options.out)
    (options.out / "results.json").write_text(json.dumps(found, indent=1))
    DRAW[experiment.picture](found, options.out / "results.png")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
