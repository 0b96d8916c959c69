"""Which images there are to learn from, whose they are, and which split each identity is in.

Two layouts are read. A folder with one folder an identity, as enrolment reads it, with or without
a CSV file beside it that says more of each identity (columns ``identity`` and, as wanted,
``split`` and ``source``).
Or a CSV file that names each image (columns ``path`` and ``identity``, and again ``split``,
``source``), its paths relative to the folder. An identity may be a person or any other class:
training for retrieval reads the same layouts.
"""

import csv
import difflib
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegate.data.decoding.formats import SUFFIXES
from facegate.data.folders import find_people
from facegate.data.text import printable
from facegate.errors import InputError

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "cal")
"""Weights come from train, choices from val, thresholds from cal."""

COLUMNS = ("identity", "path", "split", "source")
"""Of a manifest; others are passed over."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Images and their identities; nothing is decoded yet.

    Attributes:
        files: (n,) paths, by identity.
        labels: int64 (n,), index into ``identities``.
        identities: (m,) keys, sorted; the name of the folder or the CSV's word.
        splits: (m,) one of `SPLITS`, or "" where nobody said.
        sources: (m,) where an identity comes from, or "".
        empty: keys of identities that have no image.
    """

    files: tuple[Path, ...]
    labels: NDArray[np.int64]
    identities: tuple[str, ...]
    splits: tuple[str, ...]
    sources: tuple[str, ...]
    empty: tuple[str, ...] = ()

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return the number of images of each identity, int64 (m,)."""
        return np.bincount(self.labels, minlength=len(self.identities)).astype(np.int64)

    def only(self, keep: Iterable[int]) -> "Dataset":
        """Return a dataset of some identities, in the order of this one, labels counted anew."""
        wanted = sorted(set(keep))
        new = np.full(len(self.identities), -1, np.int64)
        new[wanted] = np.arange(len(wanted))
        labels = new[self.labels]
        rows = np.flatnonzero(labels >= 0)
        return replace(
            self,
            files=tuple(self.files[row] for row in rows),
            labels=labels[rows],
            identities=tuple(self.identities[index] for index in wanted),
            splits=tuple(self.splits[index] for index in wanted),
            sources=tuple(self.sources[index] for index in wanted),
            empty=(),
        )

    def of_split(self, split: str) -> "Dataset":
        """Return the identities of one split."""
        return self.only(index for index, name in enumerate(self.splits) if name == split)


def read_dataset(folder: Path, manifest: Path | None = None) -> Dataset:
    """Find the images of a folder, and what a CSV file says of them.

    Args:
        folder: one folder an identity, or what the CSV's paths are relative to.
        manifest: the CSV file, or None.

    Raises:
        InputError: no such folder or file, a column is missing, a path leads outside the folder,
            an identity stands in two splits, or nobody has an image.
    """
    if not folder.is_dir():
        raise InputError(
            f"{printable(str(folder))} is no folder",
            hint="give a folder with one folder of images a person",
        )
    rows = [] if manifest is None else _read_rows(manifest)
    if rows and "path" in rows[0]:
        found = _from_paths(folder, rows, manifest)
    else:
        found = _from_folders(folder, rows)
    facts = _facts(rows, manifest)
    identities = sorted(found)
    dataset = Dataset(
        files=tuple(file for key in identities for file in found[key]),
        labels=np.repeat(np.arange(len(identities)), [len(found[key]) for key in identities]),
        identities=tuple(identities),
        splits=tuple(_split(facts.get(key, {}), manifest) for key in identities),
        sources=tuple(facts.get(key, {}).get("source", "") for key in identities),
        empty=tuple(key for key in identities if not found[key]),
    )
    if not dataset.files and rows:
        raise InputError(
            f"nobody whom {manifest} names has an image in {printable(str(folder))}",
            hint="identity is the name of a person's folder, or give a column path",
        )
    if not dataset.files:
        raise InputError(
            f"{printable(str(folder))} holds no image of anybody",
            hint=f"one folder a person, files ending in {', '.join(sorted(SUFFIXES))}",
        )
    kept = dataset.only(int(index) for index in np.flatnonzero(dataset.counts))
    return replace(kept, empty=dataset.empty)


def _from_folders(folder: Path, rows: list[dict[str, str]]) -> dict[str, list[Path]]:
    people = dict(find_people(folder))
    if not rows:
        return people
    wanted = {row["identity"] for row in rows}
    unnamed = people.keys() - wanted
    if unnamed:
        log.warning(
            "%d folders are left out: the manifest does not name them (%s%s)",
            len(unnamed),
            printable(min(unnamed)),
            ", …" if len(unnamed) > 1 else "",
        )
    return {name: people.get(name, []) for name in wanted}


def _from_paths(
    folder: Path, rows: list[dict[str, str]], manifest: Path | None
) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for line, row in enumerate(rows, start=2):
        name, key = row["path"], row["identity"]
        if os.path.isabs(name) or ".." in Path(name).parts or "\0" in name:
            raise InputError(
                f"line {line} of {manifest} leads outside the folder: {printable(name)}",
                hint="paths are relative to the folder of images",
            )
        found.setdefault(key, []).append(folder / name)
    return {key: sorted(set(files)) for key, files in found.items()}


def _facts(rows: list[dict[str, str]], manifest: Path | None) -> dict[str, dict[str, str]]:
    """Return a line of each identity; those of one identity agree on its split."""
    facts: dict[str, dict[str, str]] = {}
    for line, row in enumerate(rows, start=2):
        known = facts.setdefault(row["identity"], row)
        if known.get("split", "") != row.get("split", ""):
            raise InputError(
                f"line {line} of {manifest} puts {printable(row['identity'])} in a second split",
                hint="an identity belongs to one split whole, or the measured rates are wrong",
            )
    return facts


def _read_rows(manifest: Path) -> list[dict[str, str]]:
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = _columns(reader, manifest)
            rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = f" ({str(error.strerror).lower()})" if isinstance(error, OSError) else " as CSV"
        raise InputError(
            f"{manifest} cannot be read{reason}", hint="a CSV file in UTF-8 with a header line"
        ) from error
    if "identity" not in columns or not rows:
        raise InputError(
            f"{manifest} has no column 'identity'" if rows else f"{manifest} has no line",
            hint="the header names identity, and as wanted path, split, source",
        )
    for line, row in enumerate(rows, start=2):
        if not row["identity"]:
            raise InputError(
                f"line {line} of {manifest} names no identity", hint="name it, or leave it out"
            )
    return rows


def _columns(reader: "csv.DictReader[str]", manifest: Path) -> list[str]:
    """Return the columns, without the blanks that people write after commas.

    Raises:
        InputError: one is nearly one of ours, and would be passed over with all that it says.
    """
    columns = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    for wanted in COLUMNS:
        near = difflib.get_close_matches(wanted, [c.casefold() for c in columns], n=1, cutoff=0.75)
        if near and wanted not in columns:
            name = next(c for c in columns if c.casefold() == near[0])
            raise InputError(
                f"{manifest} has a column {printable(name)!r}: did you mean {wanted!r}?",
                hint="rename the column",
            )
    return columns


def _split(row: dict[str, str], manifest: Path | None) -> str:
    name = row.get("split", "")
    if name and name not in SPLITS:
        raise InputError(
            f"{manifest} names a split {printable(name)!r}", hint=f"one of {', '.join(SPLITS)}"
        )
    return name
