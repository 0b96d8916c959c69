"""A net by the name of its architecture, and a file of weights put into it."""

from pathlib import Path

import torch
from torch import nn

from facegate.errors import CardError, WeightsError
from facegate.models.card import ARCHITECTURES


def build_net(architecture: str, *, dim: int, size: int) -> nn.Module:
    """Make a net with random weights.

    Args:
        architecture: one of `facegate.models.card.ARCHITECTURES` but "file", or a net of the
            check for presentation attacks.
        dim: length of its embedding.
        size: side of its input in pixels.

    Returns:
        A module from float32 (N, 3, size, size) to (N, dim), of any length.

    Raises:
        CardError: the architecture is unknown, or cannot have this dim or size.
    """
    if architecture.startswith("plain-") and architecture in ARCHITECTURES:
        from facegate.models.nets import plain

        return plain.build(architecture, dim=dim, size=size)
    if architecture == "mobilefacenet":
        from facegate.models.nets.mobilefacenet import INPUT_PX, MobileFaceNet

        if size != INPUT_PX:
            raise CardError(f"mobilefacenet has input_size {INPUT_PX}, not {size}")
        return MobileFaceNet(dim)
    if architecture == "inception-resnet-v1":
        from facegate.models.nets.inception_resnet import DIM, make_inception_resnet

        if dim != DIM:
            raise CardError(f"inception-resnet-v1 has dim {DIM}, not {dim}")
        return make_inception_resnet()
    if architecture.startswith("minifasnet-"):
        from facegate.models.nets import minifasnet

        if architecture in minifasnet.VARIANTS and size == minifasnet.INPUT_PX:
            return minifasnet.MiniFASNet(minifasnet.VARIANTS[architecture])
    raise CardError(f"no net of facegate's is called {architecture!r}")


def put_weights(net: nn.Module, state: dict[str, torch.Tensor], *, source: str) -> None:
    """Copy a state dict into a net, every name and shape accounted for.

    Weights of a classifier that the net does not have (``logits``) are left out: it served
    training only.

    Args:
        net: is changed.
        state: tensors by name, in any float type.
        source: where they come from, for error messages.

    Raises:
        WeightsError: a name is missing or unknown, or a shape differs.
    """
    own = net.state_dict()
    given = {k: v for k, v in state.items() if k in own or not k.startswith("logits.")}
    problems = [f"lacks {key}" for key in own if key not in given]
    problems += [f"has an unknown {key}" for key in given if key not in own]
    problems += [
        f"has {key} as {tuple(value.shape)}, not {tuple(own[key].shape)}"
        for key, value in given.items()
        if key in own and value.shape != own[key].shape
    ]
    if problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise WeightsError(
            f"{source} does not fit {type(net).__name__}: it {problems[0]}{more}",
            hint="check architecture, dim and input_size on the card",
        )
    net.load_state_dict(given, strict=True)


def load_net(architecture: str, path: Path, *, dim: int, size: int) -> nn.Module:
    """Make a net with the weights of a safetensors file, ready for inference in float32.

    Raises:
        WeightsError: the file is damaged or does not fit the architecture.
    """
    import safetensors
    from safetensors.torch import load_file

    try:
        state = load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise WeightsError(f"{path} is no safetensors file", hint=str(error)) from error
    net = build_net(architecture, dim=dim, size=size)
    put_weights(net, state, source=path.name)
    return net.float().eval()
