"""Gradient caching: a loss over a batch far larger than what fits the memory at once.

First all images go through the network without a graph, in chunks; the loss is taken over all
embeddings together, and its gradient at each embedding is kept. Then every chunk goes through
once more, with a graph, and that gradient is fed in. The result is the gradient of the whole
batch, for one forward pass more.

Source: Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup"
(2021). It is exact only where an image's embedding does not depend on its chunk: batch norm must
be frozen (a toy's gradient was off by 80 % otherwise), and dropout must fall the same way twice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

from facegate.errors import InputError
from facegate.models.losses.distances import in_full
from facegate.models.losses.registry import Loss
from facegate.models.losses.result import LossResult


def backward_in_chunks(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    loss: Loss,
    *,
    chunk: int,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> LossResult:
    """Add the gradient of the loss over the whole batch to the network's parameters.

    Args:
        net: images to embeddings (B, D). May be wrapped by DistributedDataParallel; then the
            gradients are averaged once, with the last chunk.
        images: (B, ...), at least one row.
        labels: integers (B,), -1 to ignore a row.
        loss: takes all embeddings and labels. Its own parameters get their gradient too.
        chunk: images through the network at once.
        autocast: a context for the network alone, such as a bfloat16 autocast.

    Returns:
        The loss, detached, and its counters; ``backward`` has been called already.

    Raises:
        InputError: a batch norm of the network is in training mode.
    """
    _refuse_live_batch_norm(net)
    parts = list(images.split(chunk))
    states, embeddings = [], []
    with torch.no_grad(), autocast():
        for part in parts:
            states.append(_random_state(part.device))
            embeddings.append(net(part))
    everything = torch.cat([in_full(part) for part in embeddings]).requires_grad_()
    result = loss(everything, labels)
    result.loss.backward()
    if everything.grad is None:
        raise ValueError("the loss has no gradient at the embeddings")
    gradients = everything.grad.split([len(part) for part in parts])
    for part, state, gradient, last in zip(parts, states, gradients, _is_last(parts), strict=True):
        with _replayed(state, part.device), _synchronised(net, last):
            with autocast():
                again = net(part)
            in_full(again).backward(gradient)
    return LossResult(result.loss.detach(), result.stats)


def _is_last(parts: Sequence[Tensor]) -> Iterator[bool]:
    return (index == len(parts) - 1 for index in range(len(parts)))


def _refuse_live_batch_norm(net: nn.Module) -> None:
    """Raise where the embedding of an image would depend on the others of its chunk."""
    for name, module in net.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training:
            raise InputError(
                f"gradient caching is wrong while batch norm {name!r} is in training mode",
                hint="freeze it: call eval() on it, its weights still train",
            )


def _random_state(device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Return the generators' states that a chunk starts from."""
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return torch.get_rng_state(), on_device


@contextmanager
def _replayed(state: tuple[Tensor, Tensor | None], device: torch.device) -> Iterator[None]:
    """Run the body from a kept state of the generators, and leave them as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.set_rng_state(state[0])
        if state[1] is not None:
            torch.cuda.set_rng_state(state[1], device)
        yield


def _synchronised(net: nn.Module, last: bool) -> AbstractContextManager[object]:
    """Keep DistributedDataParallel from averaging before the last chunk."""
    if not last and isinstance(net, nn.parallel.DistributedDataParallel):
        return net.no_sync()
    return nullcontext()
