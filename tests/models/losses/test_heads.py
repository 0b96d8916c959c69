import math

import pytest
import torch
from torch import Tensor

from facegate.errors import InputError
from facegate.models.losses.heads import ArcFaceHead, CosFaceHead, MarginHead


def built(kind: type[CosFaceHead] | type[ArcFaceHead]) -> MarginHead:
    torch.manual_seed(0)
    return kind(4, 5, scale=8.0)


HEADS = [built(CosFaceHead), built(ArcFaceHead)]


def oracle(head: MarginHead, rows: Tensor, labels: list[int]) -> float:
    """The formula in plain Python, one row and one class after the other."""
    losses: list[float] = []
    for row, y in zip(rows.tolist(), labels, strict=True):
        if y == -1:
            continue
        logits = []
        for c, weight in enumerate(head.weight.tolist()):
            dot = sum(a * b for a, b in zip(row, weight, strict=True))
            cosine = dot / math.hypot(*row) / math.hypot(*weight)
            if c == y and isinstance(head, CosFaceHead):
                cosine -= head.margin
            elif c == y:
                cosine = math.cos(math.acos(cosine) + head.margin)
            logits.append(head.scale * cosine)
        losses.append(math.log(sum(math.exp(v) for v in logits)) - logits[y])
    return sum(losses) / len(losses)


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_agrees_with_its_formula(head: MarginHead) -> None:
    torch.manual_seed(0)
    rows = torch.randn(6, 4, dtype=torch.float64)
    labels = [0, 4, 2, -1, 1, 1]
    # The formula holds for angles below pi - margin; see the next test.
    assert head.cosines(rows).acos().max() < math.pi - head.margin
    result = head(rows, torch.tensor(labels))
    assert result.loss.item() == pytest.approx(oracle(head, rows, labels), abs=1e-6)
    assert result.stats.n_active == 5


def test_arcface_keeps_falling_past_the_turn() -> None:
    head = ArcFaceHead(2, 2)
    angles = torch.linspace(0.01, math.pi - 0.01, 200, dtype=torch.float64)
    harder = head.with_margin(angles.cos())
    assert (harder.diff() < 0).all()
    exact = angles + head.margin < math.pi
    torch.testing.assert_close(harder[exact], (angles[exact] + head.margin).cos())


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_gradient_is_finite_on_the_class_itself(head: MarginHead) -> None:
    rows = head.weight.detach().clone().requires_grad_()
    head(rows, torch.arange(5)).loss.backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_passes_gradcheck(head: MarginHead) -> None:
    torch.manual_seed(1)
    rows = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, 2, -1])
    assert torch.autograd.gradcheck(lambda e: head(e, labels).loss, (rows,))


def test_is_computed_in_full_precision_under_autocast() -> None:
    head, rows, labels = HEADS[0], torch.randn(4, 4), torch.tensor([0, 1, 2, 3])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = head(rows.bfloat16(), labels).loss
    assert inside.dtype == torch.float32
    assert inside.item() == head(rows.bfloat16().float(), labels).loss.item()


def test_a_batch_without_labels_costs_nothing() -> None:
    rows = torch.randn(3, 4, requires_grad=True)
    loss = HEADS[0](rows, torch.tensor([-1, -1, -1])).loss
    loss.backward()
    assert loss.item() == 0


def test_refuses_a_label_beyond_its_identities() -> None:
    with pytest.raises(InputError, match="label 7 is beyond the head's 5 identities"):
        HEADS[0](torch.randn(2, 4), torch.tensor([0, 7]))
