"""Labeled Faces in the Wild, View 2: ten sets of 300 pairs of one person and 300 of two.

Protocol: "unrestricted, labelled outside data". For each set the threshold comes from the other
nine. Source: Huang et al., UMass Amherst technical report 07-49, 2007; pairs.txt of its site.
"""

from pathlib import Path

import numpy as np

from facegate.data.decoding.formats import SUFFIXES
from facegate.data.protocols.pairs import PairProtocol, read_text
from facegate.data.text import printable
from facegate.errors import InputError


def read_lfw(pairs: Path, folder: Path) -> PairProtocol:
    """Read the official pairs.

    Args:
        pairs: ``pairs.txt``, whose first line says how many sets of how many pairs follow.
        folder: of one folder a person: ``Name/Name_0001`` with any ending that is an image's.

    Raises:
        InputError: the file is another one or not whole, or photographs are missing. No pair
            is ever passed over.
    """
    n_sets, n_each, lines = _lines(pairs)
    names: list[tuple[str, int]] = []
    places: dict[tuple[str, int], int] = {}
    ends: list[tuple[int, int]] = []
    same: list[bool] = []
    for number, fields in enumerate(lines):
        expected = number % (2 * n_each) < n_each
        pair = _pair(fields, number + 2, pairs)
        if (len(fields) == 3) != expected:
            raise InputError(
                f"line {number + 2} of {printable(str(pairs))} is not where its kind belongs",
                hint="each set lists its pairs of one person first, then those of two",
            )
        for photo in pair:
            if photo not in places:
                places[photo] = len(names)
                names.append(photo)
        ends.append((places[pair[0]], places[pair[1]]))
        same.append(expected)
    people = {name: number for number, name in enumerate(dict.fromkeys(n for n, _ in names))}
    return PairProtocol(
        name="lfw",
        photos=_find(names, folder, pairs),
        a=np.array([a for a, _ in ends], np.int64),
        b=np.array([b for _, b in ends], np.int64),
        same=np.array(same),
        person=np.array([people[name] for name, _ in names], np.int64),
        fold=np.repeat(np.arange(n_sets), 2 * n_each),
    )


def _lines(pairs: Path) -> tuple[int, int, list[list[str]]]:
    """Return the number of sets and of pairs of a kind in each, and the fields of each line."""
    shown = printable(str(pairs))
    first, *others = read_text(pairs).splitlines() or [""]
    try:
        n_sets, n_each = (int(word) for word in first.split())
    except ValueError as error:
        raise InputError(
            f"{shown} does not begin with its number of sets and of pairs",
            hint="the official file's first line is '10 300'",
        ) from error
    lines = [line.split("\t") if "\t" in line else line.split() for line in others if line.strip()]
    if len(lines) != 2 * n_sets * n_each or not lines:
        raise InputError(
            f"{shown} lists {len(lines)} pairs, its first line promises {2 * n_sets * n_each}",
            hint="get the whole file",
        )
    return n_sets, n_each, lines


def _pair(fields: list[str], line: int, pairs: Path) -> tuple[tuple[str, int], tuple[str, int]]:
    try:
        if len(fields) == 3:
            name, one, other = fields
            return (name, int(one)), (name, int(other))
        name_1, one, name_2, other = fields
        return (name_1, int(one)), (name_2, int(other))
    except ValueError as error:
        raise InputError(
            f"line {line} of {printable(str(pairs))} is no pair",
            hint="name, number, number; or name, number, name, number",
        ) from error


def _find(names: list[tuple[str, int]], folder: Path, pairs: Path) -> tuple[Path, ...]:
    listed: dict[str, dict[str, Path]] = {}
    found, missing = [], []
    for name, number in names:
        if name not in listed:
            inside = sorted((folder / name).iterdir()) if (folder / name).is_dir() else []
            listed[name] = {p.stem: p for p in inside if p.suffix.lower() in SUFFIXES}
        stem = f"{name}_{number:04d}"
        if stem in listed[name]:
            found.append(listed[name][stem])
        else:
            missing.append(f"{name}/{stem}")
    if missing:
        raise InputError(
            f"{len(missing)} photographs that {printable(str(pairs))} names are not in "
            f"{printable(str(folder))}, such as {printable(missing[0])}",
            hint="name the folder of people with --data",
        )
    return tuple(found)
