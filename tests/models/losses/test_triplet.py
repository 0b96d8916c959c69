import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facegate.errors import InputError
from facegate.models.losses.triplet import SemiHardTripletLoss, semi_hard_triplet_loss

MakeBatch = Callable[..., tuple[Tensor, Tensor]]
Batch = tuple[list[tuple[float, ...]], list[int]]

calm = settings(deadline=None, derandomize=True, max_examples=80)
metrics = st.sampled_from(["euclidean", "squared"])
fallbacks = st.sampled_from(["skip", "easiest", "hardest"])
reduces = st.sampled_from(["active", "pairs", "sum", "anchor"])


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Up to ten rows of whole numbers, so that ties and duplicates are common and exact."""
    dim = draw(st.integers(1, 3))
    size = draw(st.integers(0, 10))
    row = st.tuples(*[st.integers(-2, 2).map(float)] * dim)
    rows = draw(st.lists(row, min_size=size, max_size=size))
    return rows, draw(st.lists(st.integers(-1, 3), min_size=size, max_size=size))


@dataclass
class Truth:
    """The definition in plain loops: which triplets, and how the pairs came out."""

    triplets: list[tuple[int, int, int]]
    n_pairs: int = 0
    n_semi: int = 0
    n_easy: int = 0
    n_none: int = 0


def distance(a: tuple[float, ...], b: tuple[float, ...], metric: str) -> float:
    squared = math.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    return squared if metric == "squared" else math.sqrt(squared)


def mine(
    batch: Batch, *, margin: float, metric: str, fallback: str = "skip", every: bool = False
) -> Truth:
    rows, labels = batch
    size = len(rows)
    d = [[distance(a, b, metric) for b in rows] for a in rows]
    truth = Truth([])
    for a in range(size):
        negatives = [n for n in range(size) if labels[n] not in (-1, labels[a])]
        for p in range(size):
            if p == a or labels[a] == -1 or labels[p] != labels[a] or not negatives:
                continue
            truth.n_pairs += 1
            beyond = [n for n in negatives if d[a][n] > d[a][p]]
            inside = [n for n in beyond if d[a][n] < d[a][p] + margin]
            truth.n_semi += bool(inside)
            truth.n_easy += bool(beyond and not inside)
            truth.n_none += not beyond
            if inside and every:
                truth.triplets += [(a, p, n) for n in inside]
            elif inside:
                truth.triplets.append((a, p, min(inside, key=lambda n: (d[a][n], n))))
            elif not beyond and fallback == "easiest":
                truth.triplets.append((a, p, max(negatives, key=lambda n: (d[a][n], -n))))
            elif not beyond and fallback == "hardest":
                truth.triplets.append((a, p, min(negatives, key=lambda n: (d[a][n], n))))
    return truth


def loss_of(truth: Truth, rows: Tensor, *, margin: float, metric: str, reduce: str) -> Tensor:
    """The loss of listed triplets, by autograd from differences of rows."""

    def between(i: int, j: int) -> Tensor:
        difference = rows[i] - rows[j]
        return difference.square().sum() if metric == "squared" else difference.norm()

    if not truth.triplets:
        return rows.sum() * 0
    terms = [(between(a, p) - between(a, n) + margin).clamp_min(0) for a, p, n in truth.triplets]
    if reduce == "anchor":
        of: dict[int, list[Tensor]] = {}
        for (a, _, _), term in zip(truth.triplets, terms, strict=True):
            of.setdefault(a, []).append(term)
        return torch.stack([torch.stack(parts).mean() for parts in of.values()]).mean()
    divisor = {"active": len(terms), "pairs": truth.n_pairs, "sum": 1}[reduce]
    return torch.stack(terms).sum() / divisor


def check(batch: Batch, loss: SemiHardTripletLoss, dtype: torch.dtype) -> None:
    """Compare value, counters and gradient with the definition."""
    every = loss.select == "all"
    truth = mine(batch, margin=loss.margin, metric=loss.metric, fallback=loss.fallback, every=every)
    shape = (len(batch[0]), len(batch[0][0]) if batch[0] else 2)
    exact = torch.tensor(batch[0], dtype=torch.float64).reshape(shape).requires_grad_()
    wanted = loss_of(truth, exact, margin=loss.margin, metric=loss.metric, reduce=loss.reduce)
    wanted.backward()
    rows = exact.detach().to(dtype).requires_grad_()
    got = loss(rows, torch.tensor(batch[1], dtype=torch.int64))
    got.loss.backward()
    stats = got.stats
    assert (stats.n_pairs, stats.n_semi, stats.n_easy, stats.n_none, stats.n_active) == (
        truth.n_pairs,
        truth.n_semi,
        truth.n_easy,
        truth.n_none,
        len(truth.triplets),
    )
    assert stats.loss == got.loss.item()
    # In float32 a gradient is a sum of up to 90 unit vectors, each weighed to 6e-8.
    tolerance = 1e-12 if dtype == torch.float64 else 2e-5
    torch.testing.assert_close(got.loss.double(), wanted, rtol=tolerance, atol=tolerance)
    assert rows.grad is not None
    torch.testing.assert_close(rows.grad.double(), exact.grad, rtol=tolerance, atol=tolerance)


@calm
@given(batches(), metrics, fallbacks, reduces, st.sampled_from([torch.float32, torch.float64]))
def test_agrees_with_the_definition(
    batch: Batch, metric: str, fallback: str, reduce: str, dtype: torch.dtype
) -> None:
    loss = SemiHardTripletLoss(0.5, metric, fallback=fallback, reduce=reduce)
    check(batch, loss, dtype)


@calm
@given(batches(), metrics, reduces, st.sampled_from([torch.float32, torch.float64]))
def test_every_semi_hard_triplet_agrees_with_the_definition(
    batch: Batch, metric: str, reduce: str, dtype: torch.dtype
) -> None:
    check(batch, SemiHardTripletLoss(0.5, metric, select="all", reduce=reduce), dtype)


@calm
@given(st.integers(0, 10_000), metrics, fallbacks, reduces)
def test_agrees_with_the_definition_on_unit_rows(
    seed: int, metric: str, fallback: str, reduce: str
) -> None:
    random = torch.Generator().manual_seed(seed)
    rows = torch.randn(12, 3, generator=random, dtype=torch.float64)
    rows = torch.nn.functional.normalize(rows, dim=1)
    labels = torch.randint(-1, 4, (12,), generator=random)
    batch = ([tuple(row) for row in rows.tolist()], labels.tolist())
    check(batch, SemiHardTripletLoss(0.3, metric, fallback=fallback, reduce=reduce), torch.float64)


@pytest.mark.parametrize("metric", ["euclidean", "squared"])
@pytest.mark.parametrize("select", ["nearest", "all"])
@pytest.mark.parametrize("reduce", ["active", "pairs", "sum", "anchor"])
def test_passes_gradcheck(metric: str, select: str, reduce: str, batch_of: MakeBatch) -> None:
    rows, labels = batch_of(4, 3, dim=4)
    loss = SemiHardTripletLoss(0.5, metric, select, reduce=reduce)
    rows = rows.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda e: loss(e, labels).loss, (rows,))


@pytest.mark.parametrize("fallback", ["easiest", "hardest"])
def test_passes_gradcheck_with_a_fallback(fallback: str) -> None:
    rows = torch.randn(12, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.arange(12) % 4
    loss = SemiHardTripletLoss(0.5, fallback=fallback)
    assert loss(rows, labels).stats.n_none > 0
    rows.requires_grad_()
    assert torch.autograd.gradcheck(lambda e: loss(e, labels).loss, (rows,))


def test_a_second_derivative_is_refused(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(3, 3)
    loss = semi_hard_triplet_loss(rows.requires_grad_(), labels).loss
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(loss, rows, create_graph=True)


def tensorflow_addons(d: Tensor, labels: Tensor, margin: float) -> Tensor:
    """TripletSemiHardLoss of TensorFlow Addons 0.23, line by line, from its distances."""
    size = len(d)
    same = labels[:, None] == labels
    tile = d.repeat(size, 1)
    mask = (~same).repeat(size, 1) & (tile > d.T.reshape(-1, 1))
    any_beyond = mask.any(dim=1).reshape(size, size).T
    top = tile.max(dim=1, keepdim=True).values
    outside = (((tile - top) * mask).min(dim=1).values + top[:, 0]).reshape(size, size).T
    low = d.min(dim=1, keepdim=True).values
    inside = ((d - low) * ~same).max(dim=1, keepdim=True).values + low
    semi_hard = torch.where(any_beyond, outside, inside.expand(size, size))
    positives = same.double() - torch.eye(size, dtype=torch.float64)
    return ((margin + d - semi_hard) * positives).clamp_min(0).sum() / positives.sum()


@calm
@given(st.integers(0, 1000), metrics, st.sampled_from([0.2, 1.0]))
def test_equals_tensorflow_addons(seed: int, metric: str, margin: float) -> None:
    random = torch.Generator().manual_seed(seed)
    rows = torch.randn(16, 4, generator=random, dtype=torch.float64)
    rows = torch.nn.functional.normalize(rows, dim=1).requires_grad_()
    labels = torch.arange(16) // 4
    theirs = (rows[:, None] - rows).square().sum(dim=2)
    if metric == "euclidean":
        theirs = (theirs + torch.eye(16)).sqrt() * (1 - torch.eye(16))
    (wanted,) = torch.autograd.grad(tensorflow_addons(theirs, labels, margin), rows)
    ours = semi_hard_triplet_loss(
        rows, labels, margin=margin, metric=metric, fallback="easiest", reduce="pairs"
    ).loss
    with torch.no_grad():
        value = tensorflow_addons(theirs, labels, margin)
    torch.testing.assert_close(ours, value, rtol=1e-12, atol=1e-12)
    (got,) = torch.autograd.grad(ours, rows)
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("power", [1, 2])
def test_equals_pytorch_metric_learning(power: int, batch_of: MakeBatch) -> None:
    from pytorch_metric_learning import distances, losses, miners

    rows, labels = batch_of(16, 4)
    rows = torch.nn.functional.normalize(rows.double(), dim=1).requires_grad_()
    measure = distances.LpDistance(power=power)
    miner = miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard", distance=measure)
    triplets = miner(rows, labels)
    theirs = losses.TripletMarginLoss(margin=0.2, distance=measure)(rows, labels, triplets)
    metric = {1: "euclidean", 2: "squared"}[power]
    result = semi_hard_triplet_loss(rows, labels, metric=metric, select="all")
    assert result.stats.n_active == len(triplets[0]) > 100
    torch.testing.assert_close(result.loss, theirs, rtol=1e-10, atol=1e-12)
    (wanted,) = torch.autograd.grad(theirs, rows)
    (got,) = torch.autograd.grad(result.loss, rows)
    # Theirs normalises the rows once more, which takes the radial part of the gradient away.
    got = got - (got * rows).sum(dim=1, keepdim=True) * rows
    torch.testing.assert_close(got, wanted.detach(), rtol=1e-8, atol=1e-10)


def hand_made(d_an: float, *, margin: float = 0.5) -> tuple[int, int, int, float]:
    """One positive pair at distance 1 on a line, and a negative at d_an from the anchor."""
    rows = torch.tensor([[0.0], [1.0], [-d_an], [9.0]], dtype=torch.float64)
    result = semi_hard_triplet_loss(rows, torch.tensor([0, 0, 1, -1]), margin=margin, reduce="sum")
    stats = result.stats
    return stats.n_semi, stats.n_easy, stats.n_none, result.loss.item()


def test_a_negative_as_near_as_the_positive_is_hard() -> None:
    # The other anchor, at 1, has its positive at 1 and the negative at 2: easy.
    assert hand_made(1.0) == (0, 1, 1, 0.0)


def test_a_negative_on_the_margin_is_easy() -> None:
    assert hand_made(1.5) == (0, 2, 0, 0.0)


def test_a_negative_inside_the_margin_is_semi_hard() -> None:
    assert hand_made(1.25) == (1, 1, 0, 0.25)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ties_between_negatives_go_to_the_smallest_index(dtype: torch.dtype) -> None:
    rows = torch.tensor([[0.0, 0], [1, 0], [0, -1.2], [0, 1.2]], dtype=dtype)
    for first, second in ((2, 3), (3, 2)):
        order = torch.tensor([0, 1, first, second])
        mixed = rows[order].clone().requires_grad_()
        semi_hard_triplet_loss(mixed, torch.tensor([0, 0, 1, 2]), margin=0.5).loss.backward()
        assert mixed.grad is not None
        assert mixed.grad[2].norm() > 0
        assert mixed.grad[3].norm() == 0


NOTHING_TO_LEARN = {
    "empty batch": [],
    "one image": [0],
    "no positives": [0, 1, 2, 3],
    "one identity": [5, 5, 5, 5],
    "all ignored": [-1, -1, -1],
    "ignored negatives": [0, 0, -1, -1],
}


@pytest.mark.parametrize("select", ["nearest", "random", "all"])
@pytest.mark.parametrize("reduce", ["active", "pairs", "sum", "anchor"])
@pytest.mark.parametrize("labels", NOTHING_TO_LEARN.values(), ids=NOTHING_TO_LEARN)
def test_loss_is_zero_and_connected_without_triplets(
    labels: list[int], reduce: str, select: str
) -> None:
    rows = torch.ones(len(labels), 3, requires_grad=True)
    result = semi_hard_triplet_loss(
        rows, torch.tensor(labels, dtype=torch.int64), reduce=reduce, select=select
    )
    result.loss.backward()
    assert result.loss.item() == 0
    assert result.stats.n_pairs == result.stats.n_active == 0
    assert result.stats.d_ap is None
    assert rows.grad is not None
    assert not rows.grad.any()


def test_an_identity_with_one_image_is_a_negative_only() -> None:
    rows = torch.tensor([[0.0], [1.0], [1.2]], requires_grad=True)
    result = semi_hard_triplet_loss(rows, torch.tensor([0, 0, 1]), margin=0.5)
    result.loss.backward()
    assert result.stats.n_pairs == 2
    assert rows.grad is not None
    assert rows.grad[2] != 0


@pytest.mark.parametrize("metric", ["euclidean", "squared"])
def test_gradient_is_finite_for_equal_rows(metric: str) -> None:
    rows = torch.nn.functional.normalize(torch.ones(6, 128), dim=1)
    rows[4:] = torch.nn.functional.normalize(torch.arange(128.0), dim=0)
    rows.requires_grad_()
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    for fallback in ("skip", "easiest", "hardest"):
        loss = semi_hard_triplet_loss(rows, labels, metric=metric, fallback=fallback, margin=3).loss
        (gradient,) = torch.autograd.grad(loss, rows)
        assert gradient.isfinite().all()
        assert gradient.abs().max() < 10


def test_the_same_image_under_two_labels_is_not_chosen() -> None:
    rows = torch.tensor([[0.0, 1], [0.6, 0.8], [0, 1]], dtype=torch.float64)
    result = semi_hard_triplet_loss(rows, torch.tensor([0, 0, 1]), margin=0.9)
    assert (result.stats.n_none, result.stats.n_active) == (2, 0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_refuses_an_embedding_that_is_not_finite_by_its_row(bad: float) -> None:
    rows = torch.zeros(4, 3)
    rows[2, 1] = bad
    with pytest.raises(InputError, match="embedding 2 of 4 is not finite"):
        semi_hard_triplet_loss(rows, torch.tensor([0, 0, 1, 1]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_full(dtype: torch.dtype, batch_of: MakeBatch) -> None:
    rows, labels = batch_of(8, 4)
    half = rows.to(dtype).requires_grad_()
    full = half.detach().float().requires_grad_()
    got, wanted = semi_hard_triplet_loss(half, labels), semi_hard_triplet_loss(full, labels)
    assert got.loss.dtype == torch.float32
    assert got.loss.item() == wanted.loss.item()
    got.loss.backward()
    wanted.loss.backward()
    assert half.grad is not None
    assert full.grad is not None
    assert half.grad.dtype == dtype
    assert torch.equal(half.grad, full.grad.to(dtype))


def test_autocast_changes_nothing(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(8, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = semi_hard_triplet_loss(rows, labels).loss
    assert inside.item() == semi_hard_triplet_loss(rows, labels).loss.item()


def test_fast_matmul_settings_change_nothing_and_stay(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(8, 4, dim=128)
    wanted = semi_hard_triplet_loss(rows, labels).loss.item()
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        assert semi_hard_triplet_loss(rows, labels).loss.item() == wanted
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_unequal_numbers_of_images_are_fine() -> None:
    random = torch.Generator().manual_seed(3)
    rows = torch.randn(20, 2, generator=random, dtype=torch.float64)
    labels = [0] * 9 + [1] * 2 + [2] + [3] * 5 + [4] * 3
    batch = ([tuple(row) for row in rows.tolist()], labels)
    check(batch, SemiHardTripletLoss(0.4, reduce="anchor"), torch.float64)


def test_labels_may_be_huge_narrow_or_strided(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(5, 3)
    wanted = semi_hard_triplet_loss(rows, labels).loss.item()
    assert semi_hard_triplet_loss(rows, labels + 2**40).loss.item() == wanted
    assert semi_hard_triplet_loss(rows, labels.to(torch.int8)).loss.item() == wanted
    strided = torch.stack([labels, labels + 7], dim=1)[:, 0]
    assert not strided.is_contiguous()
    turned = rows.T.contiguous().T  # another layout may add up a product in another order
    assert semi_hard_triplet_loss(turned, strided).loss.item() == pytest.approx(wanted, rel=1e-5)


def test_needs_no_gradient_to_be_measured(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(5, 3)
    result = semi_hard_triplet_loss(rows, labels)
    assert not result.loss.requires_grad
    with torch.no_grad():
        quiet = semi_hard_triplet_loss(rows.requires_grad_(), labels)
    assert quiet.loss.item() == result.loss.item()


def test_random_negatives_lie_in_the_window_and_come_from_all_of_it() -> None:
    rows = torch.tensor([[0.0], [1.0], [-1.1], [-1.2], [-1.3], [-1.7], [-0.5]])
    labels = torch.tensor([0, 0, 1, 2, 3, 4, 5])
    seen = set()
    torch.manual_seed(0)
    for _ in range(60):
        loss = semi_hard_triplet_loss(rows, labels, margin=0.5, select="random").loss
        seen.add(round(loss.item(), 3))
    assert seen == {0.4, 0.3, 0.2}


def test_percentiles_are_euclidean_in_both_metrics(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(8, 8)
    stats = semi_hard_triplet_loss(rows, labels).stats
    squared = semi_hard_triplet_loss(rows, labels, metric="squared").stats
    assert stats.d_ap is not None
    assert stats.d_an is not None
    assert squared.d_ap == pytest.approx(stats.d_ap, abs=1e-3)
    d = torch.cdist(rows, rows)
    negative = labels[:, None] != labels
    assert stats.d_an[1] == pytest.approx(d[negative].median().item(), abs=1e-3)
    positive = ~negative & ~torch.eye(64, dtype=torch.bool)
    assert stats.d_ap[1] == pytest.approx(d[positive].median().item(), abs=1e-3)


def test_percentiles_of_a_large_batch_come_from_a_fair_sample(batch_of: MakeBatch) -> None:
    rows, labels = batch_of(45, 12)
    stats = semi_hard_triplet_loss(rows, labels).stats
    assert stats.d_an is not None
    d = torch.cdist(rows, rows)[labels[:, None] != labels]
    wanted = [d.quantile(q).item() for q in (0.05, 0.5, 0.95)]
    assert stats.d_an == pytest.approx(wanted, abs=0.03)


def test_shares_add_up(batch_of: MakeBatch) -> None:
    stats = semi_hard_triplet_loss(*batch_of(8, 8)).stats
    assert stats.semi + stats.easy + stats.none == pytest.approx(1)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"select": "seminard"}, "select 'seminard' is not known"),
        ({"metric": "euclidian"}, "did you mean euclidean"),
        ({"fallback": "hard"}, "did you mean hardest"),
        ({"reduce": "mean"}, "known are active, pairs, sum, anchor"),
        ({"margin": 0.0}, "margin must be above 0"),
        ({"margin": float("nan")}, "margin must be above 0"),
        ({"select": "all", "fallback": "easiest"}, "select 'all' takes no fallback"),
    ],
)
def test_refuses_options_it_does_not_know(option: dict[str, object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        SemiHardTripletLoss(**option)  # type: ignore[arg-type]


def test_refuses_shapes_and_dtypes_that_do_not_belong_together() -> None:
    labels = torch.tensor([0, 0])
    with pytest.raises(ValueError, match=r"shape \(batch, dim\), got \(2,\)"):
        semi_hard_triplet_loss(torch.zeros(2), labels)
    with pytest.raises(ValueError, match=r"labels must have shape \(3,\), got \(2,\)"):
        semi_hard_triplet_loss(torch.zeros(3, 4), labels)
    with pytest.raises(ValueError, match="embeddings must be floating"):
        semi_hard_triplet_loss(torch.zeros(2, 4, dtype=torch.int64), labels)
    with pytest.raises(ValueError, match="labels must be integers"):
        semi_hard_triplet_loss(torch.zeros(2, 4), labels.float())
    with pytest.raises(InputError, match="label -2 of row 1 is negative"):
        semi_hard_triplet_loss(torch.zeros(2, 4), torch.tensor([0, -2]))
