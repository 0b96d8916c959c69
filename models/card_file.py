"""Cards as TOML files: read with every field checked, and written back.

The keys of the file are the attributes of `facegate.models.card.Card`; ``thresholds`` and
``files`` are arrays of tables, ``measured`` is a table that is free in form.
"""

import difflib
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from facegate.data.files import write_atomically
from facegate.errors import CardError, MachineError
from facegate.models.card import Card, Part, Rate
from facegate.models.card_rules import check_card
from facegate.models.toml_text import toml_key, toml_value

MAX_CARD_BYTES = 1_000_000

_NUMBER = (int, float)
_LARGEST = 10**15
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    **{key: ((str,), "text") for key in ("name", "title", "architecture", "file", "licence")},
    **{key: ((str,), "text") for key in ("training_data", "teacher", "source", "protocol")},
    **{key: ((str,), "text") for key in ("colour", "alignment", "sha256", "url")},
    **{key: ((int,), "a whole number") for key in ("dim", "input_size", "margin", "size_bytes")},
    **{key: ((int,), "a whole number") for key in ("impostors", "genuine")},
    **{key: (_NUMBER, "a number") for key in ("fmr", "score", "fnmr")},
    **{key: ((list,), "a list") for key in ("mean", "std", "template")},
    **{key: ((list,), "an array of tables") for key in ("files", "thresholds")},
    "measured": ((dict,), "a table"),
}


def load_card(path: Path) -> Card:
    """Read a card.

    Raises:
        CardError: the file is not there, is no TOML, or a field is unknown, missing or wrong.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_CARD_BYTES:
            raise CardError(f"{path} is no card", hint="a card is a short TOML file")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CardError(f"card {path} cannot be read: {reason}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise CardError(f"card {path} is no text", hint="a card is a TOML file in UTF-8") from error
    return parse_card(text, where=str(path))


def parse_card(text: str, *, where: str) -> Card:
    """Read a card from the text of its file.

    Args:
        text: TOML.
        where: the file's name, for error messages.

    Raises:
        CardError: as `load_card`.
    """
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Not only TOMLDecodeError: a number of 5,000 digits and 1,000 nested lists get here too.
        reason = str(error)[:1].lower() + str(error)[1:]
        raise CardError(f"card {where} is no TOML: {reason}", hint="correct that line") from error
    for key, kind, name in (("thresholds", Rate, "thresholds"), ("files", Part, "files")):
        rows = table.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise CardError(
                f"{name} in card {where} is no array of tables", hint=f"write [[{key}]]"
            )
        table[key] = tuple(kind(**_values(row, kind, f"[[{key}]] in card {where}")) for row in rows)
    for key in ("mean", "std"):
        table[key] = _floats(table.get(key), 3, key, where)
    if table.get("template") is not None:
        points = table["template"]
        if not isinstance(points, list) or len(points) != 5:
            raise CardError(
                f"template in card {where} has not five points", hint="five [x, y] in crop pixels"
            )
        table["template"] = tuple(_floats(point, 2, "template", where) for point in points)
    card = Card(**_values(table, Card, f"card {where}"))
    check_card(card, where=where)
    return card


def card_to_toml(card: Card) -> str:
    """Return the card as the text of a TOML file; `parse_card` gives an equal card back."""
    head = [f for f in fields(Card) if f.name not in ("files", "thresholds", "measured")]
    lines = [
        f"{f.name} = {toml_value(getattr(card, f.name))}"
        for f in head
        if getattr(card, f.name) is not None
    ]
    for key, rows in (("files", card.files), ("thresholds", card.thresholds)):
        for row in rows:
            lines += ["", f"[[{key}]]"]
            values = {f.name: getattr(row, f.name) for f in fields(row)}
            lines += [f"{name} = {toml_value(v)}" for name, v in values.items() if v is not None]
    if card.measured:
        lines += _table("measured", card.measured)
    return "\n".join(lines) + "\n"


def write_card(path: Path, card: Card) -> None:
    """Check a card and write it to a file, whole or not at all.

    Raises:
        CardError: the card would not be read back.
        MachineError: the file cannot be written.
    """
    check_card(card, where=str(path))
    try:
        write_atomically(path, card_to_toml(card).encode())
    except OSError as error:
        raise MachineError(
            f"card {path} cannot be written ({error.strerror or error})", hint="check the folder"
        ) from error


def _values(table: Mapping[str, Any], kind: type, where: str) -> dict[str, Any]:
    """Return a table's values by field, after a look for unknown, missing and mistyped ones."""
    known = {f.name: f for f in fields(kind)}
    optional = {"fnmr", *(f.name for f in known.values() if f.default is not MISSING)}
    optional |= {f.name for f in known.values() if f.default_factory is not MISSING}
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise CardError(f"unknown key {key!r} in {where}", hint=hint)
    for key in known:
        if key not in table and key not in optional:
            raise CardError(f"{where} lacks {key!r}", hint="add it; docs/models.md explains each")
    values: dict[str, Any] = {"fnmr": None} if kind is Rate else {}
    for key, value in table.items():
        types, word = _TYPES[key]
        if not isinstance(value, (*types, tuple)) or isinstance(value, bool):
            raise CardError(f"{key!r} in {where} must be {word}", hint=f"got {value!r:.60}")
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise CardError(f"{key!r} in {where} is out of range", hint="a much smaller number")
        values[key] = float(value) if isinstance(value, int) and types is _NUMBER else value
    return values


def _floats(value: Any, count: int, key: str, where: str) -> tuple[float, ...]:
    is_list = isinstance(value, list) and len(value) == count
    if not is_list or not all(
        isinstance(v, _NUMBER) and not isinstance(v, bool) and abs(v) < _LARGEST for v in value
    ):
        raise CardError(f"{key} in card {where} must be {count} numbers", hint=f"got {value!r:.60}")
    return tuple(float(v) for v in value)


def _table(name: str, table: Mapping[str, Any]) -> list[str]:
    """Write a table: its plain values first, then the tables in it."""
    lines = ["", f"[{name}]"]
    plain = {k: v for k, v in table.items() if not isinstance(v, Mapping) and v is not None}
    lines += [f"{toml_key(key)} = {toml_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += _table(f"{name}.{toml_key(key)}", value)
    return lines
