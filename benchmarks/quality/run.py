"""Below which quality were error rates not measured? Errors against quality, on split val.

    facegate models install mobilefacenet --from MODELS
    python benchmarks/quality/run.py PEOPLE

PEOPLE are aligned crops with splits. Of each person of split val with two or more, one crop is the
reference and another the probe. Probes are damaged: blurred, darkened with a sensor's noise, washed
out, made smaller. A damaged probe is compared with all references, and with the probes of others
that have the same damage, as two bad photographs are. The threshold is that of FMR 1e-3 on the
model's card. Quality is that of ``facegate.quality``, for a probe of 35 pixels between the eyes.

The rule was fixed before the figures were seen. The least quality for an answer is the lowest edge
of a bin such that it and all bins above keep both:

    false matches   the rate, whose 95 % interval over people is looked at, is not clearly above
                    twice the asked one, in either comparison
    true matches    at least half as many are accepted as of undamaged probes
"""

import argparse
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facegate.data.images import read_photo
from facegate.data.protocols.people import read_people
from facegate.models.align import ARCFACE_TEMPLATE
from facegate.models.metrics.bootstrap import people_draws
from facegate.models.metrics.dyads import pair_counts, share_of
from facegate.models.metrics.intervals import Figure
from facegate.models.pipeline import Pipeline
from facegate.models.values import Face, Floats, Pixels
from facegate.quality import measure

HERE = Path(__file__).resolve().parent
EDGES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1.01)
FMR = 1e-3
BORDER_PX = 8
Damage = Callable[[Pixels], tuple[Pixels, float]]
"""Returns the damaged crop and how much smaller the face became."""


def blurred(sigma: float) -> Damage:
    return lambda crop: (cv2.GaussianBlur(crop, (0, 0), sigma), 1.0)


def darkened(gain: float) -> Damage:
    """A dim picture in eight bits with the grain of a sensor, two grey levels."""

    def damage(crop: Pixels) -> tuple[Pixels, float]:
        grain = np.random.default_rng(int(crop[::7, ::7].sum())).normal(0, 2, crop.shape)
        return (crop * gain + grain).round().clip(0, 255).astype(np.uint8), 1.0

    return damage


def washed_out(gain: float) -> Damage:
    return lambda crop: ((255 - (255 - crop.astype(float)) * gain).round().astype(np.uint8), 1.0)


def smaller(side: int) -> Damage:
    def damage(crop: Pixels) -> tuple[Pixels, float]:
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        grown = cv2.resize(small, crop.shape[:2], interpolation=cv2.INTER_LINEAR)
        return grown, side / crop.shape[0]

    return damage


DAMAGES: dict[str, Damage] = {
    "none": lambda crop: (crop, 1.0),
    **{f"blur {sigma:g} px": blurred(sigma) for sigma in (1, 2, 3, 4.5, 7, 10)},
    **{f"light x {gain:g}": darkened(gain) for gain in (0.3, 0.12, 0.06, 0.03, 0.015)},
    **{f"contrast to white x {gain:g}": washed_out(gain) for gain in (0.3, 0.12, 0.05, 0.025)},
    **{f"{side} px wide": smaller(side) for side in (64, 40, 26, 18, 12, 8)},
}


