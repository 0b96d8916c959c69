"""Whom a threshold protects: the false match rate within groups of faces, at one threshold.

    uv run python benchmarks/model/groups.py PEOPLE people.csv aaf.zip utk.zip \
        --model facegate-1 --model mobilefacenet --json benchmarks/model/groups.json

The threshold is the model's own at FMR 1e-3 on split cal of PEOPLE. Then all pairs within a group
are compared: each source of split cal, and each zip file of faces without names. Those may hold
somebody twice, so a few of their highest scores are one person's: the rate without the pairs that
score above the model's genuine median on cal is given beside the plain one, and the truth lies
between them. Intervals: 1,000 draws of people (images where there are no names), of a random
2,000 images at most a group.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from damage import SIDE, embed

from facegate.data.crops import find_unlabelled, load_crops
from facegate.data.dataset import read_dataset
from facegate.models.metrics.errors import threshold_at_fmr
from facegate.models.metrics.pairs import genuine_pairs, impostor_scores
from facegate.models.zoo import load_embedder

FMR, MOST = 1e-3, 2000


def rates(
    rows: np.ndarray, people: np.ndarray, threshold: float, genuine: float
) -> dict[str, float]:
    """Return the FMR, its interval, and the rate without likely repeats of one person."""
    scores = rows @ rows.T
    different = (people[:, None] != people[None]).astype(np.float32)
    found = (scores >= threshold) * different
    sure = found * (scores < genuine)
    n = int(people.max()) + 1
    to_person = np.zeros((n, len(people)), np.float32)
    to_person[people, np.arange(len(people))] = 1
    hits, compared = (to_person @ matrix @ to_person.T for matrix in (found, different))
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(1000):
        weights = np.bincount(random.integers(0, n, n), minlength=n).astype(np.float32)
        drawn.append((weights @ hits @ weights) / (weights @ compared @ weights))
    low, high = np.percentile(drawn, [2.5, 97.5])
    plain, without = (float(matrix.sum() / different.sum()) for matrix in (found, sure))
    values = {"fmr": plain, "low": low, "high": high, "without_repeats": without}
    return {key: float(f"{value:.3g}") for key, value in values.items()} | {"images": len(people)}


def main() -> None:
    """Measure each model in each group and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("zips", type=Path, nargs="+")
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cal = read_dataset(arguments.people, arguments.manifest).of_split("cal")
    known = load_crops(cal.files, SIDE)
    people = cal.labels[known.rows]
    source = np.array(cal.sources)[people]
    random = np.random.default_rng(0)
    free = {}
    for path in arguments.zips:
        places = find_unlabelled([path])
        picked = random.permutation(len(places))[:MOST]
        free[path.stem] = load_crops([places[i] for i in picked], SIDE).pixels
    tables = {}
    for name in arguments.model:
        embedder = load_embedder(name)
        rows = embed(embedder, known.pixels)
        threshold = threshold_at_fmr(impostor_scores(rows, people), FMR)
        genuine = float(np.median(genuine_pairs(people).scores(rows)))
        table = {}
        for group in sorted(set(source)):
            here = source == group
            numbers = np.unique(people[here], return_inverse=True)[1]
            picked = random.permutation(int(here.sum()))[:MOST]
            of_group = rows[here][picked], np.unique(numbers[picked], return_inverse=True)[1]
            table[f"cal, source {group}"] = rates(*of_group, threshold, genuine)
        for group, crops in free.items():
            table[group] = rates(embed(embedder, crops), np.arange(len(crops)), threshold, genuine)
        tables[embedder.model_id] = table
        for group, values in table.items():
            print(f"{name:14} {group:14} {values}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
