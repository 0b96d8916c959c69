import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import nms

from facegate.models.detection.boxes import (
    intersection_over_smaller,
    intersection_over_union,
    probability,
    shift,
    square,
    suppress,
)
from facegate.models.values import Floats


def crowd(count: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 40, (count, 2))], axis=1)
    return boxes.astype(np.float32), (rng.permutation(count) / max(1, count)).astype(np.float32)


def plain_suppress(boxes: Floats, scores: Floats, most: float) -> list[int]:
    """The definition, one pair at a time, with edges that count as pixels."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        for j in kept:
            sides = [
                max(0.0, min(boxes[i][a + 2], boxes[j][a + 2]) - max(boxes[i][a], boxes[j][a]) + 1)
                for a in (0, 1)
            ]
            areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (boxes[i], boxes[j])]
            if sides[0] * sides[1] / min(areas) > most:
                break
        else:
            kept.append(i)
    return kept


@settings(deadline=None, derandomize=True)
@given(count=st.integers(0, 120), seed=st.integers(0, 1000), most=st.sampled_from([0.3, 0.5, 0.7]))
def test_suppression_agrees_with_torchvision(count: int, seed: int, most: float) -> None:
    boxes, scores = crowd(count, seed)
    kept = suppress(boxes, np.argsort(-scores), intersection_over_union, most)
    oracle = nms(torch.from_numpy(boxes), torch.from_numpy(scores), most)
    assert kept.tolist() == oracle.tolist()


def test_suppression_agrees_with_torchvision_over_many_blocks() -> None:
    boxes, scores = crowd(1500, 1)
    boxes *= 8
    kept = suppress(boxes, np.argsort(-scores), intersection_over_union, 0.5)
    oracle = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.5)
    assert kept.tolist() == oracle.tolist()


@settings(deadline=None, derandomize=True)
@given(count=st.integers(0, 40), seed=st.integers(0, 1000))
def test_suppression_by_the_smaller_box_agrees_with_the_definition(count: int, seed: int) -> None:
    boxes, scores = crowd(count, seed)
    kept = suppress(boxes, np.argsort(-scores), intersection_over_smaller, 0.7)
    assert kept.tolist() == plain_suppress(boxes, scores, 0.7)


def test_a_chain_of_rivals_spares_every_second() -> None:
    # Each overlaps the next by 0.6: the first takes the second, which so cannot take the third.
    left = np.arange(300, dtype=np.float32)[:, None] * 2.5
    boxes = np.concatenate([left, 0 * left, left + 10, 0 * left + 10], axis=1)
    scores = np.linspace(1, 0.1, 300, dtype=np.float32)
    kept = suppress(boxes, np.argsort(-scores), intersection_over_union, 0.5)
    assert kept.tolist() == list(range(0, 300, 2))


@pytest.mark.parametrize(
    ("box", "squared"),
    [
        ([0, 0, 10, 4], [0, -3, 10, 7]),
        ([2, 2, 4, 10], [-1, 2, 7, 10]),
        ([0, 0, 5, 5], [0, 0, 5, 5]),
    ],
)
def test_square_widens_about_the_centre(box: list[float], squared: list[float]) -> None:
    assert square(np.array([box], np.float32)).tolist() == [squared]


def test_shift_moves_corners_by_parts_of_the_size() -> None:
    box = np.array([[10, 20, 19, 39]], np.float32)  # 10 wide, 20 high, edges included
    moved = shift(box, np.array([[0.1, 0.1, -0.2, 0.5]], np.float32))
    np.testing.assert_allclose(moved, [[11, 22, 17, 49]])


def test_probability_is_torch_s_softmax_of_two_logits() -> None:
    no, yes = np.random.default_rng(0).normal(0, 12, (2, 2000)).astype(np.float32)
    wanted = torch.from_numpy(np.stack([no, yes], axis=1)).softmax(dim=1)[:, 1].numpy()
    np.testing.assert_allclose(probability(yes - no), wanted, rtol=2e-5, atol=1e-7)


def test_probability_of_great_logits_is_zero_or_one() -> None:
    assert probability(np.array([-1e4, 1e4], np.float32)).round(12).tolist() == [0, 1]
