"""The losses beside the semi-hard one, each against its formula in plain loops."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facegate.errors import InputError
from facegate.models.losses.batch_all import BatchAllLoss
from facegate.models.losses.batch_hard import BatchHardLoss
from facegate.models.losses.contrastive import ContrastiveLoss
from facegate.models.losses.engine.batch_loss import BatchLoss
from facegate.models.losses.hard_negative import HardNegativeLoss
from facegate.models.losses.quadruplet import QuadrupletLoss
from facegate.models.losses.random_filter import RandomFilterLoss

MakeBatch = Callable[..., tuple[Tensor, Tensor]]
Between = Callable[[int, int], Tensor]

calm = settings(deadline=None, derandomize=True, max_examples=40)
metrics = st.sampled_from(["euclidean", "squared"])
dtypes = st.sampled_from([torch.float32, torch.float64])


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, list[int]]:
    """Rows without ties, so that the hardest one is one; equal rows have their own test."""
    size = draw(st.integers(1, 10))
    random = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    rows = torch.randn(size, draw(st.integers(2, 3)), generator=random, dtype=torch.float64)
    return rows, draw(st.lists(st.integers(-1, 3), min_size=size, max_size=size))


def measure(rows: Tensor, metric: str) -> Between:
    def between(i: int, j: int) -> Tensor:
        difference = rows[i] - rows[j]
        return difference.square().sum() if metric == "squared" else difference.norm()

    return between


def positives(a: int, labels: list[int]) -> list[int]:
    """An anchor's positives, where it has a negative too."""
    if not negatives(a, labels):
        return []
    return [p for p, y in enumerate(labels) if p != a and y == labels[a] != -1]


def negatives(a: int, labels: list[int]) -> list[int]:
    return [n for n, y in enumerate(labels) if labels[a] != -1 and y not in (-1, labels[a])]


def mean(terms: list[Tensor], rows: Tensor) -> Tensor:
    return torch.stack(terms).mean() if terms else rows.sum() * 0


def hardest(a: int, labels: list[int], d: Between) -> tuple[Tensor, Tensor]:
    far = torch.stack([d(a, p) for p in positives(a, labels)]).max()
    return far, torch.stack([d(a, n) for n in negatives(a, labels)]).min()


def anchors(labels: list[int]) -> list[int]:
    return [a for a in range(len(labels)) if positives(a, labels)]


def batch_hard(rows: Tensor, labels: list[int], metric: str) -> Tensor:
    d = measure(rows, metric)
    pairs = [hardest(a, labels, d) for a in anchors(labels)]
    return mean([(far - near + 0.5).clamp_min(0) for far, near in pairs], rows)


def batch_hard_soft(rows: Tensor, labels: list[int], metric: str) -> Tensor:
    d = measure(rows, metric)
    pairs = [hardest(a, labels, d) for a in anchors(labels)]
    return mean([torch.log(1 + torch.exp(far - near)) for far, near in pairs], rows)


def batch_all(rows: Tensor, labels: list[int], metric: str) -> Tensor:
    d = measure(rows, metric)
    terms = [
        d(a, p) - d(a, n) + 0.5
        for a in anchors(labels)
        for p in positives(a, labels)
        for n in negatives(a, labels)
    ]
    return mean([term for term in terms if term > 0], rows)


def hard_negative(rows: Tensor, labels: list[int], metric: str) -> Tensor:
    d = measure(rows, metric)
    terms = [
        d(a, p) - hardest(a, labels, d)[1] + 0.5
        for a in anchors(labels)
        for p in positives(a, labels)
    ]
    return mean([term for term in terms if term > 0], rows)


def contrastive(rows: Tensor, labels: list[int], metric: str) -> Tensor:
    d = measure(rows, metric)
    size = range(len(labels))
    pull = [d(a, p).square() for a in size for p in positives(a, labels)]
    push = [(1 - d(a, n)).clamp_min(0).square() for a in size for n in negatives(a, labels)]
    return mean(pull, rows) + mean([term for term in push if term > 0], rows)


def quadruplet(rows: Tensor, labels: list[int], metric: str) -> Tensor:
    d = measure(rows, metric)
    first, second = [], []
    for a in anchors(labels):
        far, near = hardest(a, labels, d)
        first.append((far - near + 0.5).clamp_min(0))
        others = [
            d(i, j)
            for i, j in itertools.permutations(negatives(a, labels), 2)
            if labels[i] != labels[j]
        ]
        if others:
            second.append((far - torch.stack(others).min() + 0.25).clamp_min(0))
    return mean(first, rows) + mean(second, rows)


Oracle = Callable[[Tensor, list[int], str], Tensor]
PAIRED: dict[str, tuple[Callable[[str], BatchLoss], Oracle]] = {
    "batch hard": (lambda metric: BatchHardLoss(0.5, metric), batch_hard),
    "batch hard, soft": (lambda metric: BatchHardLoss(metric=metric, soft=True), batch_hard_soft),
    "batch all": (lambda metric: BatchAllLoss(0.5, metric), batch_all),
    "hard negative": (lambda metric: HardNegativeLoss(0.5, metric), hard_negative),
    "contrastive": (lambda metric: ContrastiveLoss(1.0, metric), contrastive),
    "quadruplet": (lambda metric: QuadrupletLoss(0.5, 0.25, metric), quadruplet),
}


