"""What each kind of training buys: plain-t at equal images seen, on the same crops of split val.

    for rung in scratch warm classifier triplet alike hard taught; do
        facegate train --config benchmarks/model/ladder/$rung.toml --out runs/ladder/$rung \\
            --data people --manifest people.csv
        facegate models add runs/ladder/$rung/$rung.safetensors --card runs/ladder/$rung/card.toml
    done
    python benchmarks/model/ladder.py PEOPLE

``taught`` also takes ``--unlabelled utk.zip --unlabelled aaf.zip``. Rungs that are not there are
left out. ``warm`` is where the rungs below it start, so it has seen half as many images. Intervals,
and those of differences to the rung below, come from resampling people.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from facegate.data.protocols.people import read_people
from facegate.errors import FacegateError
from facegate.evaluation.run import UNTRAINED, Evaluation

HERE = Path(__file__).resolve().parent
RUNGS = (UNTRAINED, "scratch", "warm", "classifier", "triplet", "alike", "hard", "taught")
NEXT_TO = ("facegate-1", "mobilefacenet", "reid-0095")
BELOW = {
    "classifier": "scratch",
    "triplet": "classifier",
    "alike": "triplet",
    "hard": "triplet",
    "taught": "triplet",
}
START = "warm"
"""What the rungs of `BELOW` start from: what it has seen counts for them too."""
LEAD = "tar@0.001"


def images(evaluation: Evaluation, model: str) -> int | None:
    """Return how many images a model has seen, by its card; None where that says nothing."""
    if model == UNTRAINED:
        return None
    training = evaluation.pipeline(model).embedder.card.measured.get("training", {})
    seen: int | None = training.get("images")
    if seen is not None and model in BELOW:
        seen += images(evaluation, START) or 0
    return seen


def row(evaluation: Evaluation, model: str, below: str | None) -> dict[str, Any]:
    """Return a model's figures, and what it has over the rung below."""
    found = evaluation.measure(model).as_json()
    value = {
        "model": found["model"],
        "images": images(evaluation, model),
        "tar": found["tar"]["0.001"],
        "tar_ci95": found["ci95"]["tar"]["0.001"],
        "eer": found["eer"],
        "eer_ci95": found["ci95"]["eer"],
    }
    if below is not None:
        lead = next(d for d in evaluation.compare(below, model) if d.name == LEAD)
        value |= {"over": below, "gain": lead.second - lead.first}
        value["gain_ci95"] = [lead.low, lead.high]
    return value


def markdown(rows: dict[str, dict[str, Any]]) -> str:
    """Return the table for people to read."""
    lines = [
        "| rung | images seen | TAR at FMR 1e-3 | EER | against the rung below |",
        "|---|---|---|---|---|",
    ]
    for name, value in rows.items():
        seen = f"{value['images']:,}" if value["images"] else ""
        gain = ""
        if "over" in value:
            gain = f"{100 * value['gain']:+.1f} {span(value['gain_ci95'])} over {value['over']}"
        tar = f"{100 * value['tar']:.1f} % {span(value['tar_ci95'])}"
        eer = f"{100 * value['eer']:.1f} % {span(value['eer_ci95'])}"
        lines.append(f"| {name} | {seen} | {tar} | {eer} | {gain} |")
    return "\n".join(lines) + "\n"


def span(ends: list[float]) -> str:
    return f"[{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"


def main() -> None:
    """Measure the rungs that are there; write ladder.json and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("people", type=Path)
    options = parser.parse_args()
    evaluation = Evaluation(read_people(options.people, split="val"), aligned=True)
    rows: dict[str, dict[str, Any]] = {}
    for name in (*RUNGS, *NEXT_TO):
        try:
            below = BELOW.get(name)
            rows[name] = row(evaluation, name, below if below in rows else None)
        except FacegateError as error:
            print(f"{name} is left out: {error}")
    (HERE / "ladder.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(markdown(rows))


if __name__ == "__main__":
    main()
