"""Pairs of photographs that show one person or two: anybody's, from a CSV file."""

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegate.data.text import printable
from facegate.errors import InputError

YES = frozenset(("1", "true", "yes", "same"))
NO = frozenset(("0", "false", "no", "different"))
REQUIRED = ("image_a", "image_b", "same")


@dataclass(frozen=True, slots=True, eq=False)
class PairProtocol:
    """Pairs of photographs.

    Attributes:
        name: ``lfw`` or ``pairs``.
        photos: the (p,) photographs, each once.
        a, b: int64 (n,), rows of ``photos``.
        same: bool (n,), whether a pair shows one person.
        person: int64 (p,), who is in each photograph.
        fold: int64 (n,), or None where the list has no folds.
        group: (n,) names, "" where a pair has none; or None where no pair has.
    """

    name: str
    photos: tuple[Path, ...]
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    same: NDArray[np.bool_]
    person: NDArray[np.int64]
    fold: NDArray[np.int64] | None = None
    group: tuple[str, ...] | None = None


def read_pairs(pairs: Path, folder: Path) -> PairProtocol:
    """Read a list of pairs.

    Args:
        pairs: a CSV file with the columns ``image_a``, ``image_b``, ``same`` (1 or 0) and, as
            wanted, ``fold`` (a whole number) and ``group`` (a word; nothing for no group).
            Spaces after the commas are no part of what follows them.
        folder: what the paths in it are relative to.

    Photographs that pairs marked as the same connect are taken for one person; every other
    photograph for a person of its own.

    Raises:
        InputError: no such file, a column is missing, a value cannot be read, or a photograph
            is not there. No pair is ever passed over.
    """
    rows, lines, columns = _rows(pairs)
    places: dict[str, int] = {}
    ends = [[places.setdefault(row[name], len(places)) for row in rows] for name in REQUIRED[:2]]
    photos = tuple(folder / name for name in places)
    require_all(photos, pairs)
    same = np.array(
        [_is_same(row["same"], line, pairs) for line, row in zip(lines, rows, strict=True)]
    )
    edges = [(int(a), int(b)) for a, b, one in zip(*ends, same, strict=True) if one]
    person = connected(len(photos), edges)
    _check_different(person, ends, same, lines, pairs)
    fold = None
    if "fold" in columns:
        fold = np.array(
            [_fold(row["fold"], line, pairs) for line, row in zip(lines, rows, strict=True)]
        )
    return PairProtocol(
        name="pairs",
        photos=photos,
        a=np.array(ends[0], np.int64),
        b=np.array(ends[1], np.int64),
        same=same,
        person=person,
        fold=fold,
        group=tuple(row["group"].strip() for row in rows) if "group" in columns else None,
    )


def connected(n: int, edges: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """Number the groups that edges make of n things, by their first member.

    >>> connected(5, [(0, 2), (4, 3)]).tolist()
    [0, 1, 0, 2, 2]
    """
    parent = list(range(n))

    def root(thing: int) -> int:
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    for one, other in edges:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return np.unique([root(thing) for thing in range(n)], return_inverse=True)[1].reshape(-1)


def require_all(photos: Iterable[Path], pairs: Path) -> None:
    """Raise InputError, with how many there are, where photographs of a list are missing."""
    # Unlike Path.is_file this says no to a name that is too long for the file system.
    missing = [path for path in photos if not os.path.isfile(path)]
    if missing:
        raise InputError(
            f"{len(missing)} photographs that {printable(str(pairs))} names are missing, "
            f"such as {printable(str(missing[0]))}",
            hint="name their folder with --data",
        )


def read_text(path: Path) -> str:
    """Return a text file's contents, or raise InputError."""
    shown = printable(str(path))
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"there is no file {shown}", hint="check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{shown} is no text file that can be read") from error


def _rows(pairs: Path) -> tuple[list[dict[str, str]], list[int], set[str]]:
    """Return the rows, the line of the file that each ends on, and the names of the columns."""
    shown = printable(str(pairs))
    text = io.StringIO(read_text(pairs), newline="")
    reader = csv.DictReader(text, restval="", skipinitialspace=True)
    rows, lines = [], []
    try:
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        for row in reader:
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise InputError(
            f"{shown} is no CSV file ({error})", hint="save the table as comma-separated text"
        ) from error
    columns = set(reader.fieldnames)
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise InputError(
            f"{shown} has no column {' and '.join(missing)}",
            hint="its first line names the columns: image_a,image_b,same[,fold][,group]",
        )
    if not rows:
        raise InputError(f"{shown} lists no pair")
    return rows, lines, columns


def _check_different(
    person: NDArray[np.int64],
    ends: list[list[int]],
    same: NDArray[np.bool_],
    lines: list[int],
    pairs: Path,
) -> None:
    """Raise InputError where a pair of two people is one person by other pairs."""
    wrong = np.flatnonzero((person[ends[0]] == person[ends[1]]) & ~same)
    if wrong.size:
        raise InputError(
            f"line {lines[wrong[0]]} of {printable(str(pairs))} says two people of photographs "
            "that other lines, or the pair itself, make one person",
            hint="look which of the lines is wrong",
        )


def _is_same(word: str, line: int, pairs: Path) -> bool:
    lowered = word.strip().lower()
    if lowered not in YES | NO:
        raise InputError(
            f"line {line} of {printable(str(pairs))} says same = {printable(word)!r}",
            hint="write 1 for one person and 0 for two",
        )
    return lowered in YES


def _fold(word: str, line: int, pairs: Path) -> int:
    try:
        return int(word)
    except ValueError as error:
        raise InputError(
            f"line {line} of {printable(str(pairs))} says fold = {printable(word)!r}",
            hint="write a whole number",
        ) from error
