"""What a run learns from, decoded once and kept in memory."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.data.crops import Crops, Place, find_unlabelled, load_crops
from facegate.data.dataset import Dataset, read_dataset
from facegate.data.duplicates import same_pictures
from facegate.data.images import read_photo
from facegate.data.sampler import PKSampler
from facegate.data.splits import split_table, with_splits
from facegate.data.text import counted, printable
from facegate.errors import ImageError, InputError
from facegate.models.training.config import Config
from facegate.models.training.validation import Held, check_people
from facegate.models.values import Floats, Pixels

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]

PEEKED = 16
"""Images whose size stands for that of all."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """The images of a run.

    Attributes:
        crops: uint8 (n, crop, crop, 3), of split train and then the unlabelled.
        labels: int64 (n,), 0 to n_identities - 1, and -1 for the unlabelled.
        n_identities: of split train.
        val, cal: people held out.
        targets: float32 (n, t) unit rows of the teacher, or None.
        facts: for the run's record: counts, what was left out, a hash of the data.
    """

    crops: Pixels
    labels: NDArray[np.int64]
    n_identities: int
    val: Held
    cal: Held
    targets: Floats | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Where a run's images lie; nothing is decoded yet.

    Attributes:
        dataset: identities with their splits.
        unlabelled: images without identity.
    """

    dataset: Dataset
    unlabelled: list[Place]


def find_sources(config: Config) -> Sources:
    """Find the images that the settings name, before anything is written or decoded.

    Raises:
        InputError: no data, nobody to train on, or too few people to validate or to calibrate on.
    """
    if not config.data:
        raise InputError("no data is named", hint="give --data FOLDER, one folder a person")
    manifest = Path(config.manifest) if config.manifest else None
    dataset = read_dataset(Path(config.data), manifest)
    if not config.finetune:  # which deals people out in a way of its own
        dataset = with_splits(dataset)
        check_trainable(config, dataset.of_split("train").labels)
        for split in ("val", "cal"):  # not after an hour of decoding, or of training
            check_people(dataset.of_split(split).labels, split)
    _warn_of_people(config, dataset)
    if config.aligned and config.crop > config.size:
        _warn_of_bare_crops(dataset.files, config)
    return Sources(dataset, find_unlabelled([Path(place) for place in config.unlabelled]))


def _warn_of_people(config: Config, dataset: Dataset) -> None:
    """Count the people who give less than their folder promises."""
    if dataset.empty:
        log.warning(
            "%s no image: left out (%s%s)",
            counted(len(dataset.empty), "person has", "people have"),
            printable(dataset.empty[0]),
            ", …" if len(dataset.empty) > 1 else "",
        )
    comparing = [stage for stage in config.stages if stage.compares]
    n_single = int((dataset.of_split("train").counts == 1).sum())
    if config.finetune or not comparing or not n_single:
        return
    who = counted(n_single, "person has", "people have")
    if any(stage.extra or stage.uniform for stage in comparing):
        log.warning("%s one image and can only be a negative", who)
    else:
        log.warning("%s one image and no part in triplets: extra = 16 makes negatives of some", who)


def _warn_of_bare_crops(files: Sequence[Path], config: Config) -> None:
    """Say so where crops come at the very size of the net's input, without room around it.

    Brought to the size that is stored they would be cut: every face a little larger than the
    product's own road makes it, which costs accuracy that nobody would look for there.
    """
    some = np.unique(np.linspace(0, len(files) - 1, PEEKED).astype(np.int64))
    sides = {side for row in some for side in _sides(files[row])}
    if sides == {config.size}:
        log.warning(
            "the images are %d px, as the net's input, and crop = %d would enlarge them and cut "
            "their border off: for faces that fill the template, set crop = %d",
            *(config.size, config.crop, config.size),
        )


def _sides(file: Path) -> tuple[int, ...]:
    try:
        return read_photo(file, min_side=1).pixels.shape[:2]
    except ImageError:
        return ()


def check_trainable(config: Config, labels: NDArray[np.int64]) -> None:
    """Refuse images of whom no batch can be made.

    Args:
        config: says whether a stage compares images.
        labels: int64 (n,), -1 for images without identity.

    Raises:
        InputError: a stage compares images, and fewer than two people have two of them.
    """
    if any(stage.compares for stage in config.stages):
        PKSampler(labels, n_identities=2, n_images=2)


