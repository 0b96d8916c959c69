"""Which models exist, and one of them made ready to embed faces."""

import difflib
import hashlib
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from facegate.errors import CardError, InputError, ModelMissingError, WeightsError
from facegate.models.card import Card, Part, model_id, split_model_id
from facegate.models.card_file import load_card, write_card
from facegate.models.card_rules import NAME
from facegate.models.embedder import Embedder
from facegate.models.shelf.weights import (
    CARDS,
    Weights,
    checked_weights,
    find_weights,
    is_installed,
    model_folder,
)

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "DEFAULT_MODEL",
    "Embedder",
    "card",
    "cards",
    "installed",
    "installed_id",
    "keep_card",
    "load_embedder",
    "make_embedder",
    "model_id",
]

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "facegate-1"
"""The model of new galleries."""


def cards() -> dict[str, Card]:
    """Return the card of every known model by name: facegate's own first, then the user's.

    A card of the user's that cannot be read is passed over with a warning; `card` on its name
    says why.
    """
    found = {path.stem: _with_record(load_card(path)) for path in _packaged()}
    for name in _users_names():
        try:
            found[name] = card(name)
        except CardError as error:
            logger.warning("%s", error)
    return dict(sorted(found.items(), key=lambda item: item[0] != DEFAULT_MODEL))


def card(name: str) -> Card:
    """Return the card of a model.

    Args:
        name: the model's name or a full model id.

    Raises:
        InputError: no model has this name; the hint names the nearest.
        CardError: the card is damaged.
    """
    bare, _ = split_model_id(name)
    packaged = CARDS / f"{bare}.toml"
    own = model_folder(bare) / "card.toml"
    is_plain = NAME.fullmatch(bare) is not None
    if is_plain and own.is_file():
        written = load_card(own)
        if written.name != bare:
            raise CardError(f"card {own} is of {written.name}", hint="the folder has its name")
        if not packaged.is_file() or _same_weights(written, load_card(packaged)):
            return _with_record(written)
    if is_plain and packaged.is_file():
        return _with_record(load_card(packaged))
    known = sorted({path.stem for path in _packaged()} | set(_users_names()))
    near = difflib.get_close_matches(bare[:80].lower(), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    raise InputError(f"no model is called {bare!r:.80}", hint=hint, code="unknown_model")


def installed(card: Card) -> bool:
    """Say whether the model's weights are on this machine; their sums are not looked at."""
    return is_installed(card)


def installed_id(card: Card) -> str | None:
    """Return the id that the installed model has, or None where it is not installed."""
    return model_id(card, find_weights(card).published_sum) if is_installed(card) else None


def load_embedder(name: str, *, device: str = "auto") -> Embedder:
    """Make a model ready.

    Args:
        name: the model's name, or a full model id, which the weights here must then have.
        device: "auto", "cpu" or "cuda".

    Raises:
        InputError: no model has this name.
        ModelMissingError: its weights are not on this machine, or have another id.
        WeightsError: they are damaged.
        DeviceError: the device is not there.
    """
    wanted = card(name)
    weights = checked_weights(wanted)
    full_id = model_id(wanted, weights.published_sum)
    _, sum_asked = split_model_id(name)
    if sum_asked is not None and full_id != name:
        raise ModelMissingError(
            f"model {name} is not on this machine; the {wanted.name} here is {full_id}",
            hint="install the weights and the card it was made with, or use that model",
        )
    return make_embedder(wanted, weights, device=device)


def make_embedder(card: Card, weights: Weights, *, device: str = "auto") -> Embedder:
    """Make an embedder of weights that were checked.

    Raises:
        WeightsError: the file is not what its card says.
        DeviceError: the device is not there.
    """
    from facegate.models.runtime import file_net, torch_net

    size = card.input_size
    if card.architecture == "file":
        net = file_net(weights.path, key=weights.kept_sum, device=device)
    else:
        facts = f"{weights.kept_sum} {card.architecture} {card.dim} {size}"
        net = torch_net(
            hashlib.sha256(facts.encode()).hexdigest(),
            partial(_torch_module, card, weights.path),
            input_shape=(None, 3, size, size),
            device=device,
        )
    return Embedder(card, net, model_id(card, weights.published_sum))


def keep_card(card: Card) -> Path:
    """Keep a card with new thresholds or figures; from now on it is the model's card here.

    Returns:
        The file, in ``$FACEGATE_HOME/models/NAME``.

    Raises:
        CardError: the card is wrong, or its weights are not those of the model of this name.
    """
    known = cards().get(card.name)
    if known is not None and not _same_weights(card, known):
        raise CardError(
            f"card of {card.name} belongs to other weights ({card.sha256}, not {known.sha256})",
            hint="give it another name",
        )
    path = model_folder(card.name) / "card.toml"
    write_card(path, card)
    return path


def _torch_module(card: Card, path: Path) -> "nn.Module":
    from facegate.models.nets.build import load_net

    return load_net(card.architecture, path, dim=card.dim, size=card.input_size)


def _packaged() -> list[Path]:
    return sorted(CARDS.glob("*.toml"))


def _users_names() -> list[str]:
    folders = (path.parent.name for path in model_folder("x").parent.glob("*/card.toml"))
    return sorted(name for name in folders if NAME.fullmatch(name))


def _same_weights(one: Card, other: Card) -> bool:
    """Say whether two cards name the same weights; a sum that is not stated fits any."""
    pairs = zip(one.parts, other.parts, strict=False)
    return all(a.sha256 == b.sha256 or None in (a.sha256, b.sha256) for a, b in pairs)


def _with_record(card: Card) -> Card:
    """Return the card with the sums that were recorded when its weights were installed."""
    if all(part.sha256 for part in card.parts) or not is_installed(card):
        return card
    try:
        recorded = {part.file: part for part in find_weights(card).published}
    except WeightsError:
        return card  # a card can be read whatever became of its weights; loading them says it
    head, *others = (_filled(part, recorded.get(part.file)) for part in card.parts)
    return replace(card, sha256=head.sha256, size_bytes=head.size_bytes, files=tuple(others))


def _filled(part: Part, recorded: Part | None) -> Part:
    if recorded is None:
        return part
    return replace(
        part,
        sha256=part.sha256 or recorded.sha256,
        size_bytes=part.size_bytes or recorded.size_bytes,
    )
