"""Where the weights of a model lie on this machine, and whether they are what they should be.

Weights that come with facegate lie in the package's folder ``weights``. All others lie in
``$FACEGATE_HOME/models/NAME``: the files, a record ``installed.json`` of what was published and
what is kept, and ``card.toml`` where the model is the user's own.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from facegate.errors import ModelMissingError, WeightsError
from facegate.models.card import Card, Part, joint_sum
from facegate.models.home import home
from facegate.models.shelf.sums import file_sum

_PACKAGE = Path(__file__).parents[1]
CARDS = _PACKAGE / "cards"
WEIGHTS = _PACKAGE / "weights"
RECORD = "installed.json"


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one model on this machine.

    Attributes:
        folder: where the files lie.
        published: the files as their publisher gives them, with the sums they had.
        kept: the files as they lie here; a ``.pt`` is kept as ``.safetensors``.
    """

    folder: Path
    published: tuple[Part, ...]
    kept: tuple[Part, ...]

    @property
    def path(self) -> Path:
        """Return the weight file itself."""
        return self.folder / self.kept[0].file

    @property
    def published_sum(self) -> str:
        """Return the sum that goes into the model id."""
        return joint_sum([part.sha256 or "" for part in self.published])

    @property
    def kept_sum(self) -> str:
        """Return the sum over the files as they lie here."""
        return joint_sum([part.sha256 or "" for part in self.kept])


def model_folder(name: str) -> Path:
    """Return the folder of an installed model; it may not exist."""
    return home() / "models" / name


def is_known(name: str) -> bool:
    """Say whether the model's card comes with facegate."""
    return (CARDS / f"{name}.toml").is_file()


def repair_hint(card: Card) -> str:
    """Return what to do about damaged weights."""
    if is_packaged(card):
        return "install facegate again"
    if is_known(card.name):
        return f"run `facegate models install {card.name}`"
    return "run `facegate models add` with its file and card again"


def is_packaged(card: Card) -> bool:
    """Say whether the model's weights come with facegate."""
    return (WEIGHTS / card.file).is_file()


def is_installed(card: Card) -> bool:
    """Say whether the model can be loaded without asking the network; sums are not looked at."""
    return is_packaged(card) or (model_folder(card.name) / RECORD).is_file()


def find_weights(card: Card) -> Weights:
    """Find the weights of a model, without reading them.

    Raises:
        ModelMissingError: they are not on this machine.
        WeightsError: the record cannot be read, or is of other weights than the card's.
    """
    if is_packaged(card):
        path = WEIGHTS / card.file
        part = Part(card.file, card.sha256 or file_sum(path), path.stat().st_size)
        return Weights(WEIGHTS, (part,), (part,))
    folder = model_folder(card.name)
    if not (folder / RECORD).is_file():
        fetch = f"`facegate models install {card.name}` fetches it, with --from DIR it takes a file"
        raise ModelMissingError(
            f"model {card.name} is not installed",
            hint=f"{fetch} you already have" if is_known(card.name) else repair_hint(card),
        )
    weights = read_record(folder)
    for part, stated in zip(weights.published, card.parts, strict=False):
        if stated.sha256 is not None and stated.sha256 != part.sha256:
            raise WeightsError(
                f"installed weights of {card.name} are not those of its card "
                f"(card {stated.sha256}, installed {part.sha256})",
                hint=repair_hint(card),
            )
    return weights


def checked_weights(card: Card) -> Weights:
    """Find the weights of a model and compare every file with its sum.

    Raises:
        ModelMissingError: they are not on this machine.
        WeightsError: a file is missing or has another sum; both sums are named.
    """
    weights = find_weights(card)
    for part in weights.kept:
        path = weights.folder / part.file
        problem = part_problem(path, part, read=file_sum)
        if problem:
            raise WeightsError(
                f"weights of {card.name} are not used: {problem}", hint=repair_hint(card)
            )
    return weights


def part_problem(path: Path, part: Part, *, read: Callable[[Path], str]) -> str:
    """Return what is wrong with a file, or nothing.

    Args:
        path: where it lies.
        part: what it should be.
        read: gives a file's sum.
    """
    try:
        found, size = read(path), path.stat().st_size
    except (FileNotFoundError, IsADirectoryError):
        return f"{path} is missing"
    except PermissionError:
        return f"{path} may not be read"
    if part.size_bytes is not None and size != part.size_bytes:
        return f"{path.name} has {size} bytes and sha256 {found}, not {part.size_bytes} bytes" + (
            f" and sha256 {part.sha256}" if part.sha256 else ""
        )
    if part.sha256 is not None and found != part.sha256:
        return f"{path.name} has sha256 {found}, not {part.sha256}"
    return ""


def read_record(folder: Path) -> Weights:
    """Read what an installation recorded.

    Raises:
        WeightsError: the record is damaged.
    """
    try:
        record = json.loads((folder / RECORD).read_bytes())
        published, kept = (_parts(record[key]) for key in ("published", "kept"))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"{folder / RECORD} is damaged", hint=f"remove {folder} and install the model again"
        ) from error
    return Weights(folder, published, kept)


def record_text(weights: Weights) -> str:
    """Return the text of ``installed.json``."""
    record = {
        key: [{k: v for k, v in asdict(part).items() if v is not None} for part in parts]
        for key, parts in (("published", weights.published), ("kept", weights.kept))
    }
    return json.dumps(record, indent=1) + "\n"


def _parts(rows: list[dict[str, Any]]) -> tuple[Part, ...]:
    parts = tuple(Part(**row) for row in rows)
    if not parts or not all(
        isinstance(p.sha256, str) and Path(p.file).name == p.file for p in parts
    ):
        raise ValueError("no parts")
    return parts
