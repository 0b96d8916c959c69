"""What a net is given and what comes back, with nets that write down their input."""

from dataclasses import replace

import numpy as np
import pytest

from facegate.errors import WeightsError
from facegate.models.card import example_card
from facegate.models.embedder import BATCHES, Embedder
from facegate.models.values import Floats, Pixels

CARD = replace(
    example_card(), dim=3, input_size=16, mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 8.0), margin=0
)


class ChannelMeans:
    """Gives the mean of each channel, and remembers what it saw."""

    device = "cpu"
    precision = "f32"

    def __init__(self, bad: float | None = None) -> None:
        self.seen: list[Floats] = []
        self.bad = bad

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        self.seen.append(batch.copy())
        means = batch.mean(axis=(2, 3), dtype=np.float64).astype(np.float32)
        return (means if self.bad is None else means * np.float32(self.bad),)


def crops(n: int) -> Pixels:
    return np.random.default_rng(n).integers(0, 256, (n, 16, 16, 3), dtype=np.uint8)


def test_the_net_sees_scaled_channels_first_float32() -> None:
    net, batch = ChannelMeans(), crops(1)
    Embedder(CARD, net, "example-0")(batch)
    (seen,) = net.seen
    assert seen.dtype == np.float32
    assert seen.shape == (1, 3, 16, 16)
    assert seen[0, 0, 5, 7] == pytest.approx((int(batch[0, 5, 7, 0]) - 10) / 2, rel=1e-6)
    assert seen[0, 2, 5, 7] == pytest.approx((int(batch[0, 5, 7, 2]) - 30) / 8, rel=1e-6)


def test_bgr_turns_the_channels_and_scales_in_that_order() -> None:
    net, batch = ChannelMeans(), crops(1)
    Embedder(replace(CARD, colour="BGR"), net, "example-0")(batch)
    assert net.seen[0][0, 0, 5, 7] == pytest.approx((int(batch[0, 5, 7, 2]) - 10) / 2, rel=1e-6)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 64, 65, 130])
def test_rows_are_unit_vectors_whatever_the_batch(n: int) -> None:
    net, batch = ChannelMeans(), crops(n)
    rows = Embedder(CARD, net, "example-0")(batch)
    assert rows.shape == (n, 3)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert {len(seen) for seen in net.seen} <= set(BATCHES)
    scaled = (batch.astype(np.float64) - CARD.mean) / CARD.std
    means = scaled.mean(axis=(1, 2))
    np.testing.assert_allclose(
        rows, means / np.linalg.norm(means, axis=1, keepdims=True), atol=1e-5
    )


def test_each_crop_is_run_once() -> None:
    net = ChannelMeans()
    Embedder(CARD, net, "example-0")(crops(103))
    assert [len(seen) for seen in net.seen] == [64, 32, 4, 2, 1]


def test_it_tells_what_it_is() -> None:
    embedder = Embedder(CARD, ChannelMeans(), "example-0")
    assert (embedder.dim, embedder.device, embedder.precision) == (3, "cpu", "f32")
    assert (embedder.model_id, embedder.card) == ("example-0", CARD)


def test_crops_of_another_shape_or_type_are_refused() -> None:
    embedder = Embedder(CARD, ChannelMeans(), "example-0")
    with pytest.raises(ValueError, match=r"must be uint8 \(N, 16, 16, 3\), got float64"):
        embedder(crops(1).astype(float))
    with pytest.raises(ValueError, match=r"got uint8 \(16, 16, 3\)"):
        embedder(crops(1)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_vector_without_direction_is_refused(bad: float) -> None:
    with pytest.raises(WeightsError, match="example gives a vector that is not finite or has no"):
        Embedder(CARD, ChannelMeans(bad), "example-0")(crops(2))


def test_another_length_than_the_card_says_is_refused() -> None:
    with pytest.raises(WeightsError, match="gives 3 numbers a face, its card says dim 4"):
        Embedder(replace(CARD, dim=4), ChannelMeans(), "example-0")(crops(2))
