import threading
from collections.abc import Iterator

import pytest
import torch

from facegate.models.training.feed import Batch, Feed, Spread

made: list[int] = []
names: set[str] = set()


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    made.clear()
    names.clear()
    yield
    torch.set_num_threads(before)


def make(step: int, spread: Spread) -> Batch:
    if step == 9:
        raise ValueError("no batch 9")
    made.append(step)
    rows = torch.tensor([step])
    images = torch.zeros(3, 3, 2, 2)

    def change(number: int) -> None:
        names.add(threading.current_thread().name)
        images[number] = number + 10 * torch.get_num_threads()
        together.wait()

    together = threading.Barrier(1 if threading.current_thread() is threading.main_thread() else 2)
    spread(change, range(2))
    return Batch(rows, rows, images[:2])


@pytest.mark.parametrize("ahead", [True, False])
def test_every_batch_is_made_once_and_in_order(ahead: bool) -> None:
    feed = Feed(make, ahead=ahead)
    taken = [int(feed.take(s, following=s + 1 if s < 4 else None).rows) for s in range(5)]
    feed.close()
    assert taken == made == [0, 1, 2, 3, 4]


def test_nothing_is_made_ahead_unless_told() -> None:
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


def test_pieces_take_one_thread_each_side_by_side_and_the_net_keeps_its_own() -> None:
    feed = Feed(make, ahead=True)
    images = feed.take(0, following=None).images
    assert images[:, 0, 0, 0].tolist() == [10, 11]  # piece n on one thread: 10 + n
    assert len(names) == 2  # each piece waited for the other
    assert torch.get_num_threads() == 2
    feed.close()
    assert not [t for t in threading.enumerate() if "batches" in t.name]


def test_an_error_in_a_piece_arrives_as_well() -> None:
    def fail(number: int) -> None:
        raise ValueError(f"no piece {number}")

    def broken(step: int, spread: Spread) -> Batch:
        spread(fail, range(2))
        return make(step, spread)

    feed = Feed(broken, ahead=True)
    with pytest.raises(ValueError, match="no piece 0"):
        feed.take(0, following=None)
    feed.close()
