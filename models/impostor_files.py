"""Where the impostor statistics of a model lie: beside its card.

They come with facegate in ``NAME.impostors.json``, or lie in ``impostors.json`` in the folder of a
model of one's own. They hold quantiles and counts: no image, and no embedding, from which a face
could be rebuilt.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from facegate.data.files import write_atomically
from facegate.errors import CardError
from facegate.models.card import split_model_id
from facegate.models.impostors import Scale
from facegate.models.shelf.weights import CARDS, model_folder


@dataclass(frozen=True, slots=True)
class ImpostorStatistics:
    """How strangers score with one model.

    Attributes:
        model: the model's id.
        protocol: who was compared, in words.
        date: when, ISO.
        scale: the tables.
    """

    model: str
    protocol: str
    date: str
    scale: Scale


def load_statistics(model_id: str) -> ImpostorStatistics | None:
    """Return the impostor statistics of a model, or None where there are none for this id.

    Raises:
        CardError: the file is damaged.
    """
    for path in _places(model_id):
        try:
            text = path.read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            value = json.loads(text)
            found = ImpostorStatistics(
                str(value["model"]),
                str(value["protocol"]),
                str(value["date"]),
                Scale.from_json(value["tables"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise CardError(
                f"impostor statistics {path} cannot be read ({error})",
                hint="delete the file, or measure them with 'facegate evaluate --write-card'",
            ) from error
        if found.model == model_id:
            return found
    return None


def keep_statistics(statistics: ImpostorStatistics) -> Path:
    """Write the impostor statistics of a model beside its own card in ``$FACEGATE_HOME``."""
    path = _places(statistics.model)[0]
    value = {
        "model": statistics.model,
        "protocol": statistics.protocol,
        "date": statistics.date,
        "tables": statistics.scale.as_json(),
    }
    lines = json.dumps(value, indent=1).replace("\n     ", " ").replace("\n    ]", "]")
    write_atomically(path, (lines + "\n").encode())
    return path


def _places(model_id: str) -> tuple[Path, Path]:
    name, _ = split_model_id(model_id)
    return model_folder(name) / "impostors.json", CARDS / f"{name}.impostors.json"
