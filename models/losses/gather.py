"""One batch over several processes: negatives come from all of them, the gradient is exact.

Every process gathers the embeddings of all, in a way that can be differentiated; its own rows
are the anchors, the columns are everybody's. The sums are divided by counts over all processes,
and multiplied by their number W, because distributed data parallel training averages the
gradients. Any of the three left out gives another gradient: local denominators are wrong as
soon as the processes have unequal numbers of active triplets, and a gather that keeps only the
gradient of its own slot loses that of remote positives and negatives.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from facegate.models.losses.distances import in_full
from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.engine.block import IGNORED, check_batch
from facegate.models.losses.registry import Loss
from facegate.models.losses.result import LossResult, Sums, read_stats


class AcrossRanks(nn.Module):
    """A loss over the batch of all processes, called on each with its own part.

    A mean of the gradients over the processes, which ``DistributedDataParallel`` takes, is the
    gradient of the loss over the whole batch. All processes must call, with as many rows as
    they like, also with none. The same identity on two processes is a positive.

    Args:
        loss: a loss of ours, of which each process does its own share, or any other, which
            each computes whole. Its parameters, such as proxies, then have the whole gradient on
            each process, and the mean of equals is right again.
        group: the processes; all of them where None.
    """

    def __init__(self, loss: Loss, group: dist.ProcessGroup | None = None) -> None:
        super().__init__()
        self.loss, self.group = loss, group

    def forward(self, embeddings: Tensor, labels: Tensor) -> LossResult:
        """Return this process's share, times W, with the counters of the whole batch.

        ``loss`` averages to the loss of the whole batch over the processes; ``stats.loss`` is
        that loss itself on each. The percentiles are those of this process's anchors.
        """
        n_ranks, rank = dist.get_world_size(self.group), dist.get_rank(self.group)
        everything, all_labels, n_slot = _gather(embeddings, labels, self.group)
        all_labels = check_batch(everything, all_labels)  # raises on all processes or on none
        if not isinstance(self.loss, BatchLoss):
            return self.loss(everything, all_labels)
        first = rank * n_slot
        own = self.loss.sums(everything, all_labels, slice(first, first + len(labels)))
        shared = torch.cat([own.denominators, own.counts, own.totals.detach().double()])
        dist.all_reduce(shared, group=self.group)
        n_terms = len(own.denominators)
        denominators, counts, totals = shared.split([n_terms, len(own.counts), n_terms])
        value = Sums(totals, denominators, counts, own.d_ap, own.d_an).value()
        global_sums = Sums(own.totals * n_ranks, denominators, counts, own.d_ap, own.d_an)
        return LossResult(global_sums.value(), read_stats(float(value), global_sums))


def across_ranks(loss: Loss, group: dist.ProcessGroup | None = None) -> Loss:
    """Return the loss over all processes, or the loss itself where there is only one."""
    if not dist.is_available() or not dist.is_initialized():
        return loss
    return AcrossRanks(loss, group) if dist.get_world_size(group) > 1 else loss


class _GatherRows(torch.autograd.Function):
    """All processes' rows, one below the other; backward adds up what all say of ours."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        ctx.group = group
        everything = [torch.empty_like(rows) for _ in range(dist.get_world_size(group))]
        dist.all_gather(everything, rows, group=group)
        return torch.cat(everything)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        # One reduce-scatter would do; not every backend has it, and the block is small.
        total = grad_output.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.group)
        n_slot = len(total) // dist.get_world_size(ctx.group)
        first = dist.get_rank(ctx.group) * n_slot
        return total[first : first + n_slot], None


def _gather(
    embeddings: Tensor, labels: Tensor, group: dist.ProcessGroup | None
) -> tuple[Tensor, Tensor, int]:
    """Return everybody's embeddings and labels, padded with ignored rows, and rows a process."""
    n_ranks = dist.get_world_size(group)
    n_rows = torch.tensor([len(labels)], device=labels.device)
    sizes = [torch.empty_like(n_rows) for _ in range(n_ranks)]
    dist.all_gather(sizes, n_rows, group=group)
    n_slot = max(int(size) for size in sizes)
    missing = n_slot - len(labels)
    rows = nn.functional.pad(in_full(embeddings), (0, 0, 0, missing)).contiguous()
    padded = nn.functional.pad(labels.long(), (0, missing), value=IGNORED).contiguous()
    all_labels = [torch.empty_like(padded) for _ in range(n_ranks)]
    dist.all_gather(all_labels, padded, group=group)
    return _GatherRows.apply(rows, group), torch.cat(all_labels), n_slot
