"""A look at training data before an hour is spent on it.

What is counted here decides more than most settings: a photograph filed under the wrong person
is a positive pair that pulls two people together in every batch it enters.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.data.dataset import Dataset
from facegate.data.duplicates import agreeing, difference_hash, near_pairs, thumbnail
from facegate.data.images import read_photo
from facegate.data.overlap import Meeting
from facegate.data.text import counted
from facegate.errors import ImageError

SIZES_PX = (32, 64, 96, 128, 192, 256, 512)
LISTED = 200
"""Of each kind of finding at most this many are named; all are counted."""

FAR_SHARE = 0.5
"""A photograph is suspect when its similarity to the rest of its person is below this share of
what is usual in the data."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What was found.

    Attributes:
        figures: counts and shares, plain values.
        lists: by kind, the images or pairs concerned, by their place in the folder.
        findings: what should be looked at, one line each.
    """

    figures: dict[str, Any]
    lists: dict[str, list[Any]]
    findings: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**self.figures, **self.lists, "findings": self.findings}

    def add_meetings(self, meetings: Sequence[Meeting]) -> None:
        """Take in people who may also be in the set that nobody may be shared with."""
        self.figures["shared_people"] = len({meeting.here for meeting in meetings})
        self.lists["shared_with_the_other_set"] = [asdict(m) for m in meetings[:LISTED]]
        if meetings:
            self.findings.append(
                f"{self.figures['shared_people']} people may be in the other set as well: "
                "leave them out of training"
            )


def audit(
    dataset: Dataset,
    *,
    embed: Callable[[NDArray[np.uint8]], Rows | None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Audit:
    """Read every image once and say what is wrong with the data.

    Args:
        dataset: what to look at.
        embed: from uint8 (H, W, 3) to a unit row, or None where it shows no face; without it, wrong
            labels are not looked for.
        progress: called with the number of images read since the last call.
    """
    hashes: list[int] = []
    thumbnails: list[Rows] = []
    sides: list[int] = []
    embeddings: list[Rows | None] = []
    readable: list[int] = []
    unreadable: list[str] = []
    for row, file in enumerate(dataset.files):
        try:
            pixels = read_photo(file, min_side=1).pixels
        except ImageError as error:
            unreadable.append(error.message)
        else:
            hashes.append(difference_hash(pixels))
            thumbnails.append(thumbnail(pixels))
            sides.append(min(pixels.shape[:2]))
            readable.append(row)
            embeddings.append(None if embed is None else embed(pixels))
        if progress is not None:
            progress(1)
    pairs = np.asarray(readable, np.int64)[agreeing(near_pairs(hashes), thumbnails)]
    same = dataset.labels[pairs[:, 0]] == dataset.labels[pairs[:, 1]]
    lists: dict[str, list[Any]] = {
        "unreadable_files": unreadable[:LISTED],
        "empty_people": list(dataset.empty[:LISTED]),
        "duplicates_across_people": [_names(dataset, pair) for pair in pairs[~same][:LISTED]],
        "duplicates_within_people": [_names(dataset, pair) for pair in pairs[same][:LISTED]],
    }
    figures = _figures(dataset, sides)
    figures |= {
        "unreadable": len(unreadable),
        "duplicate_pairs_within": int(same.sum()),
        "duplicate_pairs_across": int((~same).sum()),
    }
    if embed is not None:
        suspects = _suspects(dataset, readable, embeddings)
        faceless = [row for row, e in zip(readable, embeddings, strict=True) if e is None]
        lists["likely_wrong_labels"] = suspects[:LISTED]
        lists["images_without_face"] = [_name(dataset, row) for row in faceless[:LISTED]]
        figures |= {"without_face": len(faceless), "likely_wrong": len(suspects)}
    return Audit(figures, lists, _findings(figures))


def gini(counts: Sequence[int] | NDArray[np.int64]) -> float:
    """Return how unevenly images are spread over people: 0 evenly, near 1 almost all on one.

    >>> gini([5, 5, 5]), round(gini([0, 0, 30]), 2)
    (0.0, 0.67)
    """
    rising = np.sort(np.asarray(counts, np.float64))
    n = rising.size
    if not n or not rising.sum():
        return 0.0
    place = np.arange(1, n + 1)
    return float((2 * place - n - 1) @ rising / (n * rising.sum()))


def _figures(dataset: Dataset, sides: list[int]) -> dict[str, Any]:
    counts = dataset.counts
    edges = [0, *SIZES_PX, 10**9]
    binned, _ = np.histogram(sides, edges)
    names = [f"below {edge}" for edge in SIZES_PX] + [f"{SIZES_PX[-1]} and more"]
    return {
        "people": len(dataset.identities),
        "images": len(dataset.files),
        "images_a_person": {
            "least": int(counts.min()),
            "median": float(np.median(counts)),
            "most": int(counts.max()),
        },
        "people_with_one_image": int((counts == 1).sum()),
        "people_without_image": len(dataset.empty),
        "gini": round(gini(counts), 3),
        "short_side_px": {n: int(c) for n, c in zip(names, binned, strict=True) if c},
    }


def _suspects(
    dataset: Dataset, readable: list[int], embeddings: list[Rows | None]
) -> list[dict[str, Any]]:
    """Return images unlike the rest of their person, the least alike first."""
    known = [(row, e) for row, e in zip(readable, embeddings, strict=True) if e is not None]
    if not known:
        return []
    rows = np.array([row for row, _ in known])
    vectors = np.stack([vector for _, vector in known])
    labels = dataset.labels[rows]
    likeness = np.full(len(rows), np.nan)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) >= 3:  # of two that disagree, nobody knows which is wrong
            alike = vectors[own] @ vectors[own].T
            np.fill_diagonal(alike, np.nan)
            likeness[own] = np.nanmedian(alike, axis=1)
    usual = float(np.nanmedian(likeness)) if np.isfinite(likeness).any() else 0.0
    order = np.argsort(likeness)
    found = [i for i in order if np.isfinite(likeness[i]) and likeness[i] < FAR_SHARE * usual]
    return [
        {"image": _name(dataset, int(rows[i])), "likeness": round(float(likeness[i]), 3)}
        for i in found
    ]


def _findings(figures: dict[str, Any]) -> list[str]:
    texts = {
        "unreadable": ("file cannot", "files cannot", "be read: left out of training"),
        "without_face": ("image shows", "images show", "no upright face: left out of training"),
        "duplicate_pairs_across": (
            "pair",
            "pairs",
            "of one picture under two people: one is wrong",
        ),
        "likely_wrong": ("image is", "images are", "unlike the rest of their person: look there"),
        "people_without_image": ("person has", "people have", "no image"),
    }
    found = [
        f"{counted(figures[key], one, many)} {rest}"
        for key, (one, many, rest) in texts.items()
        if figures.get(key)
    ]
    if figures["people"] - figures["people_with_one_image"] < 2:
        found.append("fewer than two people have two images: there is no triplet to learn from")
    return found


def _name(dataset: Dataset, row: int) -> str:
    file = dataset.files[row]
    return f"{dataset.identities[dataset.labels[row]]}/{file.name}"


def _names(dataset: Dataset, pair: NDArray[np.int64]) -> list[str]:
    return [_name(dataset, int(row)) for row in pair]
