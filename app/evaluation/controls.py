"""Negative controls: what must be near chance, so that a protocol that leaks is seen."""

import hashlib
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING

from facegate.models.align import ARCFACE_TEMPLATE
from facegate.models.card import Card
from facegate.models.embedder import Embedder
from facegate.models.pipeline import Pipeline

if TYPE_CHECKING:
    from torch import nn

SEED = 0


def untrained_pipeline(*, device: str = "auto") -> Pipeline:
    """Return the road with a net that learned nothing: plain-T as it is initialised."""
    from facegate.models.runtime import torch_net

    card = Card(
        name="untrained",
        title="plain-T with random weights",
        architecture="plain-t",
        file="none",
        dim=128,
        licence="MIT",
        training_data="none",
        source="initialised",
        input_size=112,
        colour="RGB",
        mean=(127.5, 127.5, 127.5),
        std=(127.5, 127.5, 127.5),
        alignment="landmarks",
        template=tuple((float(x), float(y)) for x, y in ARCFACE_TEMPLATE),
    )
    # Another torch may draw other numbers from the same seed.
    model_id = f"untrained-{metadata.version('torch')}"
    key = hashlib.sha256(f"{model_id} {card} {SEED}".encode()).hexdigest()
    net = torch_net(
        key, partial(_random_net, card.dim), input_shape=(None, 3, 112, 112), device=device
    )
    return Pipeline(Embedder(card, net, model_id), device=device)


def _random_net(dim: int) -> "nn.Module":
    import torch

    from facegate.models.nets.build import build_net

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return build_net("plain-t", dim=dim, size=112).eval()
