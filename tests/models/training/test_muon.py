"""Muon against torch's own for matrices, and against Adam for the rest."""

import torch
from torch.optim import AdamW

from facegate.models.training.muon import (
    BETAS,
    COEFFICIENTS,
    MOMENTUM,
    ROUNDS,
    Muon,
    orthogonal,
)


def test_a_matrix_moves_as_by_torch_muon() -> None:
    torch.manual_seed(0)
    start = torch.randn(6, 20)
    mine, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    ours = Muon([{"params": [mine], "weight_decay": 0.1}], lr=0.01)
    oracle = torch.optim.Muon(
        [theirs],
        lr=0.01,
        weight_decay=0.1,
        momentum=MOMENTUM,
        nesterov=True,
        adjust_lr_fn="match_rms_adamw",
    )
    for _ in range(5):
        gradient = torch.randn(6, 20)
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        ours.step()
        oracle.step()
    # torch takes its rounds in bfloat16.
    torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-3)
    assert (mine - start).abs().max() > 0.01


def test_a_vector_moves_as_by_adam() -> None:
    torch.manual_seed(0)
    mine, theirs = torch.nn.Parameter(torch.ones(5)), torch.nn.Parameter(torch.ones(5))
    ours = Muon([{"params": [mine], "weight_decay": 0.0}], lr=0.01)
    oracle = AdamW([theirs], lr=0.01, betas=BETAS, weight_decay=0.0)
    for _ in range(5):
        gradient = torch.randn(5)
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        ours.step()
        oracle.step()
    torch.testing.assert_close(mine, theirs)


def test_a_kernel_is_a_matrix_of_its_outputs() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(4, 3, 3, 3)
    kernel = torch.nn.Parameter(torch.zeros(4, 3, 3, 3).to(memory_format=torch.channels_last))
    matrix = torch.nn.Parameter(torch.zeros(4, 27))
    kernel.grad, matrix.grad = gradient.clone(), gradient.reshape(4, 27).clone()
    for weight in (kernel, matrix):
        Muon([{"params": [weight], "weight_decay": 0.0}], lr=0.1).step()
    torch.testing.assert_close(kernel.detach().reshape(4, 27), matrix.detach())


def test_rounds_on_the_product_of_rows_are_those_on_the_matrix() -> None:
    torch.manual_seed(0)
    for shape in ((6, 50), (50, 6), (9, 9)):
        matrix = torch.randn(shape, dtype=torch.float64)
        rounded = matrix / matrix.norm()
        a, b, c = COEFFICIENTS
        for _ in range(ROUNDS):
            gram = rounded @ rounded.T
            rounded = a * rounded + (b * gram + c * gram @ gram) @ rounded
        torch.testing.assert_close(orthogonal(matrix), rounded)


def test_singular_values_come_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((8, 40), (40, 8)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape) * 1e-3))
        assert values.min() > 0.6
        assert values.max() < 1.3
