"""Batches that look like a half-trained network's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="session")
def batch_of() -> Callable[..., tuple[Tensor, Tensor]]:
    """Unit rows in float32 around one centre an identity, and their labels."""

    def make(
        n_identities: int, n_images: int, *, dim: int = 16, seed: int = 0
    ) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(seed)
        centres = torch.randn(n_identities, dim, generator=random)
        centres = torch.nn.functional.normalize(centres, dim=1).repeat_interleave(n_images, 0)
        noise = torch.randn(n_identities * n_images, dim, generator=random) / dim**0.5
        rows = torch.nn.functional.normalize(0.8 * centres + noise, dim=1)
        return rows, torch.arange(n_identities).repeat_interleave(n_images)

    return make
