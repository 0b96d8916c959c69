"""Batch normalisation over the batch of all processes, so that several learn what one would.

Each process holds a part of the batch. With the statistics of its part alone an image's embedding
would depend on which others it was dealt with, and the gradient would be another one. torch has
``SyncBatchNorm`` for this, but on GPUs only.

Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015, algorithm 1, over all parts at once.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from facegate.models.losses.distances import in_full


class _Total(torch.autograd.Function):
    """The sum of a tensor over the processes; backward adds up what all say of the sum."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        total = grad_output.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def _over_all(norm: nn.modules.batchnorm._BatchNorm, images: Tensor) -> Tensor:
    """Normalise (N, C, ...) by mean and variance of all processes' images, and follow them."""
    rows = in_full(images)
    others = [0, *range(2, rows.ndim)]
    shape = [1, -1] + [1] * (rows.ndim - 2)
    n = rows.new_tensor([rows.numel() // rows.shape[1]])
    sums = _Total.apply(torch.cat([rows.sum(dim=others), n]))
    n = sums[-1].detach()
    mean = sums[:-1] / n
    centred = rows - mean.view(shape)
    variance = _Total.apply(centred.square().sum(dim=others)) / n
    if norm.running_mean is not None and norm.running_var is not None:
        _follow(norm, mean.detach(), variance.detach() * n / (n - 1).clamp_min(1))
    found = centred * (variance + norm.eps).rsqrt().view(shape)
    if norm.affine:
        found = found * norm.weight.view(shape) + norm.bias.view(shape)
    result: Tensor = found.to(images.dtype)
    return result


def _follow(norm: nn.modules.batchnorm._BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics, as torch does: with the unbiased variance."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = norm.momentum
    if share is None:
        share = 1 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), share)
    norm.running_var.lerp_(variance.to(norm.running_var.dtype), share)


class _SharedNorm1d(nn.BatchNorm1d):
    def forward(self, input: Tensor) -> Tensor:  # torch's name
        return _over_all(self, input) if self.training else super().forward(input)


class _SharedNorm2d(nn.BatchNorm2d):
    def forward(self, input: Tensor) -> Tensor:
        return _over_all(self, input) if self.training else super().forward(input)


def share_norms(net: nn.Module) -> None:
    """Let a net's live batch normalisation see the batch of all processes, from now on.

    Weights, statistics and their names stay; frozen normalisation works as before. All processes
    must then send as many batches through the net in training mode as each other.

    Args:
        net: changed in place; ``BatchNorm1d`` and ``BatchNorm2d`` take part.
    """
    for module in net.modules():
        if type(module) is nn.BatchNorm1d:
            module.__class__ = _SharedNorm1d
        elif type(module) is nn.BatchNorm2d:
            module.__class__ = _SharedNorm2d
