"""Who is trained on, who decides, who sets thresholds: identities dealt out, never images.

A manifest's own column is kept to. Otherwise identities are sorted into strata, by source and by
how many images they have, and each stratum is dealt out in the order of a salted hash.
"""

import csv
import hashlib
import io
from collections import defaultdict
from dataclasses import replace

import numpy as np

from facegate.data.dataset import SPLITS, Dataset
from facegate.errors import InputError

SALT = "facegate splits 1"
"""Part of every hash; another salt would deal all identities anew."""

SHARES = {"val": 0.1, "cal": 0.1}
"""How identities are dealt where no manifest says so; the rest is trained on."""

CLASSES = (2, 5, 10)
"""Numbers of images at which another class of identities begins."""


def with_splits(dataset: Dataset, *, salt: str = SALT) -> Dataset:
    """Return the dataset with every identity in a split.

    Where the manifest names a split for everybody, it is kept. Where it names none, identities
    are dealt out 80 : 10 : 10 within every source and every class of images per identity. In a
    stratum those with the smallest hashes are split val and those with the largest split cal, so
    that a person who comes or goes moves a few at the edges and nobody else.

    Raises:
        InputError: some identities have a split and some have none, or nobody is left to
            train on.
    """
    named = [bool(split) for split in dataset.splits]
    if any(named):
        if not all(named):
            key = dataset.identities[named.index(False)]
            raise InputError(
                f"{key} has no split, though others have",
                hint=f"name one of {', '.join(SPLITS)} for everybody, or for nobody",
            )
        found = dataset
    else:
        found = replace(dataset, splits=_dealt(dataset, salt))
    if "train" not in found.splits:
        raise InputError("no identity is left to train on", hint="add people, or mend the splits")
    return found


def _dealt(dataset: Dataset, salt: str) -> tuple[str, ...]:
    strata: dict[tuple[str, int], list[int]] = defaultdict(list)
    classes = np.digitize(dataset.counts, CLASSES).tolist()
    for index, key in enumerate(zip(dataset.sources, classes, strict=True)):
        strata[key].append(index)
    splits = ["train"] * len(dataset.identities)
    owed = dict.fromkeys(SHARES, 0.0)
    for key in sorted(strata):
        waiting = sorted(strata[key], key=lambda i: place_of(dataset.identities[i], salt=salt))
        for split, end in (("val", 0), ("cal", -1)):
            # What a small stratum owes beyond whole people, the next one gives.
            owed[split] += SHARES[split] * len(strata[key])
            while waiting and owed[split] >= 0.5:
                splits[waiting.pop(end)] = split
                owed[split] -= 1
    return tuple(splits)


def place_of(identity: str, *, salt: str) -> float:
    """Return a place in 0..1 for an identity, by its key alone.

    >>> place_of("00001", salt="a") == place_of("00001", salt="a")
    True
    """
    digest = hashlib.sha256(f"{salt}\0{identity}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def as_manifest(dataset: Dataset) -> str:
    """Return who is in which split, as the text of a CSV file that `read_dataset` takes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("identity", "split"))
    writer.writerows(zip(dataset.identities, dataset.splits, strict=True))
    return text.getvalue()


def split_table(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Return how many identities and images each split has, and the images by source."""
    table: dict[str, dict[str, int]] = {}
    counts = dataset.counts
    for index, split in enumerate(dataset.splits):
        line = table.setdefault(split, defaultdict(int, identities=0, images=0))
        line["identities"] += 1
        line["images"] += int(counts[index])
        if dataset.sources[index]:
            line[f"images of {dataset.sources[index]}"] += int(counts[index])
    return {split: dict(table[split]) for split in SPLITS if split in table}
