"""Several processes on one run: `torchrun --nproc-per-node K train.py …`."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn

from facegate.errors import MachineError
from facegate.models.training.shared_norm import share_norms

PATIENCE = timedelta(days=1)
"""For how long a process waits for the others: the first looks at all photographs meanwhile. One
that dies is noticed at once."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which process of how many this is.

    Attributes:
        rank: 0 to size - 1; the first writes files and speaks.
        size: number of processes.
        local: rank on this machine, the number of its GPU.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @staticmethod
    def speaks() -> bool:
        """Say whether this process is to print, before it has joined or after it has left."""
        return os.environ.get("RANK", "0") == "0"

    @property
    def is_first(self) -> bool:
        """Say whether this process writes and speaks for all."""
        return self.rank == 0

    @classmethod
    def join(cls, *, cuda: bool) -> "Ranks":
        """Join the processes that ``torchrun`` started, or stand alone where it did not.

        Args:
            cuda: talk by NCCL instead of gloo.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if cuda else "gloo", timeout=PATIENCE)
        return cls(dist.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))

    def leave(self) -> None:
        """Part from the others."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Say in one line that another process is gone; what ended it, that one has said itself.

        Raises:
            MachineError: the others cannot be reached any more (code process_lost).
        """
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not _is_loss(error):
                raise
            raise MachineError(
                f"process {self.rank} lost the others of this run",
                hint="their messages or those of torchrun say why; the run goes on with --resume",
                code="process_lost",
            ) from error

    @contextmanager
    def one_ahead(self) -> Iterator[None]:
        """Let the first process of each machine go through the body, and then the others.

        They find what it has kept, and do not do the same work beside it; nor do they write into
        a folder that the first one refuses.
        """
        if self.local:
            self.totals([0.0])
        yield
        if not self.local:
            self.totals([0.0])

    def agree(self, word: str) -> str:
        """Return the first process's word: what each timed for itself may differ.

        GPUs of one run are alike and time nothing, so between those nothing is sent.
        """
        if self.size == 1 or dist.get_backend() == "nccl":
            return word
        words = [word]
        dist.broadcast_object_list(words, src=0)
        return words[0]

    def part(self, rows: torch.Tensor) -> torch.Tensor:
        """Return this process's rows of a batch that all processes drew alike."""
        return rows[self.rank :: self.size]

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum of a tensor over the processes, on the tensor's own device."""
        if self.size == 1:
            return values
        # NCCL takes nothing that lies on the CPU.
        device = torch.device("cuda", self.local) if dist.get_backend() == "nccl" else values.device
        summed = values.detach().to(device, copy=True)
        dist.all_reduce(summed)
        return summed.to(values.device)

    def totals(self, numbers: Sequence[float]) -> list[float]:
        """Return the sums of plain numbers over the processes."""
        if self.size == 1:
            return list(numbers)
        summed: list[float] = self.total(torch.tensor(numbers, dtype=torch.float64)).tolist()
        return summed

    def share_norms(self, net: nn.Module) -> None:
        """Let live batch normalisation see the batch of all processes."""
        if self.size > 1:
            share_norms(net)

    def average_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Set every gradient to its mean over the processes, in one message.

        One flat sum in place of a wrapped net: it serves a net, a classifier and gradient
        caching alike, and the loss over the global batch expects just this mean.
        """
        if self.size == 1:
            return
        held = [weight for weight in weights if weight.requires_grad]
        for weight in held:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        gradients = [weight.grad for weight in held if weight.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def share_buffers(self, net: nn.Module) -> None:
        """Give every process the first one's statistics of batch normalisation."""
        if self.size > 1:
            for buffer in net.buffers():
                dist.broadcast(buffer, src=0)


def _is_loss(error: RuntimeError) -> bool:
    """Say whether an error means that a process cannot be reached; gloo's have no kind."""
    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(
        word in text for word in ("/gloo/", "closed by peer", "reset by peer", "nccl")
    )
