import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facegate.models.losses.engine.block import Batch, Block
from facegate.models.losses.engine.bucket import pick_by_bucket
from facegate.models.losses.semi_hard import Picks, pick_by_sort

calm = settings(deadline=None, derandomize=True, max_examples=200)


def block_of(distances: Tensor, labels: list[int]) -> Block:
    truth = torch.tensor(labels, dtype=torch.int64)
    return Batch.of(truth).block(distances, torch.arange(len(labels)))


def chosen(block: Block, picks: Picks) -> set[tuple[int, int, int]]:
    rows, slots = picks.kept.nonzero(as_tuple=True)
    positive, negative = block.positive_index[rows, slots], picks.negative_index[rows, slots]
    anchors = block.anchors[rows]
    return set(zip(anchors.tolist(), positive.tolist(), negative.tolist(), strict=True))


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    """Any distances at all, symmetric or not, many of them equal; -0.0 among them."""
    size = draw(st.integers(1, 9))
    values = st.sampled_from([-0.0, 0.0, 0.1, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0])
    cells = draw(st.lists(values, min_size=size * size, max_size=size * size))
    labels = draw(st.lists(st.integers(-1, 3), min_size=size, max_size=size))
    return block_of(torch.tensor(cells).reshape(size, size), labels)


@calm
@given(blocks(), st.sampled_from(["skip", "easiest", "hardest"]))
def test_buckets_pick_what_the_sort_picks(block: Block, fallback: str) -> None:
    by_sort = pick_by_sort(block, margin=0.3, fallback=fallback)
    by_bucket = pick_by_bucket(block, margin=0.3, fallback=fallback)
    assert torch.equal(by_sort.kept, by_bucket.kept)
    assert torch.equal(by_sort.counts, by_bucket.counts)
    assert chosen(block, by_sort) == chosen(block, by_bucket)


@calm
@given(blocks(), st.integers(0, 99))
def test_random_picks_lie_in_the_window(block: Block, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    picks = pick_by_sort(block, margin=0.3, select="random", generator=random)
    assert torch.equal(picks.kept, pick_by_sort(block, margin=0.3).kept)
    for a, p, n in chosen(block, picks):
        assert block.negative[a, n]
        d_ap, d_an = block.distances[a, p], block.distances[a, n]
        assert d_ap < d_an < d_ap + 0.3


def test_random_picks_are_uniform() -> None:
    distances = torch.tensor([[0.0, 1.0, 1.1, 1.2, 1.3, 1.4, 2.0]]).repeat(7, 1)
    block = block_of(distances, [0, 0, 1, 2, 3, 4, 5])
    random = torch.Generator().manual_seed(1)
    n_of = torch.zeros(7)
    for _ in range(2000):
        picks = pick_by_sort(block, margin=0.45, select="random", generator=random)
        n_of[picks.negative_index[0, 0]] += 1
    assert n_of[2:6].sum() == 2000
    assert (n_of[2:6] - 500).abs().max() < 100  # five standard deviations


def test_large_batches_agree_on_the_same_distances() -> None:
    rows = torch.nn.functional.normalize(torch.randn(240, 16), dim=1)
    distances = torch.cdist(rows, rows)
    block = block_of(distances, [i // 8 for i in range(240)])
    by_sort, by_bucket = pick_by_sort(block, margin=0.2), pick_by_bucket(block, margin=0.2)
    assert len(chosen(block, by_sort)) > 500
    assert chosen(block, by_sort) == chosen(block, by_bucket)
