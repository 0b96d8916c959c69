"""How long does it take to evaluate a million pair scores?

    python benchmarks/evaluation/run.py

Made-up embeddings of 128 numbers, from scores to all figures with their intervals of 1,000 draws:
once everybody with everybody, once a list of pairs in ten folds. No photograph is read. Each is
measured three times; CPU and wall time of the fastest count.
"""

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from facegate.data.protocols.pairs import PairProtocol
from facegate.data.protocols.people import PeopleProtocol
from facegate.evaluation.pairs import VerificationResult, evaluate_pairs, evaluate_people
from facegate.evaluation.road import Embedded
from facegate.models.values import Floats

HERE = Path(__file__).resolve().parent
DIM, PAIRS = 128, 1_000_000


def faces(people: int, each: int) -> Floats:
    random = np.random.default_rng(0)
    rows = random.normal(size=(people, DIM)).repeat(each, axis=0)
    rows += 1.5 * random.normal(size=rows.shape)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def everybody() -> VerificationResult:
    people, each = 472, 3
    rows = faces(people, each)
    person = np.repeat(np.arange(people), each)
    photos = tuple(Path(f"{k}.png") for k in range(len(rows)))
    names = tuple(str(k) for k in range(people))
    embedded = Embedded(rows, np.ones(len(rows), bool), ())
    return evaluate_people(PeopleProtocol(photos, person, names, None, ""), embedded, "made up")


def listed() -> VerificationResult:
    people, each = 5000, 4
    rows = faces(people, each)
    random = np.random.default_rng(1)
    person = np.repeat(np.arange(people), each)
    a = random.integers(0, len(rows), PAIRS)
    same = np.arange(PAIRS) % 2 == 0
    mate = person[a] * each + (a % each + random.integers(1, each, PAIRS)) % each
    other = (person[a] + random.integers(1, people, PAIRS)) % people * each
    b = np.where(same, mate, other + random.integers(0, each, PAIRS))
    protocol = PairProtocol(
        "pairs",
        tuple(Path(f"{k}.png") for k in range(len(rows))),
        a,
        b,
        same,
        person,
        fold=np.arange(PAIRS) // 2 % 10,
    )
    return evaluate_pairs(protocol, Embedded(rows, np.ones(len(rows), bool), ()), "made up")


def fastest(evaluate: Callable[[], VerificationResult]) -> dict[str, float]:
    times = []
    for _ in range(3):
        began, busy = time.perf_counter(), time.process_time()
        result = evaluate()
        times.append((time.perf_counter() - began, time.process_time() - busy))
    wall, cpu = min(times)
    return {"scores": result.n_pairs, "seconds": round(wall, 2), "cpu_seconds": round(cpu, 2)}


def main() -> None:
    found = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "everybody with everybody": fastest(everybody),
        "a list of pairs, ten folds": fastest(listed),
    }
    (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