@pytest.mark.parametrize("name", PAIRED)
@calm
@given(batches(), metrics, dtypes)
def test_agrees_with_its_formula(
    name: str, batch: tuple[Tensor, list[int]], metric: str, dtype: torch.dtype
) -> None:
    make, oracle = PAIRED[name]
    exact, labels = batch[0].clone().requires_grad_(), batch[1]
    wanted = oracle(exact, labels, metric)
    wanted.backward()
    rows = exact.detach().to(dtype).requires_grad_()
    got = make(metric)(rows, torch.tensor(labels))
    got.loss.backward()
    # float32 Gram errors near 1e-6, weighed by distances up to 30 and divided by small ones
    tolerance = 1e-10 if dtype == torch.float64 else 2e-4
    torch.testing.assert_close(got.loss.double(), wanted, rtol=tolerance, atol=tolerance)
    assert rows.grad is not None
    torch.testing.assert_close(rows.grad.double(), exact.grad, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("metric", ["euclidean", "squared"])
@pytest.mark.parametrize("name", PAIRED)
def test_passes_gradcheck(name: str, metric: str, batch_of: MakeBatch) -> None:
    rows, labels = batch_of(4, 3, dim=4)
    loss = PAIRED[name][0](metric)
    rows = rows.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda e: loss(e, labels).loss, (rows,))


EVERY = [
    *(make("euclidean") for make, _ in PAIRED.values()),
    RandomFilterLoss(),
    RandomFilterLoss(draw="pairs", keep="violators"),
]


@pytest.mark.parametrize("labels", [[], [0], [5, 5, 5], [-1, -1], [0, 0, -1]], ids=str)
@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_loss_is_zero_and_connected_without_triplets(loss: BatchLoss, labels: list[int]) -> None:
    rows = torch.ones(len(labels), 3, requires_grad=True)
    result = loss(rows, torch.tensor(labels, dtype=torch.int64))
    result.loss.backward()
    assert result.loss.item() == 0
    assert result.stats.n_pairs == result.stats.n_active == 0
    assert rows.grad is not None
    assert not rows.grad.any()


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_gradient_is_finite_for_equal_rows(loss: BatchLoss) -> None:
    rows = torch.nn.functional.normalize(torch.ones(8, 64), dim=1).requires_grad_()
    result = loss(rows, torch.arange(8) // 2)
    result.loss.backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_outcomes_add_up_to_the_pairs(loss: BatchLoss, batch_of: MakeBatch) -> None:
    rows, labels = batch_of(8, 4)
    stats = loss(rows, labels).stats
    assert stats.n_pairs > 0
    assert stats.n_semi + stats.n_easy + stats.n_none == stats.n_pairs
    assert math.isfinite(stats.loss)


def test_collapse_has_its_known_values() -> None:
    rows, labels = torch.ones(8, 4), torch.arange(8) // 2
    assert BatchHardLoss(0.2)(rows, labels).loss.item() == pytest.approx(0.2)
    assert BatchHardLoss(soft=True)(rows, labels).loss.item() == pytest.approx(math.log(2))


def test_contrastive_pushes_equal_embeddings_of_different_people_apart() -> None:
    """``[m^2 - d^2]+`` has no gradient here; the square after the hinge has the largest."""
    rows = torch.tensor([[0.0, 0.0], [0.001, 0.0]], dtype=torch.float64, requires_grad=True)
    ContrastiveLoss()(rows, torch.tensor([0, 1])).loss.backward()
    assert rows.grad is not None
    assert rows.grad.norm() > 2


def test_quadruplet_with_two_identities_is_its_first_term(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(2, 4)
    wanted = BatchHardLoss(0.2)(rows, labels).loss.item()
    assert QuadrupletLoss(0.2, 0.1)(rows, labels).loss.item() == pytest.approx(wanted)


def test_quadruplet_wants_the_second_margin_smaller() -> None:
    with pytest.raises(InputError, match=r"second_margin must be below margin, got 0\.3 and 0\.2"):
        QuadrupletLoss(0.2, 0.3)


def test_random_filter_draws_a_third_and_keeps_few(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(30, 4)
    torch.manual_seed(0)
    thirds = RandomFilterLoss()(rows, labels).stats
    assert thirds.n_pairs == 40
    assert thirds.n_active == thirds.n_semi < 40
    pairs = RandomFilterLoss(draw="pairs", keep="violators")(rows, labels).stats
    assert pairs.n_pairs == 30 * 4 * 3
    assert pairs.n_active == pairs.n_semi + pairs.n_none


def test_random_filter_draws_positives_and_negatives_evenly() -> None:
    rows = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = torch.tensor([0, 0, 0, 1, 2, -1])
    torch.manual_seed(1)
    n_of = torch.zeros(6)
    for _ in range(600):
        loss = RandomFilterLoss(9.0, draw="pairs", keep="violators")(rows, labels).loss
        (gradient,) = torch.autograd.grad(loss, rows)
        n_of += gradient.abs().sum(dim=1) > 0
    assert n_of[5] == 0
    assert min(n_of[3], n_of[4]) > 560  # each is left out in one of 64 draws


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: RandomFilterLoss(draw="third"), "did you mean thirds"),
        (lambda: RandomFilterLoss(keep="all"), "known are semi-hard, violators"),
        (lambda: BatchHardLoss(-1), "margin must be above 0"),
        (lambda: HardNegativeLoss(metric="cosine"), "metric 'cosine' is not known"),
        (lambda: BatchAllLoss(reduce="none"), "reduce 'none' is not known"),
        (lambda: ContrastiveLoss(metric="x"), "metric 'x' is not known"),
        (lambda: QuadrupletLoss(second_margin=0), "second_margin must be above 0"),
    ],
)
def test_refuses_options_it_does_not_know(make: Callable[[], object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        make()
