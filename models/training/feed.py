"""The batches of a stage, the next one made while the net is at work on this one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What one step learns from.

    Attributes:
        rows: int64 (B,), of the whole batch, over all processes.
        own: int64 (b,), this process's part of them.
        images: float32 (b, 3, size, size), scaled for the net, channels last in memory.
    """

    rows: Tensor
    own: Tensor
    images: Tensor


class Feed:
    """Makes batches on a thread of its own.

    A training step leaves a core idle here and there (small layers, the optimiser); making the
    next batch fills these gaps, so that the net hardly ever waits.

    Args:
        make: a batch from the number of its step, and from that alone.
        ahead: whether to make the next batch before it is asked for; on a GPU, where the
            making runs on the device, and for batches that hardly fit the memory once, it is not.
    """

    def __init__(self, make: Callable[[int], Batch], *, ahead: bool) -> None:
        self._make = make
        self._waiting: dict[int, Future[Batch]] = {}
        self._pool: ThreadPoolExecutor | None = None
        if ahead:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
            # One thread for each batch, always, so that its sums come out the same bit for bit.
            threads = torch.get_num_threads()
            self._pool.submit(_take_one_thread).result()
            torch.set_num_threads(threads)  # the last number set is that of threads still unborn

    def take(self, step: int, *, following: int | None) -> Batch:
        """Return the batch of a step.

        Args:
            step: 0 for the first.
            following: the step to make a batch for meanwhile, or None.
        """
        if self._pool is None:
            return self._make(step)
        waiting = self._waiting.pop(step, None)
        batch = (waiting or self._pool.submit(self._make, step)).result()
        if following is not None:
            self._waiting = {following: self._pool.submit(self._make, following)}
        return batch

    def close(self) -> None:
        """Wait for what is under way and end the thread."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _take_one_thread() -> None:
    torch.get_num_threads()  # a new thread takes the common number at its first question
    torch.set_num_threads(1)
