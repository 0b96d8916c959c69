"""How often do facegate's 95 % intervals hold a truth that is known?

    python benchmarks/intervals/run.py 30 60 --simulations 1000
    python benchmarks/intervals/run.py 120 --simulations 500

People differ: each has an own shift of the scores, so that pairs that share a person are not
independent. All scores are normal, so that the true rates follow from the normal distribution.
The intervals are those of ``facegate.models.metrics``, with 200 draws of people for a verification
and the product's 1,000 for the others. What is counted
goes into ``results.json`` by number of people, and the table of all of it into README.md.
"""

import argparse
import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from facegate.models.metrics.bootstrap import people_draws
from facegate.models.metrics.comparisons import Comparisons
from facegate.models.metrics.dyads import fmr_figure, pair_counts, set_rate_figure
from facegate.models.metrics.errors import threshold_at_fmr
from facegate.models.metrics.intervals import Figure
from facegate.models.metrics.openset import measure_open_set
from facegate.models.metrics.searches import Searches
from facegate.models.metrics.verification import measure

HERE = Path(__file__).resolve().parent
START, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"
GENUINE = 6
MEAN, PERSON, PAIR = 0.33, 0.1, 0.08
EFFECTS = {"none": (0.0, 0.1), "weak": (0.03, 0.1), "strong": (0.06, 0.08)}
N_DRAWS = 200


def simulate(random: np.random.Generator, n: int, shared: float, own: float) -> Comparisons:
    i, j = np.triu_indices(n, 1)
    shift = random.normal(0, shared, n)
    person = np.repeat(np.arange(n), GENUINE)
    return Comparisons(
        MEAN + random.normal(0, PERSON, n)[person] + random.normal(0, PAIR, person.size),
        person,
        np.full(person.size, 1 / GENUINE),
        shift[i] + shift[j] + random.normal(0, own, i.size),
        i.astype(np.int32),
        j.astype(np.int32),
        n,
    )


def holds(figure: Figure, truth: float) -> bool:
    assert figure.low is not None
    assert figure.high is not None
    return bool(figure.low <= truth <= figure.high)


def verification(n: int, simulations: int) -> Counter[str]:
    shared, own = 0.05, 0.09
    impostor, genuine = float(np.hypot(own, 2**0.5 * shared)), float(np.hypot(PERSON, PAIR))
    even = brentq(lambda t: norm.cdf((t - MEAN) / genuine) - norm.sf(t / impostor), -1, 2)
    fars = [far for far in (0.1, 0.01) if far * n * (n - 1) / 2 >= 10]
    random, draws = np.random.default_rng(n + 1), people_draws(n, n_draws=N_DRAWS)
    held: Counter[str] = Counter()
    for _ in range(simulations):
        figures = measure(simulate(random, n, shared, own), fars=fars, draws=draws)
        held["EER"] += holds(figures.eer, float(norm.sf(even / impostor)))
        held["AUC"] += holds(figures.auc, float(norm.cdf(MEAN / np.hypot(impostor, genuine))))
        for tar in figures.tars:
            truth = norm.sf((norm.isf(tar.far) * impostor - MEAN) / genuine)
            held[f"TAR at FAR {tar.far:g}"] += holds(tar.tar, float(truth))
    return held


def false_matches(n: int, simulations: int) -> Counter[str]:
    held: Counter[str] = Counter()
    draws = people_draws(n)
    for effect, (shared, own) in EFFECTS.items():
        for rate in (0.1, 0.01):
            if rate * n * (n - 1) / 2 < 10:
                continue
            threshold = norm.isf(rate) * np.hypot(own, 2**0.5 * shared)
            random = np.random.default_rng(n)
            for _ in range(simulations):
                c = simulate(random, n, shared, own)
                accepted = pair_counts(c.person_a, c.person_b, n, c.impostor >= threshold)
                figure = fmr_figure(accepted, pair_counts(c.person_a, c.person_b, n), draws)
                held[f"FMR {rate:g}, effect {effect}"] += holds(figure, rate)
    return held


def thresholds(n: int, simulations: int) -> Counter[str]:
    """The rate at a threshold that the same scores set, as a calibration sets it."""
    held: Counter[str] = Counter()
    draws = people_draws(n)
    for effect, (shared, own) in EFFECTS.items():
        for rate in (0.1, 0.01):
            if rate * n * (n - 1) / 2 < 10:
                continue
            random = np.random.default_rng(n + 2)
            for _ in range(simulations):
                c = simulate(random, n, shared, own)
                threshold = threshold_at_fmr(c.impostor, rate)
                accepted = pair_counts(c.person_a, c.person_b, n, c.impostor >= threshold)
                figure = set_rate_figure(accepted, pair_counts(c.person_a, c.person_b, n), draws)
                truth = float(norm.sf(threshold / np.hypot(own, 2**0.5 * shared)))
                held[f"FMR set to {rate:g}, effect {effect}"] += holds(figure, truth)
    return held


def identification(n: int, simulations: int) -> Counter[str]:
    """n people are enrolled and n are strangers, who differ as much between as within."""
    fpir, spread = 0.1, 0.06
    threshold = norm.isf(fpir) * np.hypot(spread, spread)
    truth = float(norm.sf((threshold - MEAN) / np.hypot(PERSON, PAIR)))
    random, draws = np.random.default_rng(n), people_draws(2 * n)
    person = np.repeat(np.arange(2 * n), 3)
    mate = np.where(person < n, 0, -1)
    held: Counter[str] = Counter()
    if fpir * np.count_nonzero(mate < 0) < 10:
        return held
    for _ in range(simulations):
        shift = np.concatenate([random.normal(MEAN, PERSON, n), random.normal(0, spread, n)])
        noise = np.where(mate >= 0, PAIR, spread) * random.normal(0, 1, person.size)
        scores = np.full((person.size, 2), -1.0, np.float32)
        scores[:, 0] = shift[person] + noise
        figures = measure_open_set(
            Searches(scores, mate, person), fpirs=(fpir,), draws=draws, with_curve=False
        )
        held["DIR at FPIR 0.1"] += holds(figures.dirs[0].dir, truth)
    return held


KINDS = {
    "verification": verification,
    "false matches": false_matches,
    "thresholds": thresholds,
    "identification": identification,
}


def table(results: dict[str, dict[str, list[int]]]) -> str:
    sizes = sorted(results, key=int)
    names = dict.fromkeys(name for n in sizes for name in results[n])
    lines = [
        f"| figure | {' | '.join(f'{n} people' for n in sizes)} |",
        "|---" * (len(sizes) + 1) + "|",
    ]
    for name in names:
        cells = []
        for n in sizes:
            held, count = results[n].get(name, (0, 0))
            cells.append(f"{100 * held / count:.1f} ({count:,})" if count else "not measured")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=int, nargs="+")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    options = parser.parse_args()
    place, readme = HERE / "results.json", HERE / "README.md"
    results = json.loads(place.read_text("utf-8")) if place.is_file() else {}
    for n, kind in itertools.product(options.people, options.kinds):
        held = KINDS[kind](n, options.simulations)
        counts = {name: [count, options.simulations] for name, count in held.items()}
        results[str(n)] = {**results.get(str(n), {}), **counts}
        place.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        before, _, rest = readme.read_text("utf-8").partition(START)
        contents = f"{before}{START}\n\n{table(results)}\n\n{END}{rest.partition(END)[2]}"
        readme.write_text(contents, encoding="utf-8")
        print(n, counts, flush=True)


if __name__ == "__main__":
    main()