def crops_of(people: Path) -> Iterator[tuple[Pixels, Pixels]]:
    """Yield a reference and a probe of each person who has both."""
    protocol = read_people(people, split="val")
    for person in range(len(protocol.names)):
        photos = [protocol.photos[k] for k in np.flatnonzero(protocol.person == person)]
        if len(photos) > 1:
            yield read_photo(photos[0]).pixels, read_photo(photos[len(photos) // 2]).pixels


def centre(crop: Pixels) -> Pixels:
    return np.ascontiguousarray(crop[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX])


def quality_of(crop: Pixels, size: float) -> float:
    face = Face(np.float32([0, 0, 112, 112]), np.float32(ARCFACE_TEMPLATE) * size, 1.0)
    return measure(crop, face).overall


def figure(
    accepted: NDArray[np.bool_], a: NDArray[np.int32], b: NDArray[np.int32], n: int
) -> Figure:
    counted, compared = pair_counts(a, b, n, accepted), pair_counts(a, b, n)
    return share_of(counted, compared, people_draws(n, n_draws=300)).figure


def of_bin(
    chosen: list[NDArray[np.bool_]], rows: list[Floats], refs: Floats, score: float
) -> dict[str, Any]:
    """Return the rates of the probes in one bin; ``chosen`` says which of each damage's."""
    n = len(refs)
    hits: dict[str, list[Any]] = {"good": [], "alike": []}
    matched, probes = 0, 0
    for member, embedded in zip(chosen, rows, strict=True):
        who = np.flatnonzero(member)
        if not who.size:
            continue
        against = embedded[who] @ refs.T
        matched += int((against[np.arange(who.size), who] >= score).sum())
        probes += who.size
        other = who[:, None] != np.arange(n)[None, :]
        i, j = np.nonzero(other)
        hits["good"].append((against[other] >= score, who[i], j))
        each = embedded[who] @ embedded[who].T
        i, j = np.triu_indices(who.size, 1)
        hits["alike"].append((each[i, j] >= score, who[i], who[j]))
    value: dict[str, Any] = {"probes": probes, "accepted": matched / probes}
    for name, parts in hits.items():
        accepted, a, b = (np.concatenate(column) for column in zip(*parts, strict=True))
        if accepted.size:
            rate = figure(accepted, a.astype(np.int32), b.astype(np.int32), n)
            value[name] = [rate.value, rate.low, rate.high]
    return value


def evaluate(model: str, pairs: list[tuple[Pixels, Pixels]]) -> dict[str, Any]:
    pipeline = Pipeline(model)
    score = pipeline.embedder.card.threshold_at(FMR).score
    refs = embed(pipeline, [centre(reference) for reference, _ in pairs])
    rows, qualities = [], []
    for damage in DAMAGES.values():
        damaged = [damage(probe) for _, probe in pairs]
        crops = [centre(crop) for crop, _ in damaged]
        rows.append(embed(pipeline, crops))
        sizes = [size for _, size in damaged]
        qualities.append(np.array([quality_of(c, s) for c, s in zip(crops, sizes, strict=True)]))
    bins = {}
    for low, high in itertools.pairwise(EDGES):
        chosen = [(q >= low) & (q < high) for q in qualities]
        if sum(int(member.sum()) for member in chosen) >= 30:
            bins[f"{low:g}"] = of_bin(chosen, rows, refs, score)
    whole = [np.full(len(pairs), name == "none") for name in DAMAGES]
    medians = {name: float(np.median(q)) for name, q in zip(DAMAGES, qualities, strict=True)}
    return {
        "model": pipeline.model_id,
        "people": len(pairs),
        "threshold": score,
        "undamaged": of_bin(whole, rows, refs, score),
        "bins": bins,
        "median_quality": medians,
    }


def embed(pipeline: Pipeline, crops: list[Pixels]) -> Floats:
    parts = [pipeline.embed(np.stack(crops[k : k + 32])) for k in range(0, len(crops), 32)]
    return np.concatenate(parts)


def least_quality(value: dict[str, Any]) -> float:
    """Return the lowest edge of a bin that keeps the rule together with all bins above it."""
    least = 1.0
    for edge in sorted(value["bins"], key=float, reverse=True):
        entry = value["bins"][edge]
        rates = [entry[name] for name in ("good", "alike") if name in entry]
        keeps = all(low <= 2 * FMR for _, low, _ in rates)
        if not keeps or entry["accepted"] < value["undamaged"]["accepted"] / 2:
            return least
        least = float(edge)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("--models", nargs="+", default=["facegate-1", "mobilefacenet"])
    options = parser.parse_args()
    pairs = list(crops_of(options.people))
    place = HERE / "results.json"
    results = json.loads(place.read_text("utf-8")) if place.is_file() else {}
    for model in options.models:
        value = evaluate(model, pairs)
        results[model] = {**value, "least_quality": least_quality(value)}
        place.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(model, json.dumps(results[model]), flush=True)


if __name__ == "__main__":
    main()
