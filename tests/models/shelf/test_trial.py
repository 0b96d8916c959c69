"""The trial on two faces finds the models that no gallery should be built on."""

from dataclasses import replace

import numpy as np
import pytest

from facegate.errors import WeightsError
from facegate.models.card import example_card
from facegate.models.embedder import Embedder
from facegate.models.shelf.trial import portrait_crops, try_out
from facegate.models.values import Floats

CARD = replace(example_card(), dim=6, input_size=32, margin=0)


class Net:
    """A net whose rows are made by a function of the batch."""

    device = "cpu"
    precision = "f32"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        if self.kind == "layout":
            raise RuntimeError("the input has another shape")
        top, bottom = batch[:, :, :16].mean(axis=(2, 3)), batch[:, :, 16:].mean(axis=(2, 3))
        rows = np.concatenate([top, bottom], axis=1)
        if self.kind == "constant":
            rows = np.ones_like(rows)
        if self.kind == "batch norm in training mode":
            rows = rows - rows.mean(axis=0) + 0.1
        return (rows,)


def test_portraits_are_two_faces() -> None:
    crops = portrait_crops(48)
    assert crops.shape == (2, 48, 48, 3)
    assert crops.dtype == np.uint8
    assert crops.std(axis=(1, 2, 3)).min() > 30


def test_a_sound_model_passes_with_the_score_of_the_two() -> None:
    assert -1 <= try_out(Embedder(CARD, Net("sound"), "m")) < 1


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("constant", "example gives the same vector for two different people"),
        ("batch norm in training mode", "embeds a face differently with others in the batch"),
        ("layout", r"example does not take input of shape \(N, 3, 32, 32\): correct input_size"),
    ],
)
def test_an_unsound_model_is_refused(kind: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        try_out(Embedder(CARD, Net(kind), "m"))
