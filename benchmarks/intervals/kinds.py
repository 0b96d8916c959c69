"""Of several kinds of interval of a false match rate, how often does each hold the truth?

    python benchmarks/intervals/kinds.py

Scores of n people, all pairs: a shift of each person (``shared``) and noise (``own``), normal, so
that the rate at a threshold is known. All intervals are Wilson's with the sample size that a
variance implies; the variances of the bootstrap are computed in closed form, so that no draw is
needed:

    pairs      as if all pairs were independent
    people     plain resampling of people, which counts a pair's own luck three times
    unbiased   two thirds of that luck taken off
    cut off    the same, never below the luck itself
    loose      the same, never below half of it, with Student's quantile for 2 n / (kurtosis - 1)
               degrees of freedom, Satterthwaite's with the moments that a sample shows
    product    the same, with n / kurtosis degrees of freedom: what facegate does
"""

import numpy as np
from scipy.stats import norm, t

Z = 1.96
EFFECTS = (("none", 0.0, 0.1), ("weak", 0.03, 0.1), ("strong", 0.06, 0.08))
SIMULATIONS = 2000


def wilson(rate: float, variance: float, z: float) -> tuple[float, float]:
    n = rate * (1 - rate) / variance
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def cover(n: int, shared: float, own: float, rate: float) -> dict[str, float]:
    random = np.random.default_rng(5)
    threshold = norm.isf(rate) * np.hypot(own, 2**0.5 * shared)
    i, j = np.triu_indices(n, 1)
    held = {"pairs": 0, "people": 0, "unbiased": 0, "cut off": 0, "loose": 0, "product": 0}
    for _ in range(SIMULATIONS):
        shift = random.normal(0, shared, n)
        accepted = shift[i] + shift[j] + random.normal(0, own, i.size) >= threshold
        found = accepted.mean()
        if not found:
            continue
        degree = np.bincount(i, accepted, minlength=n) + np.bincount(j, accepted, minlength=n)
        degree = degree / (n - 1)
        luck = found * (1 - found) / i.size
        linear = 4 * degree.var(ddof=1) / n
        influence = (degree - degree.mean()) ** 2
        freedom = max(2.0, influence.sum() ** 2 / (influence**2).sum())
        student = float(t.ppf(0.975, freedom))
        kurtosis = n / freedom
        loose = float(t.ppf(0.975, np.clip(2 * n / (kurtosis - 1), 2, n - 1)))
        intervals = {
            "pairs": wilson(found, luck, Z),
            "people": wilson(found, linear + luck, Z),
            "unbiased": wilson(found, max(linear - luck, luck / 100), Z),
            "cut off": wilson(found, max(linear - luck, luck), student),
            "loose": wilson(found, max(linear - luck, luck / 2), loose),
            "product": wilson(found, max(linear - luck, luck / 2), student),
        }
        for name, (low, high) in intervals.items():
            held[name] += low <= rate <= high
    return {name: count / SIMULATIONS for name, count in held.items()}


def main() -> None:
    print("| people | effect | rate | pairs | people | unbiased | cut off | loose | product |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n in (30, 60, 120):
        for name, shared, own in EFFECTS:
            for rate in (0.1, 0.01):
                if rate * n * n / 2 < 10:
                    continue
                found = cover(n, shared, own, rate)
                cells = " | ".join(f"{100 * share:.1f}" for share in found.values())
                print(f"| {n} | {name} | {rate:g} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
