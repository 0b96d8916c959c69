"""Run an experiment of this folder, or draw its table and picture from the runs' records.

    uv run benchmarks/training/run.py margin --data people/ --manifest people.csv --out var/margin

An experiment is a TOML file: a question, seeds, the settings that all runs share, and arms that
change some of them. Runs that have ended are not repeated, so a stopped experiment goes on;
``--minutes`` stops it by itself. The table and the picture come from the runs' records alone.

Every run ends with a measurement on split val, at most three images a person. There is one look a
stage, at its end, so that no weights are chosen among many.
"""

import argparse
import json
import os
import shutil
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from drawing import DRAW

if TYPE_CHECKING:
    from facegate.models.training.config import Config
    from facegate.models.training.loop import Trainer
    from facegate.models.training.material import Material
    from facegate.models.training.validation import Held

HERE = Path(__file__).parent
FMR = 1e-2
MOST_IMAGES = 3
FIGURES = ("tar", "eer", "d_an", "active", "images", "seconds")


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
    base = {**tomllib.loads((HERE / "base.toml").read_text()), **written.get("base", {})}
    arms = [Arm(arm.pop("name"), arm) for arm in written.get("arms", [])]
    for grid in written.get("grids", []):
        arms += expand(grid)
    picture = written.get("picture", "bars")
    return Experiment(name, written["question"], picture, written["seeds"], base, arms)


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


def settings(experiment: Experiment, arm: Arm, seed: int, options: argparse.Namespace) -> "Config":
    from facegate.models.training.config import load_config

    flags = {**experiment.base, **arm.changes, "seed": seed, "data": str(options.data)}
    if options.manifest:
        flags["manifest"] = str(options.manifest)
    return load_config(flags=flags)


def run_all(experiment: Experiment, options: argparse.Namespace) -> None:
    started = time.monotonic()
    plan = [(arm, seed) for seed in experiment.seeds for arm in experiment.arms]
    material: Material | None = None
    for number, (arm, seed) in enumerate(plan, start=1):
        folder = folder_of(options.out, arm, seed)
        if (folder / "ended.json").exists():
            continue
        if time.monotonic() - started > 60 * options.minutes:
            return
        config = settings(experiment, arm, seed, options)
        material = material or decoded(config, options.out.parent)
        shutil.rmtree(folder, ignore_errors=True)
        ended = {"arm": arm.name, "seed": seed, **run(config, folder, material)}
        (folder / "ended.json").write_text(json.dumps(ended))
        print(f"{number}/{len(plan)} {ended}", flush=True)


def run(config: "Config", path: Path, material: "Material") -> dict[str, Any]:
    """Train once and measure; the run's folder keeps settings, versions and metrics."""
    import torch

    from facegate.models.training.loop import Trainer
    from facegate.models.training.net import make_net
    from facegate.models.training.precision import autocast_of, has_bf16
    from facegate.models.training.recorder import Recorder
    from facegate.models.training.run_folder import RunFolder
    from facegate.models.training.watchdog import TrainingStopped

    device = torch.device("cpu")
    torch.manual_seed(config.seed)
    net = make_net(config).to(memory_format=torch.channels_last)
    precision = "bf16" if has_bf16(device) else "f32"
    folder = RunFolder.start(path, config)
    folder.record({"device": "cpu", "precision": precision, **material.facts})
    recorder = Recorder(folder, every=float("inf"))
    trainer = Trainer(config, material, net, device, autocast_of(precision, device), recorder)
    stopped = None
    try:
        trainer.run()
    except TrainingStopped as error:
        stopped = error.message
    return {"stopped": stopped, "last_step": trainer.place.step, **measured(trainer)}


def measured(trainer: "Trainer") -> dict[str, Any]:
    from facegate.models.metrics.comparisons import compare_people
    from facegate.models.metrics.verification import measure

    rows = trainer.embed_val()
    figures = measure(compare_people(rows, trainer.material.val.people), fars=(FMR,))
    [at] = figures.tars
    return {
        "fmr": FMR,
        "tar": at.tar.value,
        "tar_ci95": at.tar.ci95,
        "eer": figures.eer.value,
        "eer_ci95": figures.eer.ci95,
        "people": figures.n_people,
        "images": trainer.place.images,
        "seconds": round(trainer.place.seconds, 1),
    }


def decoded(config: "Config", folder: Path) -> "Material":
    """Return the images of the settings; decoded once, and kept for the experiments that follow."""
    from facegate.models.training.material import Material, find_sources, gather, hash_of
    from facegate.models.training.validation import Held

    sources = find_sources(config)
    kept = folder / f"crops-{config.crop}-{hash_of(sources.dataset, [])[:12]}.npz"
    names = ("crops", "labels", "val", "people", "facts")
    if not kept.exists():
        found = gather(config, sources)
        parts = (found.crops, found.labels, found.val.crops, found.val.people)
        folder.mkdir(parents=True, exist_ok=True)
        facts = json.dumps(found.facts)
        part = kept.with_suffix(f".{os.getpid()}.npz")
        np.savez(part, **dict(zip(names, (*parts, facts), strict=True)))
        part.replace(kept)  # two experiments may begin at once
    with np.load(kept) as file:
        crops, labels, val, people, facts = (file[name] for name in names)
    held = first_of_each(Held(val, people))
    n_identities = int(labels.max()) + 1
    return Material(crops, labels, n_identities, held, held, None, json.loads(str(facts)))


