"""Does a false match rate that was calibrated on half of the people hold on the other half?

    facegate models install mobilefacenet --from MODELS
    python benchmarks/intervals/transfer.py PEOPLE

PEOPLE are aligned crops with splits; split cal is used. Again and again it is cut into random
halves: the first sets the threshold for FMR 1e-3, and the rate there is counted on the other. Both
have an interval. What is counted goes into ``transfer.json``, and the table of it into README.md;
of the first twenty halves, and of all.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.data.protocols.people import read_people
from facegate.evaluation.road import embed_photos
from facegate.models.metrics import impostors
from facegate.models.metrics.bootstrap import N_DRAWS, people_draws
from facegate.models.metrics.dyads import fmr_figure, pair_counts, set_rate_figure
from facegate.models.metrics.errors import threshold_at_fmr
from facegate.models.metrics.intervals import Figure, difference_interval
from facegate.models.pipeline import Pipeline
from facegate.models.values import Floats

HERE = Path(__file__).resolve().parent
START, END = "<!-- transfer: begin -->", "<!-- transfer: end -->"
FMR, HALVES, FEW = 1e-3, 1000, 20
READINGS = ("in the first's interval", "in the other's", "both agree")

KEPT = 10
"""The highest scores are kept: so many times as many as the rate lets pass. A half's threshold
stands far above the lowest of them."""


@dataclass(frozen=True)
class Compared:
    """The highest impostor scores of some people, and how many comparisons there were.

    Attributes:
        scores: (k,); a, b: (k,), who is compared.
        pairs: (n, n), comparisons by pair of people.
    """

    scores: Floats
    a: NDArray[np.int32]
    b: NDArray[np.int32]
    pairs: NDArray[np.float32]


def compare(rows: Floats, person: NDArray[np.int64], best_of: int) -> Compared:
    """Compare everybody with everybody, as the impostor statistics do."""
    probes, templates = impostors._used(person, None)
    scores, a, b = impostors._best_scores(rows, probes, templates, best_of)
    kept = np.argpartition(scores, -int(KEPT * FMR * scores.size))[-int(KEPT * FMR * scores.size) :]
    return Compared(scores[kept], a[kept], b[kept], pair_counts(a, b, len(probes)))


def rate_of(
    compared: Compared, member: NDArray[np.bool_], draws: Floats, score: float | None
) -> tuple[float, Figure]:
    """Return a threshold, where none is given the one at FMR, and the rate of some people there."""
    c, inside = compared, member[compared.a] & member[compared.b]
    pairs = c.pairs[np.ix_(member, member)]
    measured = fmr_figure
    if score is None:
        measured = set_rate_figure
        score = threshold_at_fmr(c.scores[inside], FMR * float(pairs.sum()) / inside.sum())
    number, n = np.cumsum(member).astype(np.int32) - 1, int(member.sum())
    inside &= c.scores >= np.float32(score)
    accepted = pair_counts(number[c.a[inside]], number[c.b[inside]], n)
    return score, measured(accepted, pairs, draws)


def holds(figure: Figure, rate: float) -> bool:
    assert figure.low is not None
    assert figure.high is not None
    return figure.low <= rate <= figure.high


def transfer(compared: Compared, halves: int, n_draws: int = N_DRAWS) -> NDArray[np.bool_]:
    """Return which of three readings each of some random halves allows: (halves, 3)."""
    random, n = np.random.default_rng(0), len(compared.pairs)
    draws = [people_draws(size, n_draws=n_draws) for size in (n // 2, n - n // 2)]
    held = np.zeros((halves, len(READINGS)), bool)
    for half in range(halves):
        member = np.zeros(n, bool)
        member[random.permutation(n)[: n // 2]] = True
        score, first = rate_of(compared, member, draws[0], None)
        _, other = rate_of(compared, ~member, draws[1], score)
        low, high = difference_interval(first, other)
        held[half] = holds(first, other.value), holds(other, FMR), low <= 0 <= high
    return held


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the shares in %, and of the first halves the counts."""
    head = [f"{number}. {words}" for number, words in enumerate(READINGS, 1)]
    lines = [f"| model | templates | {' | '.join(head)} |", "|---" * (2 + len(head)) + "|"]
    for name, found in results.items():
        model, best_of = name.split(", ")
        shares = [100 * count / found["halves"] for count in found["held"]]
        cells = [
            f"{share:.1f} % ({few} of {FEW})"
            for share, few in zip(shares, found["first"], strict=True)
        ]
        lines.append(f"| {model} | {best_of.replace('best of 1', '1')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def is_of(model: str, name: str) -> bool:
    """Say whether a result is one of a model, of whatever weights."""
    return name.split(",")[0].rpartition("-")[0] == model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("--models", nargs="+", default=["facegate-1", "mobilefacenet"])
    options = parser.parse_args()
    protocol = read_people(options.people, split="cal")
    place, readme = HERE / "transfer.json", HERE / "README.md"
    results = json.loads(place.read_text("utf-8")) if place.is_file() else {}
    for model in options.models:
        pipeline = Pipeline(model)
        embedded = embed_photos(pipeline, protocol.photos, aligned=True)
        results = {name: found for name, found in results.items() if not is_of(model, name)}
        for best_of in (1, 3):
            held = transfer(compare(embedded.rows, protocol.person, best_of), HALVES)
            name = f"{pipeline.model_id}, best of {best_of}"
            results[name] = {
                "halves": HALVES,
                "held": held.sum(axis=0).tolist(),
                "first": held[:FEW].sum(axis=0).tolist(),
            }
            print(name, results[name], flush=True)
    place.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    before, _, rest = readme.read_text("utf-8").partition(START)
    contents = f"{before}{START}\n\n{table(results)}\n\n{END}{rest.partition(END)[2]}"
    readme.write_text(contents, encoding="utf-8")


if __name__ == "__main__":
    main()
