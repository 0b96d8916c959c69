"""Does a false match rate that was calibrated on half of the people hold on the other half?

    facegate models install mobilefacenet --from MODELS
    python benchmarks/intervals/transfer.py PEOPLE

PEOPLE are aligned crops with splits; split cal is used. Of 20 random halves the first sets the
threshold for FMR 1e-3, and the rate there is counted on the other. Both have an interval.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.data.protocols.people import read_people
from facegate.evaluation.road import embed_photos
from facegate.models.metrics import impostors
from facegate.models.metrics.bootstrap import people_draws
from facegate.models.metrics.dyads import fmr_figure, pair_counts
from facegate.models.metrics.errors import threshold_at_fmr
from facegate.models.metrics.intervals import Figure, difference_interval
from facegate.models.pipeline import Pipeline
from facegate.models.values import Floats

HERE = Path(__file__).resolve().parent
FMR, HALVES = 1e-3, 20


def half(
    rows: Floats, person: NDArray[np.int64], best_of: int, score: float | None
) -> tuple[float, Figure]:
    """Return the threshold, where none is given the one at FMR, and the rate there."""
    probes, templates = impostors._used(person, None)
    scores, a, b = impostors._best_scores(rows, probes, templates, best_of)
    threshold = threshold_at_fmr(scores, FMR) if score is None else score
    n = len(probes)
    accepted = pair_counts(a, b, n, scores >= np.float32(threshold))
    return threshold, fmr_figure(accepted, pair_counts(a, b, n), people_draws(n))


def holds(figure: Figure, rate: float) -> bool:
    assert figure.low is not None
    assert figure.high is not None
    return figure.low <= rate <= figure.high


def transfer(rows: Floats, person: NDArray[np.int64], best_of: int) -> dict[str, Any]:
    random, n = np.random.default_rng(0), int(person.max()) + 1
    calibrated, measured, both, rates = 0, 0, 0, []
    for _ in range(HALVES):
        one = np.isin(person, random.permutation(n)[: n // 2])
        score, first = half(rows[one], person[one], best_of, None)
        _, other = half(rows[~one], person[~one], best_of, score)
        low, high = difference_interval(first, other)
        calibrated += holds(first, other.value)
        measured += holds(other, FMR)
        both += low <= 0 <= high
        rates.append(round(other.value, 6))
    return {
        "inside_the_calibrated_interval": calibrated,
        "inside_the_other_interval": measured,
        "agree": both,
        "rates": rates,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("--models", nargs="+", default=["facegate-1", "mobilefacenet"])
    options = parser.parse_args()
    protocol = read_people(options.people, split="cal")
    place = HERE / "transfer.json"
    results = json.loads(place.read_text("utf-8")) if place.is_file() else {}
    for model in options.models:
        embedded = embed_photos(Pipeline(model), protocol.photos, aligned=True)
        for best_of in (1, 3):
            found = transfer(embedded.rows, protocol.person, best_of)
            results[f"{model}, best of {best_of}"] = found
            print(model, best_of, found, flush=True)
    place.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