def first_of_each(held: "Held") -> "Held":
    """Return the first few images of each person, so that nobody is most of the pairs."""
    _, start, counts = np.unique(held.people, return_index=True, return_counts=True)
    place = np.arange(len(held.people)) - np.repeat(start, counts)
    kept = place < MOST_IMAGES
    return type(held)(held.crops[kept], held.people[kept])


def folder_of(out: Path, arm: Arm, seed: int) -> Path:
    return out / arm.name.replace("/", "-").replace(" ", "_") / str(seed)


def summary(folder: Path) -> dict[str, Any]:
    """Return what a run came to, from its record."""
    lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    steps = [event for event in map(json.loads, lines) if "loss" in event]
    last = [event["d_an"][1] for event in steps[-50:] if event.get("d_an")]
    active = [event["semi"] for event in steps[-50:] if event.get("n_pairs")]
    return {
        **json.loads((folder / "ended.json").read_text("utf-8")),
        "d_an": float(np.median(last)) if last else None,
        "active": float(np.mean(active)) if active else None,
    }


def ended(experiment: Experiment, out: Path) -> Iterator[tuple[Arm, list[dict[str, Any]]]]:
    for arm in experiment.arms:
        folders = [folder_of(out, arm, seed) for seed in experiment.seeds]
        runs = [summary(folder) for folder in folders if (folder / "ended.json").exists()]
        if runs:
            yield arm, runs


def table(experiment: Experiment, out: Path) -> dict[str, Any]:
    """Return, for each arm, means over seeds, their range, and the people's 95 % interval."""
    rows = []
    for arm, runs in ended(experiment, out):
        row: dict[str, Any] = {"arm": arm.name, "changes": arm.changes, "seeds": len(runs)}
        for key in FIGURES:
            values = [run[key] for run in runs if run[key] is not None]
            if values:
                row[key] = round(float(np.mean(values)), 4)
                row[f"{key}_range"] = [round(float(f(values)), 4) for f in (min, max)]
        for key in ("tar", "eer"):
            ends = np.mean([run[f"{key}_ci95"] for run in runs], axis=0)
            row[f"{key}_ci95"] = [round(float(end), 4) for end in ends]
        row["stopped"] = [run["stopped"] for run in runs if run["stopped"]]
        rows.append(row)
    return {
        "experiment": experiment.name,
        "question": experiment.question,
        "fmr": FMR,
        "base": experiment.base,
        "rows": rows,
    }


def markdown(found: dict[str, Any]) -> str:
    """Return the table for people to read."""
    head = ("arm", f"TAR at FMR {found['fmr']:g}", "over seeds", "people, 95 %", "EER", "d(a,n)")
    lines = [f"{found['question']}.", "", _cells(*head, "semi-hard", "stopped")]
    lines.append(_cells(*["---"] * 8))
    for row in found["rows"]:
        active = f"{row['active']:.0%}" if "active" in row else "-"
        far = f"{row['d_an']:.2f}" if "d_an" in row else "-"
        stopped = f"{len(row['stopped'])} of {row['seeds']}"
        spans = (_span(row["tar_range"]), _span(row["tar_ci95"]))
        rates = (f"{row['tar']:.3f}", *spans, f"{row['eer']:.3f}")
        lines.append(_cells(row["arm"], *rates, far, active, stopped))
    return "\n".join(lines) + "\n"


def _cells(*words: str) -> str:
    return f"| {' | '.join(words)} |"


def _span(ends: list[float]) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = sorted(path.stem for path in HERE.glob("*.toml") if path.stem != "base")
    parser.add_argument("name", choices=names)
    parser.add_argument("--data", type=Path, help="a folder with one folder of crops a person")
    parser.add_argument("--manifest", type=Path, help="its CSV with splits")
    parser.add_argument("--out", type=Path, required=True, help="where the runs go")
    parser.add_argument("--minutes", type=float, default=120, help="begin no run after this long")
    parser.add_argument("--draw", action="store_true", help="only the table and the picture")
    options = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # two threads that spin slow a shared core
    experiment = read(options.name)
    if not options.draw:
        if options.data is None:
            parser.error("--data is needed to train")
        run_all(experiment, options)
    found = table(experiment, options.out)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / f"{experiment.name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (results / f"{experiment.name}.md").write_text(markdown(found))
    DRAW[experiment.picture](found, results / f"{experiment.name}.png")
    print(markdown(found))


if __name__ == "__main__":
    main()
