"""Keep a net's outputs centred while its batch normalisation stands still.

A stage with frozen statistics goes on changing what comes into the last normalisation, but not
the mean that is taken off there. So the outputs drift to one side, cosines rise for everybody
with everybody, and a few photographs lie near all others: 50 of 4,732 had a part in 29 % of the
false matches at FMR 1e-3, before the stage in 15 %. Therefore that one mean follows the outputs,
slowly, and as a constant to every step's gradient, which stays exact in chunks and across ranks.
"""

import torch
from torch import Tensor, nn

from facegate.models.training.ranks import Ranks

SHARE = 0.01
"""Of the way to a batch's mean that one step goes: the mean of about 200 batches."""


def output_norm(net: nn.Module) -> nn.BatchNorm1d | None:
    """Return the batch normalisation that a net ends in, or None where it ends otherwise."""
    last = list(net.modules())[-1]
    return last if isinstance(last, nn.BatchNorm1d) and last.track_running_stats else None


def recentre(norm: nn.BatchNorm1d, outputs: Tensor, ranks: Ranks) -> None:
    """Move the mean that is taken off towards that of a batch; scale and shift stay.

    Args:
        norm: in evaluation mode; its running mean changes.
        outputs: (B, dim), what it gave for the batch, or this process's part of it.
        ranks: the processes that see the other parts.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    off = ranks.mean(outputs.detach().to(norm.running_mean.dtype).mean(dim=0))
    spread = (norm.running_var + norm.eps).sqrt()
    if norm.affine:
        off, spread = off - norm.bias.detach(), spread / norm.weight.detach()
    # A dimension that is scaled by nothing shows nothing of its mean.
    norm.running_mean += SHARE * torch.nan_to_num(off * spread, 0.0, 0.0, 0.0)
