"""Bring a model's weights onto this machine: from its publisher, from a folder, or as one's own.

A model is put together beside its place, checked and tried on two faces there, and moved into
place in one step: it is installed whole or not at all.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from facegate.data.files import write_atomically
from facegate.errors import CardError, InputError, WeightsError
from facegate.models.card import MAX_BYTES, Card, Part
from facegate.models.card_file import card_to_toml, load_card
from facegate.models.shelf.download import CHUNK_BYTES, download
from facegate.models.shelf.placing import in_place_of
from facegate.models.shelf.sums import fresh_sum
from facegate.models.shelf.trial import try_out
from facegate.models.shelf.unpickle import keep_as_safetensors
from facegate.models.shelf.weights import (
    RECORD,
    WEIGHTS,
    Weights,
    find_weights,
    is_installed,
    is_known,
    is_packaged,
    model_folder,
    part_problem,
    read_record,
    record_text,
    repair_hint,
)
from facegate.models.zoo import card as card_of
from facegate.models.zoo import cards, make_embedder

Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""Called with a file's name and its bytes or None; yields what is told of bytes that arrived."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with an installed model.

    Attributes:
        model: its name.
        message: what is wrong, in one line.
        hint: what to do.
    """

    model: str
    message: str
    hint: str


def install(name: str, *, source: Path | None = None, progress: Progress | None = None) -> Card:
    """Install a known model, or find that it is installed and sound.

    Args:
        name: of a model that has a card.
        source: a folder that holds its files; without one they are downloaded.
        progress: shows the bytes of a download.

    Returns:
        The card, with the sums that were computed where it named none.

    Raises:
        InputError: no model has this name, or the folder does not hold its files.
        ModelMissingError: the download failed.
        WeightsError: a file is not the one the card names; nothing was kept.
    """
    card = card_of(name)
    if is_installed(card) and not verify(card.name):
        return card
    if is_packaged(card):
        raise WeightsError(
            f"weights of {card.name} in {WEIGHTS} are damaged", hint="install facegate again"
        )
    with in_place_of(model_folder(card.name)) as folder:
        published = tuple(_fetched(part, folder, source, progress) for part in card.parts)
        _finish(card, folder, published)
        own = model_folder(card.name) / "card.toml"
        if own.is_file():
            write_atomically(folder / "card.toml", own.read_bytes())
    return card_of(card.name)


def add(file: Path, card_file: Path) -> Card:
    """Install a model of the user's own.

    Args:
        file: the weights; further files that the card names lie beside it.
        card_file: its card.

    Returns:
        The card with all sums, as it was kept.

    Raises:
        CardError: the card is wrong, does not go with the file, or its name is taken.
        InputError: a file is missing or is no regular file.
        WeightsError: a file has another sum than the card says, or the net is not what the card
            says; nothing was kept.
    """
    card = load_card(card_file)
    if file.name != card.file:
        raise CardError(
            f"card {card_file} is of {card.file}, not of {file.name}", hint="name the right file"
        )
    with in_place_of(model_folder(card.name)) as folder:
        published = tuple(_fetched(part, folder, file.parent, None) for part in card.parts)
        _refuse_taken_name(card, published)
        head, *others = published
        card = replace(card, sha256=head.sha256, size_bytes=head.size_bytes, files=tuple(others))
        _finish(card, folder, published)
        write_atomically(folder / "card.toml", card_to_toml(card).encode())
    return card


def verify(name: str | None = None) -> list[Finding]:
    """Read every file of the installed models again and compare it with its sum.

    Args:
        name: one model; without it all that are installed.

    Raises:
        InputError: no model has this name.
        ModelMissingError: the model is not installed.
    """
    chosen = (
        [card_of(name)] if name is not None else [c for c in cards().values() if is_installed(c)]
    )
    return [finding for card in chosen for finding in _findings(card)]


def _findings(card: Card) -> Iterator[Finding]:
    try:
        weights = find_weights(card)
    except WeightsError as error:
        yield Finding(card.name, error.message, error.hint)
        return
    for part in weights.kept:
        path = weights.folder / part.file
        problem = part_problem(path, part, read=fresh_sum)
        if problem:
            yield Finding(card.name, problem, repair_hint(card))


def _finish(card: Card, folder: Path, published: tuple[Part, ...]) -> None:
    """Bring the files into the form in which they are kept, record them, and try the model."""
    kept = published
    if card.suffix in (".pt", ".pth"):
        pickle, target = folder / card.file, folder / f"{card.name}.safetensors"
        keep_as_safetensors(card, pickle, target)
        pickle.unlink()
        _settle(target)
        kept = (Part(target.name, fresh_sum(target), target.stat().st_size),)
    weights = Weights(folder, published, kept)
    write_atomically(folder / RECORD, record_text(weights).encode())
    try_out(make_embedder(card, weights, device="cpu"))


def _settle(path: Path) -> None:
    """Give a file that another program wrote our permissions, and see it on the disk."""
    path.chmod(0o644)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _fetched(part: Part, folder: Path, source: Path | None, progress: Progress | None) -> Part:
    """Bring one file into the folder and return what it turned out to be."""
    target = folder / part.file
    with target.open("xb") as file:
        if source is not None:
            found = _copy(source / part.file, file)
        elif part.url is None:
            raise InputError(f"the card names no address for {part.file}", hint="use --from DIR")
        else:
            bar = nullcontext(_ignore) if progress is None else progress(part.file, part.size_bytes)
            with bar as advance:
                found = download(part, file, advance)
        file.flush()
        os.fsync(file.fileno())
    problem = part_problem(target, part, read=lambda _path: found)
    if problem:
        raise WeightsError(f"{problem}, and is not kept", hint="get the file the card names")
    return replace(part, sha256=found, size_bytes=target.stat().st_size)


def _copy(path: Path, file: BinaryIO) -> str:
    """Copy a regular file and return its sum."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is no regular file", hint="name the folder of the files")
        if status.st_size > MAX_BYTES:
            raise InputError(
                f"{path} has {status.st_size} bytes", hint=f"at most {MAX_BYTES} are taken"
            )
        original = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(
            f"{path.parent} holds no {path.name}", hint="the card names that file"
        ) from error
    except NotADirectoryError as error:
        raise InputError(f"{path.parent} is no folder", hint="name the folder") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read", hint="change its permissions") from error
    digest = hashlib.sha256()
    with original:
        while chunk := original.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _refuse_taken_name(card: Card, published: tuple[Part, ...]) -> None:
    if is_known(card.name):
        raise CardError(
            f"{card.name} is the name of a model that facegate knows",
            hint="give yours another name on its card",
        )
    folder = model_folder(card.name)
    if not (folder / RECORD).is_file():
        return
    there = [part.sha256 for part in read_record(folder).published]
    if there != [part.sha256 for part in published]:
        raise CardError(
            f"another model is called {card.name}",
            hint="give this one another name: galleries of the other still need it",
        )


def _ignore(_count: int) -> None:
    return None
