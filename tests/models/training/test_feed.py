import threading

import pytest
import torch

from facegate.models.training.feed import Batch, Feed

made: list[int] = []


def make(step: int) -> Batch:
    if step == 9:
        raise ValueError("no batch 9")
    made.append(step)
    rows = torch.tensor([step])
    return Batch(rows, rows, torch.full((1, 3, 2, 2), float(torch.get_num_threads())))


@pytest.mark.parametrize("ahead", [True, False])
def test_every_batch_is_made_once_and_in_order(ahead: bool) -> None:
    made.clear()
    feed = Feed(make, ahead=ahead)
    taken = [int(feed.take(s, following=s + 1 if s < 4 else None).rows) for s in range(5)]
    feed.close()
    assert taken == made == [0, 1, 2, 3, 4]


def test_nothing_is_made_ahead_unless_told() -> None:
    made.clear()
    feed = Feed(make, ahead=True)
    feed.take(0, following=None)
    feed.close()
    assert made == [0]


def test_a_batch_made_for_another_step_is_not_taken() -> None:
    feed = Feed(make, ahead=True)
    feed.take(0, following=1)
    assert int(feed.take(5, following=None).rows) == 5
    feed.close()


def test_an_error_in_the_making_arrives_where_the_batch_is_taken() -> None:
    feed = Feed(make, ahead=True)
    feed.take(8, following=9)
    with pytest.raises(ValueError, match="no batch 9"):
        feed.take(9, following=None)
    feed.close()


def test_batches_take_one_thread_and_the_net_keeps_its_own() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        feed = Feed(make, ahead=True)
        assert float(feed.take(0, following=None).images.mean()) == 1
        assert torch.get_num_threads() == 2
        feed.close()
        assert not [t for t in threading.enumerate() if t.name.startswith("batches")]
    finally:
        torch.set_num_threads(before)
