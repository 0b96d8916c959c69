"""The batches of a stage, the next one made while the net is at work on this one."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import torch
from torch import Tensor

Spread = Callable[[Callable[[int], None], Iterable[int]], None]
"""Does a piece of work for each number, in any order, and returns when all are done."""


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
    """Makes batches on threads of their own, as many as the net has.

    A training step leaves a core idle here and there (small layers, the optimiser); making the
    next batch fills these gaps, so that the net hardly ever waits. Where there are no gaps the
    net's threads wait for the slowest of them, so a batch that was made on one core would slow
    all others as long: it is made in pieces on all of them.

    Args:
        make: a batch from the number of its step, and from that alone; it is given what spreads
            its pieces.
        ahead: whether to make the next batch before it is asked for; on a GPU, where the
            making runs on the device, and for batches that hardly fit the memory once, it is not.
    """

    def __init__(self, make: Callable[[int, Spread], Batch], *, ahead: bool) -> None:
        self._make = make
        self._waiting: dict[int, Future[Batch]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._makers: ThreadPoolExecutor | None = None
        if ahead:
            threads = torch.get_num_threads()
            self._pool = _pool("batches", 1)
            self._makers = _pool("pieces of batches", threads)
            torch.set_num_threads(threads)  # the last number set is that of threads still unborn

    def take(self, step: int, *, following: int | None) -> Batch:
        """Return the batch of a step.

        Args:
            step: 0 for the first.
            following: the step to make a batch for meanwhile, or None.
        """
        if self._pool is None:
            return self._make(step, self._spread)
        waiting = self._waiting.pop(step, None)
        batch = (waiting or self._pool.submit(self._make, step, self._spread)).result()
        if following is not None:
            making = self._pool.submit(self._make, following, self._spread)
            self._waiting = {following: making}
        return batch

    def _spread(self, work: Callable[[int], None], numbers: Iterable[int]) -> None:
        if self._makers is None:
            for number in numbers:
                work(number)
        else:
            list(self._makers.map(work, numbers))

    def close(self) -> None:
        """Wait for what is under way and end the threads."""
        for pool in (self._pool, self._makers):
            if pool is not None:
                pool.shutdown(cancel_futures=True)


def _pool(name: str, size: int) -> ThreadPoolExecutor:
    """Return threads that were all born, each of which lets torch use one core.

    One, always, so that the sums of a piece come out the same bit for bit.
    """
    pool = ThreadPoolExecutor(size, thread_name_prefix=name, initializer=_take_one_thread)
    born = Barrier(size)
    list(pool.map(lambda _: born.wait(), range(size)))
    return pool


def _take_one_thread() -> None:
    torch.get_num_threads()  # a new thread takes the common number at its first question
    torch.set_num_threads(1)
