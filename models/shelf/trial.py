"""Try a model on two faces before it is trusted."""

import importlib.util
from pathlib import Path

import numpy as np

from facegate.errors import WeightsError
from facegate.models.embedder import Embedder
from facegate.models.values import Pixels

# Two public-domain portraits inside wheels that facegate needs anyway: package, path in it, and
# the square around the face in pixels (left, top, right, bottom).
PORTRAITS = (
    ("skimage", "data/astronaut.png", (149, 37, 299, 187)),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (175, 110, 385, 320)),
)
SAME = 1e-4
"""Largest difference of two embeddings' numbers that passes as rounding."""


def portrait_crops(size: int) -> Pixels:
    """Return the faces of two people, roughly cut, as uint8 (2, size, size, 3) RGB."""
    from PIL import Image

    from facegate.data.images import read_photo

    crops = []
    for package, path, square in PORTRAITS:
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            raise RuntimeError(f"the package {package}, which facegate needs, is not installed")
        photo = read_photo(Path(found.origin).parent / path)
        face = Image.fromarray(photo.pixels).resize((size, size), box=square)
        crops.append(np.asarray(face, np.uint8))
    return np.stack(crops)


def try_out(embedder: Embedder) -> float:
    """Embed two faces and look at the result.

    Returns:
        Their score.

    Raises:
        WeightsError: the net cannot be run, gives numbers that are not finite or another count
            of them, cannot tell the two apart, or lets a face's embedding depend on its
            neighbours in the batch.
    """
    name = embedder.card.name
    crops = portrait_crops(embedder.card.input_size)
    try:
        together = embedder(crops)
        alone = np.concatenate([embedder(crops[:1]), embedder(crops[1:])])
    except RuntimeError as error:
        # What a runtime raises when the net wants another input than the card promises.
        size = embedder.card.input_size
        raise WeightsError(
            f"{name} does not take input of shape (N, 3, {size}, {size})",
            hint="correct input_size on the card, or export the net with channels first",
        ) from error
    if np.abs(together - alone).max() > SAME:
        raise WeightsError(
            f"{name} embeds a face differently with others in the batch",
            hint="export the net in evaluation mode",
        )
    if np.abs(together[0] - together[1]).max() < SAME:
        raise WeightsError(
            f"{name} gives the same vector for two different people",
            hint="its weights or the scaling on its card are wrong",
        )
    return float(together[0] @ together[1])
