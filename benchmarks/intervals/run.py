"""How often do intervals of a false match rate hold the truth?

    python benchmarks/intervals/run.py

Scores of n people, all pairs: a shift of each person (``shared``) and noise (``own``), normal, so
that the rate at a threshold is known. Counted is how often each kind of interval covers it, over
1,000 simulations (400 with 600 people). The variances of the bootstrap over people are computed in
closed form, so that no draw is needed.
"""

import numpy as np
from scipy.stats import norm, t

Z = 1.96
EFFECTS = (("none", 0.0, 0.1), ("weak", 0.03, 0.1), ("strong", 0.06, 0.08))


def wilson(rate: float, variance: float, z: float) -> tuple[float, float]:
    n = rate * (1 - rate) / variance
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def cover(n: int, shared: float, own: float, rate: float, n_simulations: int) -> dict[str, float]:
    random = np.random.default_rng(5)
    threshold = norm.isf(rate) * np.hypot(own, 2**0.5 * shared)
    i, j = np.triu_indices(n, 1)
    held = {"pairs": 0, "people": 0, "corrected": 0, "corrected, Student": 0}
    for _ in range(n_simulations):
        shift = random.normal(0, shared, n)
        accepted = shift[i] + shift[j] + random.normal(0, own, i.size) >= threshold
        found = accepted.mean()
        if not found:
            continue
        degree = np.bincount(i, accepted, minlength=n) + np.bincount(j, accepted, minlength=n)
        degree = degree / (n - 1)
        luck = found * (1 - found) / i.size
        linear = 4 * degree.var(ddof=1) / n
        corrected = max(linear - luck, luck)
        influence = (degree - degree.mean()) ** 2
        freedom = max(2.0, influence.sum() ** 2 / (influence**2).sum())
        intervals = {
            "pairs": wilson(found, luck, Z),
            "people": wilson(found, linear + luck, Z),
            "corrected": wilson(found, corrected, Z),
            "corrected, Student": wilson(found, corrected, float(t.ppf(0.975, freedom))),
        }
        for name, (low, high) in intervals.items():
            held[name] += low <= rate <= high
    return {name: count / n_simulations for name, count in held.items()}


def main() -> None:
    print("| people | effect | rate | pairs | people | corrected | corrected, Student |")
    print("|---|---|---|---|---|---|---|")
    for n in (50, 100, 200, 600):
        for name, shared, own in EFFECTS:
            for rate in (0.1, 0.01, 0.001):
                if rate * n * n / 2 < 10:
                    continue
                found = cover(n, shared, own, rate, 400 if n == 600 else 1000)
                cells = " | ".join(f"{100 * share:.1f}" for share in found.values())
                print(f"| {n} | {name} | {rate:g} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
