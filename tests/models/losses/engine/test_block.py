import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models.losses.engine.block import Batch


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(st.integers(-1, 4), min_size=1, max_size=12), st.integers(0, 5))
def test_every_anchor_gets_its_positives_and_negatives(labels: list[int], first: int) -> None:
    size = len(labels)
    anchors = torch.arange(min(first, size), size)
    random = torch.Generator().manual_seed(len(labels))
    distances = torch.rand(len(anchors), size, generator=random)
    block = Batch.of(torch.tensor(labels)).block(distances, anchors)
    for row, a in enumerate(anchors.tolist()):
        negatives = {n for n in range(size) if labels[n] not in (-1, labels[a]) and labels[a] != -1}
        assert set(block.negative[row].nonzero()[:, 0].tolist()) == negatives
        positives = {p for p in range(size) if p != a and labels[p] == labels[a] != -1}
        if len(set(labels) - {-1}) < 2:
            positives = set()
        real = block.is_pair[row]
        assert set(block.positive_index[row][real].tolist()) == positives
        assert int(real.sum()) == len(positives)
        assert block.d_ap[row].sort().values.equal(block.d_ap[row])
        assert block.d_ap[row][~real].isinf().all()
        assert block.d_ap[row][real].equal(distances[row][block.positive_index[row][real]])
