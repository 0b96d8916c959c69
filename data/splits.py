"""Who is trained on, who decides, who sets thresholds: identities dealt out, never images.

A manifest's own column is kept to. Otherwise a salted hash of an identity's key decides, so that
adding data never moves anybody from one split to another.
"""

import hashlib
from collections import defaultdict
from dataclasses import replace

from facegate.data.dataset import SPLITS, Dataset
from facegate.errors import InputError

SALT = "facegate splits 1"
"""Part of every hash; another salt would deal all identities anew."""

SHARES = {"train": 0.8, "val": 0.1, "cal": 0.1}
"""How identities are dealt where no manifest says so."""


def with_splits(dataset: Dataset, *, salt: str = SALT) -> Dataset:
    """Return the dataset with every identity in a split.

    Where the manifest names a split for everybody, it is kept. Where it names none, identities
    are dealt out by hash, 80 : 10 : 10. The hash alone decides, so the shares hold on average
    within every source and every class of images per identity, without an identity's place
    depending on who else is there.

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
        splits = tuple(split_of(key, salt=salt) for key in dataset.identities)
        found = replace(dataset, splits=splits)
    if "train" not in found.splits:
        raise InputError("no identity is left to train on", hint="add people, or mend the splits")
    return found


def split_of(identity: str, *, salt: str = SALT) -> str:
    """Return the split of an identity by its key alone.

    >>> split_of("00001") == split_of("00001")
    True
    """
    digest = hashlib.sha256(f"{salt}\0{identity}".encode("utf-8", "surrogateescape")).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    for split, share in SHARES.items():
        place -= share
        if place < 0:
            return split
    return "train"


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
