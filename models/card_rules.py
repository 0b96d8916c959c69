"""What must hold for a card before a model may be used by it."""

import re
import string
from urllib.parse import urlsplit

from facegate.errors import CardError
from facegate.models.card import (
    ARCHITECTURES,
    MAX_BYTES,
    MAX_DIM,
    MAX_INPUT_PX,
    MODEL_ID,
    Card,
    Part,
    Rate,
)

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
STATE_SUFFIXES = (".safetensors", ".pt", ".pth")
GRAPH_SUFFIXES = (".onnx", ".xml")
MIN_INPUT_PX = 16
PAIRS_PER_ERROR_RATE = 10
"""A rate stands on at least this many expected errors."""


def check_card(card: Card, *, where: str) -> None:
    """Raise the first thing that is wrong with a card.

    Args:
        card: of the right types.
        where: the file's name, for error messages.

    Raises:
        CardError: a value is out of range, or two contradict each other.
    """
    checks = (_name, _sizes, _input, _alignment, _parts, _thresholds)
    for check in checks:
        problem = check(card)
        if problem:
            message, hint = problem
            raise CardError(f"{message} in card {where}", hint=hint)


Problem = tuple[str, str] | None


def _name(card: Card) -> Problem:
    if not NAME.fullmatch(card.name) or MODEL_ID.fullmatch(card.name):
        hint = "lower case letters, digits, '.', '_', '-'; not ending like a model id"
        return f"{card.name!r:.80} is no name for a model", hint
    for key in ("title", "licence", "training_data", "source"):
        text = getattr(card, key)
        if not text.strip() or not text.isprintable():
            return f"{key} is empty or not one line of text", "say it in one line, or 'unknown'"
    return None


def _sizes(card: Card) -> Problem:
    if card.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        return f"unknown architecture {card.architecture!r:.40}", f"one of {known}"
    if not 2 <= card.dim <= MAX_DIM:
        return f"dim {card.dim} is out of range", f"2 to {MAX_DIM}"
    if not MIN_INPUT_PX <= card.input_size <= MAX_INPUT_PX:
        return f"input_size {card.input_size} is out of range", f"{MIN_INPUT_PX} to {MAX_INPUT_PX}"
    return None


def _input(card: Card) -> Problem:
    if card.colour not in ("RGB", "BGR"):
        return f"unknown colour {card.colour!r:.20}", "RGB or BGR"
    if any(value <= 0 for value in card.std):
        return "std has a value that is not above 0", "the input is scaled as (x - mean) / std"
    return None


def _alignment(card: Card) -> Problem:
    if card.alignment == "landmarks":
        if card.template is None or card.margin is not None:
            return "alignment 'landmarks' goes with template and without margin", "change one"
        size = card.input_size
        if any(not (0 <= x < size and 0 <= y < size) for x, y in card.template):
            return "template has a point outside the crop", f"crop pixels, 0 to {size}"
        if len(set(card.template)) < 3:
            return "template has too few different points", "five landmarks of an upright face"
        return None
    if card.alignment == "box":
        if card.margin is None or card.template is not None:
            return "alignment 'box' goes with margin and without template", "change one"
        if not 0 <= card.margin < card.input_size:
            return f"margin {card.margin} is out of range", f"0 to {card.input_size - 1}"
        return None
    return f"unknown alignment {card.alignment!r:.20}", "landmarks or box"


def _parts(card: Card) -> Problem:
    suffixes = GRAPH_SUFFIXES if card.architecture == "file" else STATE_SUFFIXES
    if card.suffix not in suffixes:
        return (
            f"file {card.file!r:.80} does not go with architecture {card.architecture!r}",
            f"its name ends in {', '.join(suffixes)}",
        )
    if len({part.file.lower() for part in card.parts}) < len(card.parts):
        return "two files have one name", "each file once"
    endings = [part.file[-4:] for part in card.files]
    wanted = [".bin"] if card.suffix == ".xml" else []
    if endings != wanted:
        hint = "an OpenVINO .xml goes with one .bin in [[files]], any other file stands alone"
        return f"{len(endings)} further files for {card.file}", hint
    if any(part.file[:-4] != card.file[:-4] for part in card.files):
        return f"{card.file} and its .bin are not called alike", "OpenVINO looks for that name"
    return next(filter(None, map(_part, card.parts)), None)


def _part(part: Part) -> Problem:
    if not FILE.fullmatch(part.file):
        return f"{part.file!r:.80} is no plain file name", "letters, digits, '.', '_', '-'"
    is_sum = part.sha256 is None or (
        len(part.sha256) == 64 and set(part.sha256) <= set(string.digits + "abcdef")
    )
    if not is_sum:
        return f"sha256 of {part.file} is no sum", "64 lower case hex digits"
    if part.size_bytes is not None and not 0 < part.size_bytes <= MAX_BYTES:
        return f"size_bytes of {part.file} is out of range", f"1 to {MAX_BYTES}"
    if part.url is not None:
        address = urlsplit(part.url)
        if address.scheme != "https" or not address.hostname or address.username:
            return f"url of {part.file} is no https address", "https://host/path"
    return None


def _thresholds(card: Card) -> Problem:
    if card.thresholds and any(part.sha256 is None for part in card.parts):
        return "thresholds without sha256", "a table belongs to weights that the card names"
    before: Rate | None = None
    for rate in card.thresholds:
        if not 0 < rate.fmr < 1 or not -1 <= rate.score <= 1:
            return (
                f"a line of thresholds is out of range (fmr {rate.fmr:g})",
                "fmr 0..1, score -1..1",
            )
        if rate.fnmr is not None and not 0 <= rate.fnmr <= 1:
            return f"fnmr {rate.fnmr:g} is out of range", "0 to 1"
        if rate.impostors < round(PAIRS_PER_ERROR_RATE / rate.fmr, 6) or rate.genuine < 0:
            return (
                f"{rate.impostors} impostor comparisons cannot support fmr {rate.fmr:g}",
                f"at least {PAIRS_PER_ERROR_RATE} / fmr",
            )
        if before and (rate.fmr >= before.fmr or rate.score < before.score):
            return "thresholds are not in order", "falling fmr, scores that do not fall"
        before = rate
    return None