def gather(
    config: Config,
    sources: Sources,
    *,
    teach: Callable[[Pixels], Floats] | None = None,
    progress: Progress | None = None,
) -> Material:
    """Decode and (unless they come aligned) align the images of a run.

    Args:
        config: says how they are stored.
        sources: where they lie.
        teach: from uint8 crops to unit rows, where there is a teacher; called once, on the
            images that are trained on.
        progress: called with what is done, how many, of how many.

    Raises:
        InputError: no image of split train could be used, or too few.
    """
    dataset, unlabelled = sources.dataset, sources.unlabelled
    train = dataset.of_split("train")
    held = {split: dataset.of_split(split) for split in ("val", "cal")}
    decoded = [(decode(train.files, config, "training images", progress), train)]
    decoded += [
        (decode(part.files, config, f"images of split {split}", progress), part)
        for split, part in held.items()
    ]
    (labelled, val, cal), conflicts = apart(decoded)
    free = decode(unlabelled, config, "unlabelled images", progress)
    labels = np.concatenate([train.labels[labelled.rows], np.full(len(free.rows), -1, np.int64)])
    crops = np.concatenate([labelled.pixels, free.pixels]) if len(free.rows) else labelled.pixels
    left_out = _left_out(labelled, free, val, cal)
    check_trainable(config, labels)
    return Material(
        crops=crops,
        labels=labels,
        n_identities=len(train.identities),
        val=Held(val.pixels, held["val"].labels[val.rows]),
        cal=Held(cal.pixels, held["cal"].labels[cal.rows]),
        targets=None if teach is None else teach(crops),
        facts={
            "splits": split_table(dataset),
            "unlabelled": len(unlabelled),
            "empty_identities": len(dataset.empty),
            "left_out": left_out,
            "conflicts": conflicts,
            "data_hash": hash_of(dataset, unlabelled),
        },
    )


def _left_out(trained: Crops, *others: Crops) -> int:
    """Count the images that could not be used, and say why the first was not.

    Raises:
        InputError: none is left to train on.
    """
    reasons = [reason for part in (trained, *others) for _, reason in part.left_out]
    if not len(trained.rows):
        [(_, reason), *_] = trained.left_out or [(0, "")]
        why = f" (the first: {printable(reason)})" if reason else ""
        raise InputError(
            f"no training image could be used{why}",
            hint="run with --audit to see why, with --model for faces that are not found",
        )
    if reasons:
        log.warning(
            "%s could not be used and %s left out (%s%s)",
            counted(len(reasons), "image"),
            "was" if len(reasons) == 1 else "were",
            printable(reasons[0]),
            ", …" if len(reasons) > 1 else "",
        )
    return len(reasons)


def apart(parts: Sequence[tuple[Crops, Dataset]]) -> tuple[list[Crops], list[list[str]]]:
    """Leave out every picture that stands under two people: one of them is wrong, or both.

    Two people of different splits count as well: a face that is trained on must not examine.

    Args:
        parts: images, and the dataset that says whose they are; nobody is in two datasets.

    Returns:
        The other images of each part, and the names of each two that are one picture.
    """
    names = [
        (dataset.identities[dataset.labels[row]], dataset.files[row].name)
        for crops, dataset in parts
        for row in crops.rows
    ]
    pairs = [
        (first, second)
        for first, second in same_pictures([im for crops, _ in parts for im in crops.pixels])
        if names[first][0] != names[second][0]
    ]
    if not pairs:
        return [crops for crops, _ in parts], []
    keep = np.ones(len(names), bool)
    keep[np.array(pairs)] = False
    log.warning(
        "%d images are left out: the same picture stands under two people (--audit names them)",
        int((~keep).sum()),
    )
    ends = np.cumsum([len(crops.rows) for crops, _ in parts])
    kept = [
        Crops(crops.pixels[own], crops.rows[own], crops.left_out)
        for (crops, _), own in zip(parts, np.split(keep, ends[:-1]), strict=True)
    ]
    return kept, [["/".join(names[row]) for row in pair] for pair in pairs]


def decode(places: Sequence[Place], config: Config, what: str, progress: Progress | None) -> Crops:
    """Return the images of some places as the settings store them."""
    done = 0

    def count(n: int) -> None:
        nonlocal done
        done += n
        if progress is not None:
            progress(what, done, len(places))

    if config.aligned:
        return load_crops(places, config.crop, progress=count)
    from facegate.models.training.kept_crops import kept_crops

    return kept_crops(places, config.crop, config.size, progress=count)


def hash_of(dataset: Dataset, unlabelled: Sequence[Place]) -> str:
    """Return a hash of who has which files in which split, and of the files' sizes."""
    digest = hashlib.sha256()
    for file, label in zip(dataset.files, dataset.labels, strict=True):
        who, split = dataset.identities[label], dataset.splits[label]
        try:
            size: int | str = file.stat().st_size
        except OSError:
            size = "missing"  # it is left out
        line = f"{who}\0{split}\0{file.name}\0{size}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    for place in unlabelled:
        digest.update(f"{Path(str(place)).name}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
