"""The moving average of a net's weights: evaluated, kept and shipped in the net's place."""

import copy

import torch
from torch import nn


class Average:
    """Follow a net's weights and statistics.

    The decay grows from short to ``decay`` over the first steps, so that the random start is
    forgotten at once.

    Args:
        net: what to follow; copied now.
        decay: share of the old average that stays at each step; 0 copies the net.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    def follow(self, net: nn.Module) -> None:
        """Take in the net as it is after a step."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 19))
        mine, theirs = self.net.state_dict(), net.state_dict()
        names = [name for name, value in mine.items() if value.is_floating_point()]
        with torch.no_grad():
            torch._foreach_lerp_(
                [mine[name] for name in names], [theirs[name] for name in names], 1 - decay
            )
            for name, value in mine.items():
                if not value.is_floating_point():
                    value.copy_(theirs[name])

    def mend_statistics(self, net: nn.Module) -> None:
        """Give a net the averaged statistics for those of its own that are not finite.

        A batch that overflows spoils the running mean and variance in its forward pass, and no
        later one mends them, though training, which takes each batch's own, goes on as if well.
        """
        for mine, theirs in zip(self.net.buffers(), net.buffers(), strict=True):
            if theirs.is_floating_point() and not theirs.isfinite().all():
                theirs.copy_(mine)
