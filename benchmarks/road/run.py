"""Identify on LFW by the product's own road: who is found, who is called unknown, who is not.

    uv run python benchmarks/road/run.py LFW --out benchmarks/road/results.json

LFW is a folder with one folder a person. The first photograph of everybody with two or more is
enrolled, the second is a mated probe; of the first 1,000 people by name with one photograph each
that one is a stranger's probe. Figures: rank-1; DIR at the FPIR that strangers allow; and what
`facegate identify` itself would answer at its default `--fpir 1e-2`, by the thresholds on the
model's card, which come from other people than these.
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path

import numpy as np

from facegate.calibration.stored import CalibrationReader
from facegate.data.protocols.openset import read_open_set
from facegate.decision import Search
from facegate.errors import NoThresholdError
from facegate.evaluation.identification import IdentificationResult
from facegate.evaluation.run import Evaluation

STRANGERS = 1000
HERE = Path(__file__).resolve().parent


def lay_out(lfw: Path, place: Path) -> None:
    """Link the photographs into one folder of enrolled people and one of probes."""
    strangers = 0
    for person in sorted(path for path in lfw.iterdir() if path.is_dir()):
        photos = sorted(person.iterdir())
        if len(photos) >= 2:
            parts = [("enrolled", photos[0]), ("probes", photos[1])]
        elif strangers < STRANGERS:
            strangers += 1
            parts = [("probes", photos[0])]
        else:
            continue
        for part, photo in parts:
            folder = place / part / person.name
            folder.mkdir(parents=True)
            (folder / photo.name).symlink_to(photo.resolve())


def decided(evaluation: Evaluation, model: str, result: IdentificationResult) -> dict[str, object]:
    """Return what the product's own threshold makes of these scores."""
    searches = result.searches
    size = Search(templates=result.n_templates, identities=searches.n_identities)
    try:
        embedder = evaluation.pipeline(model).embedder
        basis = CalibrationReader().basis(embedder.card, embedder.model_id, None)
        threshold = basis.identification(1e-2, size)
    except NoThresholdError as error:
        return {"threshold": None, "why": str(error)}
    alone = {
        f"{fmr:g}": float(
            (searches.scores[searches.mate < 0] >= basis.verification(fmr).score).mean()
        )
        for fmr in (1e-2, 1e-3, 1e-4)
    }
    best = searches.scores.argmax(axis=1)
    named = searches.scores.max(axis=1) >= threshold.score
    mated = searches.mate >= 0
    return {
        "threshold": round(threshold.score, 4),
        "fpir_stated": threshold.rate,
        "note": threshold.note,
        "strangers_fmr": alone,
        "mated_named_rightly": float((named & (best == searches.mate))[mated].mean()),
        "mated_named_wrongly": float((named & (best != searches.mate))[mated].mean()),
        "mated_unknown": float((~named)[mated].mean()),
        "strangers_unknown": float((~named)[~mated].mean()),
        "false_alarms": int(named[~mated].sum()),
        "strangers": int(np.count_nonzero(~mated)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lfw", type=Path)
    parser.add_argument(
        "--models", nargs="+", default=["facegate-1", "facegate-0", "mobilefacenet", "reid-0095"]
    )
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as place:
        lay_out(options.lfw, Path(place))
        protocol = read_open_set(Path(place) / "enrolled", Path(place) / "probes")
        evaluation = Evaluation(protocol)
        for model in options.models:
            result = evaluation.measure(model)
            assert isinstance(result, IdentificationResult)
            value = result.as_json()
            for long in ("left_out", "failures_to_enrol", "curve"):
                value.pop(long)
            rows[model] = {**value, "product": decided(evaluation, model, result)}
            print(model, json.dumps(rows[model]), flush=True)
    record = {"machine": platform.machine(), "python": platform.python_version(), "models": rows}
    options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
