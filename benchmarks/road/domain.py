"""How far does a false match rate carry from the people it was measured on to others?

    python benchmarks/road/domain.py PEOPLE aaf.zip --models facegate-1 mobilefacenet

The thresholds are those that ship with the model, from split cal of PEOPLE. The rate at each is
counted on split cal itself, on split val (as many other people of the same kind), within source a
of both (celebrities of film and television instead of CelebA's), and on All-Age-Faces, mostly
East Asian people of 2 to 80 years: 1,500 of them, every one taken for a person of its own. LFW is
not looked at. What is counted goes into domain.json.
"""

import argparse
import json
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegate.data.images import read_photo
from facegate.data.protocols.people import PeopleProtocol, read_people
from facegate.evaluation.road import aligned_crop, embed_photos
from facegate.models.impostor_files import load_statistics
from facegate.models.metrics import impostors
from facegate.models.metrics.bootstrap import people_draws
from facegate.models.metrics.dyads import fmr_figure, pair_counts
from facegate.models.pipeline import Pipeline
from facegate.models.values import Floats

HERE = Path(__file__).resolve().parent
RATES = (1e-2, 1e-3, 1e-4, 1e-5)
UNNAMED = 1500


def of_zip(pipeline: Pipeline, path: Path) -> Floats:
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".webp"))
        names = names[:: max(1, len(names) // UNNAMED)][:UNNAMED]
        photos = [read_photo(archive.read(name), name=name) for name in names]
    crops = [aligned_crop(photo, pipeline.embedder.card) for photo in photos]
    parts = [pipeline.embed(np.stack(crops[k : k + 32])) for k in range(0, len(crops), 32)]
    return np.concatenate(parts)


def rates(rows: Floats, person: NDArray[np.int64], scores: list[float]) -> dict[str, object]:
    """Return the rate at each score, with its interval over people."""
    probes, templates = impostors._used(person, None)
    found, a, b = impostors._best_scores(rows, probes, templates, 1)
    n = len(probes)
    compared, draws = pair_counts(a, b, n), people_draws(n)
    value: dict[str, object] = {"people": n, "comparisons": int(found.size)}
    for rate, score in zip(RATES, scores, strict=True):
        accepted = pair_counts(a, b, n, found >= np.float32(score))
        figure = fmr_figure(accepted, compared, draws)
        value[f"{rate:g}"] = [figure.value, figure.low, figure.high]
    return value


def of_source(
    protocols: list[PeopleProtocol], rows: list[Floats], source: str
) -> tuple[Floats, NDArray[np.int64]]:
    parts, owners, offset = [], [], 0
    for protocol, embedded in zip(protocols, rows, strict=True):
        groups = np.array(protocol.group)
        member = groups[protocol.person] == source
        parts.append(embedded[member])
        owners.append(protocol.person[member] + offset)
        offset += len(protocol.names)
    return np.concatenate(parts), np.concatenate(owners)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("aaf", type=Path)
    parser.add_argument(
        "--models", nargs="+", default=["facegate-1", "facegate-0", "mobilefacenet"]
    )
    options = parser.parse_args()
    protocols = [read_people(options.people, split=split) for split in ("cal", "val")]
    place = HERE / "domain.json"
    results = json.loads(place.read_text("utf-8")) if place.is_file() else {}
    for model in options.models:
        pipeline = Pipeline(model)
        statistics = load_statistics(pipeline.model_id)
        assert statistics is not None
        table = statistics.scale.tables[0]
        scores = [table.threshold(rate).score for rate in RATES]
        rows = [embed_photos(pipeline, p.photos, aligned=True).rows for p in protocols]
        unnamed = of_zip(pipeline, options.aaf)
        results[model] = {
            "thresholds": dict(zip(map("{:g}".format, RATES), scores, strict=True)),
            "split cal": rates(rows[0], protocols[0].person, scores),
            "split val": rates(rows[1], protocols[1].person, scores),
            "source a of both": rates(*of_source(protocols, rows, "a"), scores),
            "All-Age-Faces": rates(unnamed, np.arange(len(unnamed)), scores),
        }
        print(model, json.dumps(results[model]), flush=True)
        place.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
