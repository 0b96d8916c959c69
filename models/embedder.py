"""A net and its card as one function: crops in, unit vectors out."""

from typing import TYPE_CHECKING

import numpy as np

from facegate.errors import WeightsError
from facegate.models.card import Card
from facegate.models.values import Floats, Pixels

if TYPE_CHECKING:
    from facegate.models.runtime import Net

BATCHES = (64, 32, 16, 8, 4, 2, 1)
"""The only batch sizes a net sees: a runtime keeps memory for every shape it has met."""


class Embedder:
    """A model that is ready to embed.

    Attributes:
        card: the model's card.
        model_id: its name and 12 hex digits over weights, input and alignment.
    """

    def __init__(self, card: Card, net: "Net", model_id: str) -> None:
        self.card = card
        self.model_id = model_id
        self._net = net
        self._mean = np.asarray(card.mean, np.float32)
        self._scale = (1 / np.asarray(card.std, np.float64)).astype(np.float32)

    @property
    def dim(self) -> int:
        """Return the length of an embedding."""
        return self.card.dim

    @property
    def device(self) -> str:
        """Return where the net runs: "cpu" or "cuda"."""
        return self._net.device

    @property
    def precision(self) -> str:
        """Return the precision in use, such as "f32"."""
        return self._net.precision

    def __call__(self, crops: Pixels) -> Floats:
        """Embed crops.

        A crop's embedding does not depend on the others in the batch.

        Args:
            crops: uint8 (N, S, S, 3) RGB with S the card's ``input_size``; N may be 0.

        Returns:
            float32 (N, D), rows of unit length.

        Raises:
            ValueError: crops of another shape or type.
            WeightsError: the net gives no usable vector.
        """
        size = self.card.input_size
        if crops.dtype != np.uint8 or crops.shape[1:] != (size, size, 3):
            wanted = f"uint8 (N, {size}, {size}, 3)"
            raise ValueError(f"crops must be {wanted}, got {crops.dtype} {crops.shape}")
        rows = np.empty((len(crops), self.dim), np.float32)
        start = 0
        for batch in BATCHES:
            while len(crops) - start >= batch:
                rows[start : start + batch] = self._embed(crops[start : start + batch])
                start += batch
        return rows

    def _embed(self, crops: Pixels) -> Floats:
        ordered = crops if self.card.colour == "RGB" else crops[..., ::-1]
        scaled = (ordered.astype(np.float32) - self._mean) * self._scale
        output = self._net(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))[0]
        if output.size != len(crops) * self.dim:
            raise WeightsError(
                f"{self.card.name} gives {output.size // len(crops)} numbers a face, "
                f"its card says dim {self.dim}",
                hint="correct the card",
            )
        vectors = output.reshape(len(crops), self.dim)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths <= 0).any():
            raise WeightsError(
                f"{self.card.name} gives a vector that is not finite or has no length",
                hint="its weights or the scaling on its card are wrong",
            )
        unit: Floats = (vectors / lengths).astype(np.float32)
        return unit
