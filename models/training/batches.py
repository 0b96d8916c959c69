"""Which images a stage's batches hold."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegate.data.sampler import PKSampler, UniformSampler
from facegate.models.training.config import Stage


class Batches:
    """The batches of a stage: P x K with extra negatives, rows from everywhere, or both.

    Args:
        stage: says of which shape; a classification stage without ``uniform`` takes P x K rows
            from everywhere.
        labels: int64 (n,) of all images, -1 for those without identity, which are drawn only
            where a teacher has something to say of them.
        seed: of all draws.

    Raises:
        InputError: the stage mines triplets and fewer than two identities have two images.
    """

    def __init__(self, stage: Stage, labels: NDArray[np.int64], *, seed: int) -> None:
        self._n = len(labels)
        self._pk: PKSampler | None = None
        self._uniform: UniformSampler | None = None
        if stage.compares:
            self._pk = PKSampler(
                labels,
                n_identities=stage.p,
                n_images=stage.k,
                n_extra=stage.extra,
                alike=stage.alike,
                seed=seed,
            )
        n_uniform = stage.uniform or (0 if self._pk else stage.p * stage.k)
        if n_uniform:
            rows = np.arange(self._n) if stage.distil else np.flatnonzero(labels >= 0)
            self._uniform = UniformSampler(rows, size=n_uniform, seed=seed)

    def rows(self, step: int) -> Tensor:
        """Return the rows of a batch, int64, without repeats; a function of the step alone."""
        samplers = (self._pk, self._uniform)
        parts = [sampler.batch(step) for sampler in samplers if sampler is not None]
        rows = np.concatenate(parts)
        # An image drawn twice, by both samplers or where one pass meets the next, would be its
        # own positive, at distance 0.
        _, first = np.unique(rows, return_index=True)
        return torch.from_numpy(rows[np.sort(first)])

    def set_neighbours(self, neighbours: dict[int, NDArray[np.int64]]) -> None:
        """Pass on which identities look alike."""
        if self._pk is not None:
            self._pk.set_neighbours(neighbours)
