"""What teachers say of the training images: embeddings to be near to, beside the triplet loss.

Each image goes through each teacher plain and mirrored, and the two are averaged. Several
teachers are joined: their centred unit rows side by side. The joined rows are brought to the
student's length by principal components, whose variances are evened out a little, and turned at
random, so that every dimension carries about the same variance, as the batch normalisation at
the end of the student's net makes it. Angles between rows survive the turn. A student that has
learnt already gets them turned to where it stands (`turned`), and forgets nothing to reach them.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

from facegate.errors import InputError
from facegate.models.align import warp
from facegate.models.shelf.weights import find_weights
from facegate.models.training.alignment import template_for
from facegate.models.values import Floats, Pixels
from facegate.models.zoo import card, load_embedder

BATCH = 256
EVENED = 0.25
"""Variance w becomes w ** (1 - EVENED): 0 keeps the teachers' angles, 1 whitens. 0.25 raised the
true accept rate of two joined teachers at FMR 1e-3 on split val from 0.905 to 0.910."""


def ask(
    teachers: Sequence[str],
    crops: Pixels,
    *,
    size: int,
    device: str = "auto",
    progress: Callable[[int], None] | None = None,
) -> list[Floats]:
    """Return what each teacher says of the images.

    Args:
        teachers: names of models, or .npy files with one row an image, in the run's order.
        crops: uint8 (n, crop, crop, 3).
        size: side of the student's input in the middle of a crop; the face lies in it as the
            usual template says.
        device: where the teachers run.
        progress: called with the number of images done since the last call.

    Returns:
        For each, float32 (n, its dim), unit rows.

    Raises:
        InputError: a file that is no such array. What `check_teachers` refuses is not looked for.
    """
    return [
        _stored(Path(name), len(crops))
        if name.endswith(".npy")
        else _embed(name, crops, size, device, progress)
        for name in teachers
    ]


def check_teachers(teachers: Sequence[str]) -> None:
    """Refuse teachers that are not here, before anything is decoded.

    Raises:
        InputError: no model has the name, no file is there, or the model wants boxes.
        ModelMissingError: the model is not installed.
    """
    for name in teachers:
        if name.endswith(".npy"):
            if not Path(name).is_file():
                raise InputError(f"teacher {name} is not there", hint="check the path")
            continue
        wanted = card(name)
        if wanted.template is None:
            raise InputError(
                f"{name} wants faces cut by their box, so it cannot teach from aligned crops",
                hint="choose a teacher whose card says alignment = 'landmarks'",
            )
        find_weights(wanted)


def join(said: Sequence[Floats], dim: int) -> Floats:
    """Return one target an image from what one or more teachers said.

    Args:
        said: for each teacher, (n, its dim) unit rows.
        dim: length of the student's embedding.

    Returns:
        float32 (n, dim), unit rows with a mean near 0.

    Raises:
        InputError: the teachers together have fewer dimensions than the student.
    """
    centred = [_unit(rows - rows.mean(axis=0)) for rows in said]
    joined = np.concatenate(centred, axis=1).astype(np.float64)
    if joined.shape[1] < dim:
        raise InputError(
            f"the teachers say {joined.shape[1]} numbers an image, the net {dim}",
            hint=f"set dim to {joined.shape[1]} at most, or add a teacher",
        )
    joined -= joined.mean(axis=0)
    variances, axes = np.linalg.eigh(joined.T @ joined / len(joined))
    variances, axes = variances[::-1][:dim], axes[:, ::-1][:, :dim]
    strength = np.maximum(variances, 1e-12) ** (-EVENED / 2)
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((dim, dim)))
    return _unit((joined @ axes) * strength @ turn)


def turned(targets: Floats, known: NDArray[np.int64], rows: Floats) -> Floats:
    """Turn targets as a whole, so that they come as near as they can to what a student says now.

    Args:
        targets: (n, dim) unit rows.
        known: (k,), the images that the student was asked about.
        rows: (k, dim), its unit rows.

    Returns:
        float32 (n, dim) unit rows, with the angles of the targets.

    Source: Schönemann, "A generalized solution of the orthogonal Procrustes problem",
    Psychometrika 1966.
    """
    turn, _ = orthogonal_procrustes(targets[known].astype(np.float64), rows.astype(np.float64))
    return _unit(targets @ turn)


def _embed(
    name: str, crops: Pixels, size: int, device: str, progress: Callable[[int], None] | None
) -> Floats:
    embedder = load_embedder(name, device=device)
    here = template_for(crops.shape[1], size)
    there = np.asarray(embedder.card.template, np.float32)
    size_px = embedder.card.input_size
    rows = np.empty((len(crops), embedder.dim), np.float32)
    for start in range(0, len(crops), BATCH):
        part = crops[start : start + BATCH]
        seen = np.stack([warp(crop, here, there, size_px) for crop in part])
        both = embedder(seen) + embedder(np.ascontiguousarray(seen[:, :, ::-1]))
        rows[start : start + len(part)] = _unit(both)
        if progress is not None:
            progress(len(part))
    return rows


def _stored(path: Path, n: int) -> Floats:
    try:
        rows = np.load(path, allow_pickle=False)
        if not isinstance(rows, np.ndarray):
            raise ValueError("an archive of arrays")
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"teacher {path} is no .npy file", hint="check the path") from error
    if rows.dtype.kind != "f":
        raise InputError(
            f"teacher {path} holds {rows.dtype}, no floating numbers", hint="store embeddings"
        )
    if rows.ndim != 2 or len(rows) != n:
        raise InputError(
            f"teacher {path} holds an array {rows.shape}, not one row for {n} images",
            hint="store embeddings in the order of the run: split train, then the unlabelled",
        )
    if not np.isfinite(rows).all():
        raise InputError(f"teacher {path} holds a number that is not finite", hint="remake it")
    return _unit(rows)


def _unit(rows: NDArray[np.floating]) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)


def said_hash(said: Sequence[Floats]) -> str:
    """Return a hash of what the teachers said, for the run's record."""
    digest = hashlib.sha256()
    for rows in said:
        digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()
