"""A folder of people, each compared with everybody: one folder a person."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegate.data.dataset import Dataset, read_dataset
from facegate.data.text import printable
from facegate.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class PeopleProtocol:
    """Photographs of people.

    Attributes:
        photos: (p,).
        person: int64 (p,), index into ``names``.
        names: of the people.
        group: (number of people,) where each comes from, as the CSV file says, or None.
        split: the split that was asked for, or "".
        splits: those that the CSV file names for anybody of them, sorted.
    """

    photos: tuple[Path, ...]
    person: NDArray[np.int64]
    names: tuple[str, ...]
    group: tuple[str, ...] | None
    split: str
    splits: tuple[str, ...] = ()


def read_people(folder: Path, *, split: str = "") -> PeopleProtocol:
    """Read a folder of people.

    Args:
        folder: one folder a person. A file ``people.csv`` in it, or one named after the folder
            beside it, says more of each: columns ``identity`` and, as wanted, ``split`` and
            ``source``, which becomes the group.
        split: only the people of this split.

    Raises:
        InputError: no such folder, nobody in it, or no file that names splits.
    """
    dataset = read_dataset(folder, manifest_of(folder))
    if split:
        dataset = _only(dataset, split, folder)
    sources = dataset.sources if any(dataset.sources) else None
    return PeopleProtocol(
        photos=dataset.files,
        person=dataset.labels,
        names=dataset.identities,
        group=sources,
        split=split,
        splits=tuple(sorted({name for name in dataset.splits if name})),
    )


def manifest_of(folder: Path) -> Path | None:
    """Return the CSV file that describes a folder of people, where there is one."""
    candidates = (folder / "people.csv", folder.resolve().with_suffix(".csv"))
    return next((path for path in candidates if path.is_file()), None)


def _only(dataset: Dataset, split: str, folder: Path) -> Dataset:
    if split in dataset.splits:
        return dataset.of_split(split)
    known = sorted({name for name in dataset.splits if name})
    raise InputError(
        f"nobody in {printable(str(folder))} is in split {split}",
        hint=f"its splits are {', '.join(known)}"
        if known
        else f"a file people.csv beside {printable(folder.name)} names each person's split",
    )
