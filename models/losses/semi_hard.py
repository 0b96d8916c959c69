"""Semi-hard negatives, by sorting: the definition that everything faster must agree with.

For an anchor a and a positive p, a negative n is

    hard        d_an <= d_ap
    semi-hard   d_ap < d_an < d_ap + margin      (both strict)
    easy        d_an >= d_ap + margin

The miner takes, for every ordered positive pair, the semi-hard negative that is nearest to the
anchor; among equals the one with the smallest index. Source: FaceNet (Schroff et al., CVPR 2015),
section 3.2. Not to be confused with filtering, where triplets are drawn before the forward
pass and the useful few among them are kept.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from facegate.models.losses.engine.block import Block


@dataclass(frozen=True, slots=True, eq=False)
class Picks:
    """One negative for each positive pair of a block, where there is one to take.

    Attributes:
        negative_index: int64 (R, K), meaningful where ``kept``.
        kept: bool (R, K), the triplets that the loss is made of.
        counts: int64 (4,): pairs, and those among them that are semi, easy, none.
    """

    negative_index: Tensor
    kept: Tensor
    counts: Tensor


def pick_by_sort(
    block: Block,
    *,
    margin: float,
    select: str = "nearest",
    fallback: str = "skip",
    generator: torch.Generator | None = None,
) -> Picks:
    """Pick a negative for each positive pair: sort the negatives, look each d_ap up.

    Args:
        block: anchors and their distances, float32 or float64.
        margin: width of the semi-hard window, in the units of the distances.
        select: ``nearest`` in the window, or ``random``, uniform in it.
        fallback: for a pair with hard negatives only, ``skip``, or take the ``easiest`` (the
            farthest negative) or the ``hardest`` (the nearest).
        generator: where the randomness of ``random`` comes from.

    Cost: R * B * log(B) time. Any order of equal distances would do for the values; the stable
    sort makes ties go to the smallest index.
    """
    distances, order = block.distances.masked_fill(~block.negative, torch.inf).sort(
        dim=1, stable=True
    )
    n_columns = distances.shape[1]
    place = torch.searchsorted(distances, block.d_ap, right=True)  # the first with d_an > d_ap
    last = (n_columns - 1) if n_columns else 0
    d_an = distances.gather(1, place.clamp_max(last))
    beyond = block.is_pair & (place < n_columns) & d_an.isfinite()
    semi = beyond & (d_an < block.d_ap + margin)
    if select == "random":
        end = torch.searchsorted(distances, block.d_ap + margin, right=False)
        width = (end - place).clamp_min(1)
        chance = torch.rand(
            place.shape, generator=generator, dtype=torch.float64, device=place.device
        )
        place = place + torch.minimum((chance * width).long(), width - 1)
    negative_index = order.gather(1, place.clamp_max(last))
    return with_fallback(block, negative_index, beyond=beyond, semi=semi, fallback=fallback)


def with_fallback(
    block: Block, negative_index: Tensor, *, beyond: Tensor, semi: Tensor, fallback: str
) -> Picks:
    """Count the outcomes, and give the pairs without a negative beyond theirs what was asked."""
    none = block.is_pair & ~beyond
    counts = torch.stack([block.is_pair.sum(), semi.sum(), (beyond & ~semi).sum(), none.sum()])
    if fallback == "skip" or not int(counts[3]):
        return Picks(negative_index, semi, counts)
    # All negatives of such a pair are at most as far as its positive, so the easiest of them is
    # the farthest of the row. max and min return the first of equal values.
    if fallback == "easiest":
        extreme = block.distances.masked_fill(~block.negative, -torch.inf).max(dim=1).indices
    else:
        extreme = block.distances.masked_fill(~block.negative, torch.inf).min(dim=1).indices
    negative_index = torch.where(none, extreme[:, None], negative_index)
    return Picks(negative_index, semi | none, counts)
