"""Measure models and put their thresholds and impostor statistics beside the cards that ship.

    uv run python tools/ship_thresholds.py PEOPLE facegate-0 mobilefacenet

PEOPLE is the folder of aligned crops with its splits in people.csv; split cal is used and nothing
else. The same as `facegate evaluate --people PEOPLE --aligned --split cal --model M --write-card`,
whose two files move from $FACEGATE_HOME/models/M into models/cards.
"""

import argparse
import shutil
from pathlib import Path

from facegate.data.protocols.people import read_people
from facegate.evaluation.run import Evaluation

CARDS = Path(__file__).resolve().parent.parent / "models" / "cards"


def main() -> None:
    """Measure each model named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    evaluation = Evaluation(read_people(options.people, split="cal"), aligned=True)
    for model in options.models:
        card, statistics = evaluation.keep_measured(model)
        shutil.move(card, CARDS / f"{model}.toml")
        shutil.move(statistics, CARDS / f"{model}.impostors.json")
        print(f"{model}: {CARDS / model}.toml and {model}.impostors.json")


if __name__ == "__main__":
    main()
