"""LFW View 2 by the product's own road, for several models, warped and by boxes.

    facegate models install mobilefacenet --from MODELS
    facegate models add MODELS/reid-0095.xml --card docs/cards/reid-0095.toml
    facegate models add MODELS/mobilefacenet.pt --card benchmarks/lfw/mobilefacenet-box.toml
    facegate models add MODELS/reid-0095.xml --card benchmarks/lfw/reid-0095-box.toml
    python benchmarks/lfw/run.py LFW

The same as `facegate evaluate --protocol lfw --data LFW --model M --json` for each model, and the
table of README.md from what it says. LFW judges; nothing is tuned on it.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facegate.data.protocols.lfw import read_lfw
from facegate.evaluation.run import Evaluation

HERE = Path(__file__).resolve().parent
MODELS = (
    "facegate-1",
    "facegate-0",
    "mobilefacenet",
    "reid-0095",
    "mobilefacenet-box",
    "reid-0095-box",
)
PUBLISHED = {"mobilefacenet": 0.9940, "reid-0095": 0.9955}
"""Accuracies measured with facenet-pytorch's MTCNN and the same warp on the original JPEG files."""
START, END = "<!-- table: begin -->", "<!-- table: end -->"


@contextmanager
def bar(label: str, total: int) -> Iterator[Any]:
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        if done % 500 == 0:
            print(f"{label}: {done} of {total}", file=sys.stderr, flush=True)

    yield step


def measured(lfw: Path, models: list[str]) -> dict[str, Any]:
    evaluation = Evaluation(read_lfw(lfw / "pairs.txt", lfw), bar=bar)
    rows = {}
    for model in models:
        began, busy = time.perf_counter(), time.process_time()
        value = evaluation.measure(model).as_json()
        value["seconds"] = round(time.perf_counter() - began, 1)
        value["cpu_seconds"] = round(time.process_time() - busy, 1)
        value["left_out"] = [Path(entry["source"]).stem for entry in value["left_out"]]
        rows[model] = value
        print(model, value["accuracy"], value["sem"], value["failures"], flush=True)
    return rows


def table(rows: dict[str, Any]) -> str:
    lines = [
        "| model | crop | accuracy ± SE, % | 95 % | EER, % | AUC, % | TAR at FAR 1e-2, % "
        "| no face |"
        " against the warp with facenet-pytorch's MTCNN |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for model, row in rows.items():
        name = model.removesuffix("-box")
        crop = "box" if model.endswith("-box") else "warp"
        low, high = row["ci95"]["accuracy"]
        known = PUBLISHED.get(model)
        against = f"{100 * (row['accuracy'] - known):+.2f} points" if known else ""
        tar_low, tar_high = row["ci95"]["tar"]["0.01"]
        lines.append(
            f"| {name} | {crop} | {100 * row['accuracy']:.2f} ± {100 * row['sem']:.2f} "
            f"| {100 * low:.2f} to {100 * high:.2f} | {100 * row['eer']:.2f} | "
            f"{100 * row['auc']:.3f} | {100 * row['tar']['0.01']:.2f} "
            f"({100 * tar_low:.2f} to {100 * tar_high:.2f}) | {row['failures']} | {against} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lfw", type=Path)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    options = parser.parse_args()
    rows = measured(options.lfw, options.models)
    record = {"machine": platform.machine(), "python": platform.python_version(), "models": rows}
    (HERE / "results.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(START)
    after = rest.partition(END)[2]
    contents = f"{before}{START}\n\n{table(rows)}\n\n{END}{after}"
    readme.write_text(contents, encoding="utf-8")


if __name__ == "__main__":
    main()
