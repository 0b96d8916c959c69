"""Muon: momentum whose kernels are made orthogonal before each step.

The momentum of a kernel, as a matrix of (outputs, everything else), is replaced by the nearest
matrix with equal singular values, so that rare directions move as far as common ones. Weights
with one dimension, which have no such form, take the steps of Adam.

Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the size
of a step after Liu et al., "Muon is scalable for LLM training", 2025 (arXiv 2502.16982, section
2.2), which makes it that of Adam, so that the same rates and decays fit. ``torch.optim.Muon``
takes matrices alone; convolutions are what is trained here.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

MOMENTUM = 0.95
BETAS = (0.9, 0.99)
EPSILON = 1e-8
ROUNDS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial that is iterated; its singular values end between 0.7 and 1.2."""


class Muon(Optimizer):
    """Orthogonalised momentum for kernels and matrices, Adam for the rest.

    Args:
        groups: parameter groups as for every optimiser of torch; ``weight_decay`` is decoupled.
        lr: of both kinds.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all weights that have a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                state = self.state[weight]
                change = self._turn(weight, state) if weight.ndim > 1 else self._adam(weight, state)
                weight.sub_(change, alpha=group["lr"])

    def _turn(self, weight: Tensor, state: dict[str, Tensor]) -> Tensor:
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)  # type: ignore[arg-type]
        ahead = torch.lerp(weight.grad, state["momentum"], MOMENTUM)  # type: ignore[arg-type]
        matrix = ahead.reshape(len(ahead), -1)
        return orthogonal(matrix).mul_(0.2 * math.sqrt(max(matrix.shape))).view(weight.shape)

    def _adam(self, weight: Tensor, state: dict[str, Tensor]) -> Tensor:
        if not state:
            state["step"] = torch.zeros(())
            state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
        state["step"] += 1
        step = int(state["step"])
        gradient = weight.grad
        assert gradient is not None
        state["mean"].lerp_(gradient, 1 - BETAS[0])
        state["square"].lerp_(gradient.square(), 1 - BETAS[1])
        mean = state["mean"] / (1 - BETAS[0] ** step)
        square = state["square"] / (1 - BETAS[1] ** step)
        return mean / (square.sqrt() + EPSILON)


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about U V^T of a matrix U S V^T, by Newton-Schulz rounds.

    A round multiplies the matrix by a polynomial of its products of rows, G = M M^T. All rounds
    are taken on G, which is small where the matrix is long, and their product meets the matrix
    once: several times cheaper for long ones. G squares the singular values, so this wants
    float32, where rounds on the matrix itself do with bfloat16.

    Args:
        matrix: float32 or float64 (m, n).

    Returns:
        (m, n), of the same type, with singular values near 1, those that were almost 0 excepted.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    long = matrix.T if tall else matrix
    size = long.norm().clamp_min(1e-7)
    gram = long @ long.T / size.square()
    a, b, c = COEFFICIENTS
    product = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    for _ in range(ROUNDS):
        polynomial = b * gram + c * (gram @ gram)
        polynomial.diagonal().add_(a)
        product = polynomial @ product
        gram = polynomial @ gram @ polynomial
    result: Tensor = (product / size) @ long
    return (result.T if tall else result).contiguous()
