"""A model's card: how it wants its input, where it comes from, and how often it errs."""

import hashlib
import math
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from facegate.errors import InputError, NoThresholdError

MAX_DIM = 4096
MAX_INPUT_PX = 1024
MAX_BYTES = 1_000_000_000
"""Limits of a model: embedding length, side of its input, size of one file."""

ARCHITECTURES = (
    *("plain-t", "plain-u", "plain-s", "plain-m"),
    *("mobilefacenet", "inception-resnet-v1", "file"),
)
"""Nets that facegate can build; ``file`` means that the weight file holds the net itself."""

MODEL_ID = re.compile(r"(?P<name>.+)-(?P<sum>[0-9a-f]{12})")
"""A model id: the model's name and the first 12 hex digits of its fingerprint."""

Point = tuple[float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Rate:
    """One line of a card's table: a measured false match rate and the threshold that gives it.

    Attributes:
        fmr: false match rate, share of impostor comparisons with a score on or above ``score``.
        score: the threshold, a cosine similarity; a score on it is accepted.
        fnmr: false non-match rate at this threshold, or None where it was not measured.
        impostors: impostor comparisons behind ``fmr``; at least ``10 / fmr``.
        genuine: genuine comparisons behind ``fnmr``; 0 where it was not measured.
        protocol: how it was measured, in a few words.
    """

    fmr: float
    score: float
    fnmr: float | None
    impostors: int
    genuine: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a model.

    Attributes:
        file: its plain name.
        sha256: 64 hex digits, or None where the publisher names no sum.
        size_bytes: or None where it is not known.
        url: the HTTPS address it can be had from, or None.
    """

    file: str
    sha256: str | None = None
    size_bytes: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What facegate knows about one model.

    Attributes:
        name: lower case, as in ``--model``.
        title: one line for people.
        architecture: one of `ARCHITECTURES`.
        file: plain name of the weight file as it is published.
        dim: length of an embedding.
        licence: of the weights, as their publisher states it.
        training_data: what the weights were trained on.
        source: where the weights come from.
        input_size: side of the square crop in pixels.
        colour: channel order of the net's input.
        mean, std: of the scaling ``(x - mean) / std`` on the 0..255 scale, in the order of
            ``colour``.
        alignment: ``landmarks`` (a similarity warp onto ``template``) or ``box`` (the face's box
            with ``margin``).
        template: where the five landmarks lie in the crop, in its pixels; None with ``box``.
        margin: as in facenet-pytorch, in pixels of the crop, both sides together; None with
            ``landmarks``.
        teacher: the model it was distilled from, or None.
        sha256, size_bytes, url: of ``file``; see `Part`.
        files: further files that belong to ``file``, such as the ``.bin`` of an OpenVINO ``.xml``.
        thresholds: by falling false match rate.
        measured: further figures, free in form.
    """

    name: str
    title: str
    architecture: str
    file: str
    dim: int
    licence: str
    training_data: str
    source: str
    input_size: int
    colour: Literal["RGB", "BGR"]
    mean: Triple
    std: Triple
    alignment: Literal["landmarks", "box"]
    template: tuple[Point, ...] | None = None
    margin: int | None = None
    teacher: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    url: str | None = None
    files: tuple[Part, ...] = ()
    thresholds: tuple[Rate, ...] = ()
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return every file of the model, the weight file first."""
        return (Part(self.file, self.sha256, self.size_bytes, self.url), *self.files)

    @property
    def suffix(self) -> str:
        """Return the ending of the weight file, such as ``.safetensors``."""
        return PurePosixPath(self.file).suffix

    def threshold_at(self, fmr: float) -> Rate:
        """Return the line of the table to use for a wanted false match rate.

        It is the line with the largest rate that is not above ``fmr``: never more false matches
        than asked for.

        >>> from facegate.models.card import Rate, example_card
        >>> lines = [(0.1, 0.30), (0.01, 0.41), (0.001, 0.52)]
        >>> card = example_card([Rate(fmr, score, None, 10_000, 0, "") for fmr, score in lines])
        >>> card.threshold_at(0.01).score, card.threshold_at(0.05).score
        (0.41, 0.41)
        >>> card.threshold_at(1e-4)
        Traceback (most recent call last):
            ...
        facegate.errors.NoThresholdError: example has no measured threshold for FMR 0.0001: \
the smallest rate its counts support is 0.001; ask for that, measure more with \
'facegate calibrate', or name a score with --threshold X

        Raises:
            NoThresholdError: nothing was measured, or nothing that small.
            InputError: ``fmr`` is no rate.
        """
        if not 0 < fmr < 1:
            raise InputError(f"a false match rate lies between 0 and 1, got {fmr:g}")
        if not self.thresholds:
            raise NoThresholdError(
                f"{self.name} has no measured threshold",
                hint="measure one with 'facegate calibrate', or name a score with --threshold X",
            )
        fitting = [rate for rate in self.thresholds if rate.fmr <= fmr * (1 + 1e-9)]
        if not fitting:
            smallest = min(rate.fmr for rate in self.thresholds)
            raise NoThresholdError(
                f"{self.name} has no measured threshold for FMR {fmr:g}",
                hint=f"the smallest rate its counts support is {smallest:g}; ask for that, "
                "measure more with 'facegate calibrate', or name a score with --threshold X",
            )
        return max(fitting, key=lambda rate: rate.fmr)

    def rate_at(self, score: float) -> Rate | None:
        """Return the strictest line of the table that a score passes, or None.

        >>> from facegate.models.card import Rate, example_card
        >>> lines = [(0.1, 0.30), (0.01, 0.41), (0.001, 0.52)]
        >>> card = example_card([Rate(fmr, score, None, 10_000, 0, "") for fmr, score in lines])
        >>> card.rate_at(0.45).fmr, card.rate_at(0.52).fmr, card.rate_at(0.29)
        (0.01, 0.001, None)
        """
        passed = [rate for rate in self.thresholds if rate.score <= score]
        return min(passed, key=lambda rate: rate.fmr, default=None)


def example_card(thresholds: list[Rate] | tuple[Rate, ...] = ()) -> Card:
    """Return a small valid card of a model that does not exist, for examples and tests."""
    return Card(
        name="example",
        title="An example",
        architecture="file",
        file="example.onnx",
        dim=8,
        licence="MIT",
        training_data="none",
        source="made up",
        input_size=112,
        colour="RGB",
        mean=(127.5, 127.5, 127.5),
        std=(128.0, 128.0, 128.0),
        alignment="box",
        margin=14,
        thresholds=tuple(thresholds),
    )


def joint_sum(sums: list[str]) -> str:
    """Return one sum for all files of a model: the only one, or the sum over them in order."""
    if len(sums) == 1:
        return sums[0]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def model_id(card: Card, sha256: str) -> str:
    """Return the model's id: its name and 12 hex digits over all that changes embeddings.

    These are the weights, the size of the input, its colour order and scaling, and the alignment.
    Embeddings of two ids never mix in one gallery.

    Args:
        card: the model's card.
        sha256: of the published weights; `joint_sum` over them where they are several files.
    """
    template = "" if card.template is None else _numbers([v for p in card.template for v in p])
    facts = [
        f"weights {sha256.lower()}",
        f"architecture {card.architecture}",
        f"input {card.input_size} {card.colour}",
        f"scaling {_numbers(card.mean)} {_numbers(card.std)}",
        f"alignment {card.alignment} {template} {'' if card.margin is None else card.margin}",
    ]
    digest = hashlib.sha256("\n".join(facts).encode()).hexdigest()
    return f"{card.name}-{digest[:12]}"


def split_model_id(text: str) -> tuple[str, str | None]:
    """Return the name in a model id and its sum, or the text itself and None for a bare name.

    >>> split_model_id("facegate-1-0123456789ab"), split_model_id("facegate-1")
    (('facegate-1', '0123456789ab'), ('facegate-1', None))
    """
    found = MODEL_ID.fullmatch(text)
    return (found["name"], found["sum"]) if found else (text, None)


def _numbers(values: Triple | list[float]) -> str:
    # %.6g: a card written 0.5 and one written 0.50000001 describe the same model.
    return " ".join(f"{value:.6g}" for value in values if math.isfinite(value))
