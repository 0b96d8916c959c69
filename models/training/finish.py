"""Turn a trained net into a model: half-precision weights, and a card with measured thresholds."""

import hashlib
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from facegate.data.files import write_atomically
from facegate.errors import InputError
from facegate.models.card import Card, Part
from facegate.models.card_file import write_card
from facegate.models.inference.openvino_cpu import import_openvino
from facegate.models.metrics.rates import rate_table
from facegate.models.shelf.sums import file_sum
from facegate.models.shelf.weights import Weights
from facegate.models.values import Pixels
from facegate.models.zoo import make_embedder

_UNKNOWN_OPERATIONS = re.compile(r"No conversion rule found for operations: ([\w:, ]+)")


def write_weights(path: Path, state: dict[str, torch.Tensor]) -> str:
    """Write weights in half precision, whole or not at all, and return their sha256.

    The same weights give the same bytes. What is too large for half precision stays in single: a
    classifier does not hold the outputs' length, and their variance may pass 65,504.

    Raises:
        InputError: a value is not finite.
    """
    halved: dict[str, torch.Tensor] = {}
    for name, tensor in sorted(state.items()):
        value = tensor.detach().cpu().contiguous()
        if value.is_floating_point():
            if not value.isfinite().all():
                raise InputError(
                    f"weight {name} holds a number that is not finite",
                    hint="the run diverged; train with a lower rate",
                )
            half = value.half()
            value = half if half.isfinite().all() else value.float()
        halved[name] = value
    contents = save(halved)
    write_atomically(path, contents)
    return hashlib.sha256(contents).hexdigest()


def write_graph(path: Path, net: nn.Module, size: int) -> tuple[Part, Part]:
    """Write a net of the user's own as OpenVINO's .xml and .bin, weights in half precision.

    Such a net has no name that facegate could build it by; the graph carries it whole.

    Returns:
        The two files with their sums.

    Raises:
        InputError: OpenVINO has no such graph.
    """
    import_openvino().save_model(make_graph(net, size), path, compress_to_fp16=True)
    files = (path, path.with_suffix(".bin"))
    first, second = (Part(f.name, file_sum(f), f.stat().st_size) for f in files)
    return first, second


def make_graph(net: nn.Module, size: int) -> Any:
    """Return OpenVINO's graph of a net; called before a run as well, which would end in vain.

    Args:
        net: of the user's own; goes to the CPU and to evaluation mode.
        size: of its input.

    Raises:
        InputError: it does something that OpenVINO has no operation for.
    """
    import_openvino()
    from openvino.tools.ovc import convert_model

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch deprecates the tracing that it uses
            return convert_model(
                net.cpu().eval(),
                example_input=torch.zeros(2, 3, size, size),
                input=[-1, 3, size, size],
            )
    except Exception as error:  # the user's own code, and whatever the converter raises on it
        missing = _UNKNOWN_OPERATIONS.search(str(error))
        what = missing[1] if missing else (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{type(net).__name__} cannot become a model, OpenVINO does not convert it: {what}",
            hint="write that part of forward in other operations",
        ) from error


def finish_model(
    folder: Path,
    net: nn.Module,
    card: Card,
    *,
    crops: Pixels,
    people: Sequence[Any] | NDArray[Any],
    protocol: str,
    card_file: Path | None = None,
    device: str = "auto",
) -> Card:
    """Write weights and card, with thresholds measured by the road that will use them.

    The embeddings behind the thresholds come from the written half-precision weights, through
    the runtime of the product, not from the net in memory.

    Args:
        folder: where the weight file goes, under the card's ``file``.
        net: whose weights are written; of the card's architecture, or any where that is
            ``file``.
        card: without sums and thresholds.
        crops: uint8 (n, size, size, 3) of split cal.
        people: (n,) who is on each.
        protocol: what the thresholds were measured on, in words.
        card_file: where the card goes; ``card.toml`` in the folder where None.
        device: of the measurement.

    Returns:
        The card as written.

    Raises:
        InputError: a weight is not finite, or the calibration people support no
            threshold.
    """
    path = folder / card.file
    if card.architecture == "file":
        parts: tuple[Part, ...] = write_graph(path, net, card.input_size)
    else:
        sha256 = write_weights(path, net.state_dict())
        parts = (Part(card.file, sha256, path.stat().st_size),)
    head = parts[0]
    card = replace(card, sha256=head.sha256, size_bytes=head.size_bytes, files=parts[1:])
    embedder = make_embedder(card, Weights(folder, parts, parts), device=device)
    try:
        table = rate_table(embedder(np.ascontiguousarray(crops)), people, protocol=protocol)
    except ValueError as error:
        raise InputError(
            f"no threshold can be measured: {error}", hint="give split cal more people"
        ) from error
    card = replace(card, thresholds=table)
    write_card(card_file or folder / "card.toml", card)
    return card
