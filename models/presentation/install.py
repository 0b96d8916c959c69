"""Bring the nets of the check onto this machine, from a folder; nothing is downloaded."""

import shutil
from pathlib import Path

from facegate.data.files import write_atomically
from facegate.errors import InputError, ModelMissingError, WeightsError
from facegate.models.presentation.card import CheckCard, CheckNet
from facegate.models.shelf.placing import in_place_of
from facegate.models.shelf.sums import file_sum, fresh_sum
from facegate.models.shelf.unpickle import keep_as_safetensors
from facegate.models.shelf.weights import model_folder


def is_installed(card: CheckCard) -> bool:
    """Say whether its weights are here; their sums are not looked at."""
    return all(safe_file(card, net).is_file() for net in card.nets)


def safe_file(card: CheckCard, net: CheckNet) -> Path:
    """Return where the weights of one net lie, as safetensors."""
    return model_folder(card.name) / f"{net.architecture}.safetensors"


def weights_of(card: CheckCard, net: CheckNet) -> str:
    """Return the sum of one net's weights, compared with what was installed.

    Raises:
        ModelMissingError: they are not here. WeightsError: they were changed since.
    """
    path = safe_file(card, net)
    try:
        recorded = path.with_suffix(".sha256").read_text().strip()
        found = file_sum(path)
    except FileNotFoundError as error:
        raise ModelMissingError(
            f"the check {card.name} is not installed",
            hint=f"run `facegate models install {card.name} --from DIR`",
        ) from error
    if found != recorded:
        raise WeightsError(
            f"weights of {card.name} are not used: {path.name} has sha256 {found}, not {recorded}",
            hint=f"run `facegate models install {card.name} --from DIR`",
        )
    return found


def install_check(card: CheckCard, source: Path | None) -> None:
    """Take the published files out of a folder, compare their sums, keep them as safetensors.

    Raises:
        InputError: no folder was named, or it does not hold the files.
        WeightsError: a file is not the one the card names; nothing was kept.
    """
    if source is None:
        raise InputError(
            f"{card.name} is taken from a folder",
            hint=f"get its files from {card.source} and name their folder with --from DIR",
        )
    with in_place_of(model_folder(card.name)) as folder:
        for net in card.nets:
            _keep(net, source, folder)


def _keep(net: CheckNet, source: Path, folder: Path) -> None:
    original, copy = source / net.part.file, folder / net.part.file
    if not original.is_file():
        raise InputError(f"{source} holds no {net.part.file}", hint="name the folder of the files")
    shutil.copyfile(original, copy)
    found = fresh_sum(copy)
    if found != net.part.sha256:
        raise WeightsError(
            f"{net.part.file} has sha256 {found}, not {net.part.sha256}, and is not kept",
            hint="get the file the card names",
        )
    target = folder / f"{net.architecture}.safetensors"
    keep_as_safetensors(net, copy, target)
    copy.unlink()
    target.chmod(0o644)
    write_atomically(target.with_suffix(".sha256"), f"{fresh_sum(target)}\n".encode())
