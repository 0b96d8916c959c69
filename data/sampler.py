"""P identities times K images a batch: what triplet mining needs to find triplets.

Every batch is a function of (seed, step) alone, so that a run which is stopped and resumed sees
the same batches, and every process of a run agrees on the global batch without a word.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facegate.errors import InputError

Rows = NDArray[np.int64]


class PKSampler:
    """Draw batches of P identities with K images each, and extra rows as negatives.

    No image is repeated in a batch: a repeated one is a positive at distance 0 and wastes its
    pairs. An identity with fewer than K images gives all it has, and further identities fill the
    place. Identities are dealt from a deck that holds each about ``images ** power`` times, so
    that within a pass everybody has a turn.

    Args:
        labels: int64 (n,), the identity of each row; rows labelled -1 are never drawn.
        n_identities, n_images: P and K; a batch has all identities where P is above their number.
        n_extra: rows of identities with a single image, added as negatives.
        power: 0 deals every identity once a pass, 1 in proportion to its images.
        alike: share of P that is drawn as look-alikes once `set_neighbours` was called.
        seed: of all draws.

    Raises:
        InputError: fewer than two identities have two images.
    """

    def __init__(
        self,
        labels: Rows,
        *,
        n_identities: int,
        n_images: int,
        n_extra: int = 0,
        power: float = 0.5,
        alike: float = 0.0,
        seed: int = 0,
    ) -> None:
        order = np.argsort(labels, kind="stable")
        order = order[labels[order] >= 0]
        keys, starts = np.unique(labels[order], return_index=True)
        groups = np.split(order, starts[1:]) if len(keys) else []
        self._rows = {int(k): g for k, g in zip(keys, groups, strict=True) if len(g) >= 2}
        single = [group for group in groups if len(group) == 1]
        self._single = np.concatenate(single) if single else np.empty(0, np.int64)
        self._keys = np.array(sorted(self._rows), np.int64)
        if len(self._keys) < 2:
            raise InputError(
                f"{len(self._keys)} identities have two images or more",
                hint="triplets need at least two people with two photographs each",
            )
        self.n_identities, self.n_images = min(n_identities, len(self._keys)), n_images
        self.n_extra = min(n_extra, len(self._single))
        self._seed, self._alike = seed, alike
        counts = np.array([len(self._rows[int(key)]) for key in self._keys], np.float64)
        turns = (counts / counts.min()) ** power
        self._deck = np.repeat(self._keys, np.maximum(1, np.round(turns)).astype(int))
        self._neighbours: dict[int, Rows] = {}
        self._shuffled: tuple[int, Rows] = (-1, self._deck)

    @property
    def steps_a_pass(self) -> int:
        """Return the number of batches after which every identity has had a turn."""
        return -(-len(self._deck) // self.n_identities)

    def set_neighbours(self, neighbours: dict[int, Rows]) -> None:
        """Say which identities look alike: by label, the labels of the nearest, nearest first."""
        self._neighbours = {
            key: np.array([n for n in near if int(n) in self._rows], np.int64)
            for key, near in neighbours.items()
            if key in self._rows
        }

    def batch(self, step: int) -> Rows:
        """Return the rows of a batch: P x K of identities, then the extra negatives.

        Args:
            step: 0 for the first.

        Returns:
            int64, P * K + n_extra rows without repeats, fewer only where the data has no more.
        """
        rng = np.random.default_rng((self._seed, 1, step))
        wanted = self.n_identities * self.n_images
        rows: list[Rows] = []
        total = 0
        for key in self._queue(step, rng):
            group = self._rows[key]
            take = min(self.n_images, len(group), wanted - total)
            if take < 2 and total:  # one image alone has no positive
                break
            rows.append(rng.choice(group, take, replace=False))
            total += take
            if total == wanted:
                break
        if self.n_extra:
            rows.append(rng.choice(self._single, self.n_extra, replace=False))
        return np.concatenate(rows)

    def _queue(self, step: int, rng: np.random.Generator) -> list[int]:
        """Return identities without repeats: this step's turn first, then others to fill up."""
        turn = self._turn(step)
        n_alike = round(self._alike * len(turn)) if self._neighbours else 0
        chosen: dict[int, None] = {}
        for key in turn[: max(1, len(turn) - n_alike)] if n_alike else turn:
            chosen.setdefault(int(key))
        if n_alike:
            self._add_alike(chosen, n_alike)
        for key in turn:
            chosen.setdefault(int(key))
        for key in rng.permutation(self._keys):
            chosen.setdefault(int(key))
        return list(chosen)

    def _add_alike(self, chosen: dict[int, None], n_alike: int) -> None:
        # Around each of a few of the chosen: clusters, not single look-alikes, because the
        # hardest negatives of a face are neighbours of each other as well.
        size = 4
        for key in list(chosen)[: max(1, n_alike // size)]:
            for near in self._neighbours.get(key, ())[:size]:
                chosen.setdefault(int(near))

    def _turn(self, step: int) -> Rows:
        first = step * self.n_identities
        number, offset = divmod(first, len(self._deck))
        if self._shuffled[0] != number:
            both = [self._shuffle(number), self._shuffle(number + 1)]
            self._shuffled = (number, np.concatenate(both))
        return self._shuffled[1][offset : offset + self.n_identities]

    def _shuffle(self, number: int) -> Rows:
        rng = np.random.default_rng((self._seed, 2, number))
        return rng.permutation(self._deck)


class UniformSampler:
    """Draw rows so that each comes once a pass: for classification and for distillation.

    Args:
        rows: int64 (n,), what is drawn from; not empty.
        size: rows a batch.
        seed: of the order.
    """

    def __init__(self, rows: Rows | Sequence[int], *, size: int, seed: int = 0) -> None:
        self._rows = np.asarray(rows, np.int64)
        if not len(self._rows):
            raise InputError("there is no image to draw from", hint="check the data's splits")
        self.size = min(size, len(self._rows))
        self._seed = seed
        self._order: tuple[int, Rows] = (-1, self._rows)

    @property
    def steps_a_pass(self) -> int:
        """Return the number of batches after which every row was drawn."""
        return -(-len(self._rows) // self.size)

    def batch(self, step: int) -> Rows:
        """Return the rows of a batch, int64 (size,)."""
        number, offset = divmod(step * self.size, len(self._rows))
        if self._order[0] != number:
            orders = (np.random.default_rng((self._seed, 3, n)) for n in (number, number + 1))
            self._order = (number, np.concatenate([rng.permutation(self._rows) for rng in orders]))
        return self._order[1][offset : offset + self.size]
