import pytest
import torch

from facegate.models.losses.engine.block import Batch
from facegate.models.losses.engine.bucket import pick_by_bucket


def test_refuses_distances_whose_bits_do_not_fit_its_keys() -> None:
    block = Batch.of(torch.tensor([0, 0, 1])).block(torch.rand(3, 3).double(), torch.arange(3))
    with pytest.raises(ValueError, match=r"hold float32 distances, got torch\.float64"):
        pick_by_bucket(block, margin=0.2)


def test_minus_zero_is_zero() -> None:
    """Its bits would order it before, or as an integer far below, every other distance."""
    distances = torch.tensor([[0.0, 0.0, -0.0, 0.1], [0.0] * 4, [0.0] * 4, [0.0] * 4])
    block = Batch.of(torch.tensor([0, 0, 1, 2])).block(distances, torch.arange(4))
    picks = pick_by_bucket(block, margin=0.2)
    assert picks.kept[0, 0]
    assert picks.negative_index[0, 0] == 3
