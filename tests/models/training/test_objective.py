import numpy as np
import pytest
import torch

from facegate.errors import InputError
from facegate.models.losses.random_filter import RandomFilterLoss
from facegate.models.losses.result import LossStats
from facegate.models.losses.triplet import semi_hard_triplet_loss
from facegate.models.training.alike import Centres
from facegate.models.training.average import Average
from facegate.models.training.batches import Batches
from facegate.models.training.config import Stage
from facegate.models.training.objective import Objective, Shares
from facegate.models.training.schedule import make_optimizer, rate_at
from facegate.models.training.teacher import join, turned


def batch(n: int = 32, dim: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(n, dim, requires_grad=True), torch.arange(n) // 4


def test_the_terms_add_up_with_their_weights() -> None:
    rows, labels = batch()
    targets = torch.nn.functional.normalize(torch.randn(32, 8), dim=1)
    stage = Stage(classifier=0.3, distil=2.0)
    objective = Objective(stage, dim=8, n_identities=8)
    total, shares = objective(rows, labels, targets)
    unit = torch.nn.functional.normalize(rows, dim=1)
    triplet = semi_hard_triplet_loss(unit, labels).loss
    distil = (1 - (unit * targets).sum(1)).mean()
    assert shares.main == pytest.approx(triplet.item())
    assert shares.distil == pytest.approx(distil.item(), rel=1e-5)
    assert shares.classifier is not None
    expected = triplet.item() + 0.3 * shares.classifier + 2 * distil.item()
    assert total.item() == pytest.approx(expected, rel=1e-5)
    total.backward()
    assert objective.classifier.weight.grad is not None


def test_a_step_is_logged_with_its_loss_and_counts_and_without_what_it_lacks() -> None:
    stats = LossStats(0.5, n_pairs=4, n_semi=1, n_easy=3)
    shares = Shares(0.75, 0.5, 0.25, None, stats, resultant=0.1, spread=0.9, n_zero=0)
    facts = shares.facts()
    assert (facts["loss"], facts["main"], facts["classifier"]) == (0.75, 0.5, 0.25)
    assert (facts["n_pairs"], facts["semi"], facts["easy"], facts["none"]) == (4, 0.25, 0.75, 0.0)
    assert not {"distil", "stats", "total", "d_ap"} & set(facts)


def test_unlabelled_rows_take_part_in_distillation_alone() -> None:
    rows, labels = batch()
    labels[16:] = -1
    targets = torch.nn.functional.normalize(torch.randn(32, 8), dim=1)
    total, _ = Objective(Stage(), dim=8, n_identities=4)(rows, labels, None)
    total.backward()
    assert rows.grad is not None
    assert (rows.grad[16:] == 0).all()
    rows = rows.detach().requires_grad_()
    stage = Stage(loss="none", distil=1.0)
    total, shares = Objective(stage, dim=8, n_identities=4)(rows, labels, targets)
    total.backward()
    assert rows.grad is not None
    assert (rows.grad[16:] != 0).any()
    assert shares.stats is None


def test_a_proxy_loss_by_name_learns_its_proxies() -> None:
    pytest.importorskip("pytorch_metric_learning")
    rows, labels = batch()
    objective = Objective(Stage(loss="pml:ProxyAnchorLoss"), dim=8, n_identities=8)
    total, _ = objective(rows, labels, None)
    total.backward()
    [proxies] = list(objective.parameters())
    assert proxies.shape == (8, 8)
    assert proxies.grad is not None


@pytest.mark.parametrize("name", ["ArcFaceLoss", "CosFaceLoss", "SubCenterArcFaceLoss"])
def test_a_proxy_loss_gets_its_sizes_also_where_a_parent_asks_for_them(name: str) -> None:
    pytest.importorskip("pytorch_metric_learning")
    objective = Objective(Stage(loss=f"pml:{name}"), dim=8, n_identities=8)
    objective.try_out()
    total, _ = objective(*batch(), None)
    total.backward()
    [weights] = list(objective.parameters())
    assert weights.shape[0] == 8
    assert weights.shape[1] % 8 == 0  # some of the library keep several centres an identity
    assert weights.grad is not None


def test_a_loss_of_the_library_that_fails_at_the_second_step_is_refused_at_once() -> None:
    pytest.importorskip("pytorch_metric_learning")
    objective = Objective(Stage(loss="pml:DynamicSoftMarginLoss"), dim=4, n_identities=2)
    with pytest.raises(InputError, match="DynamicSoftMarginLoss cannot be trained with"):
        objective.try_out()


@pytest.mark.parametrize(
    ("stage", "problem"),
    [
        (Stage(loss="semihard"), "'semihard' is not known"),
        (Stage(loss="semi-hard", options={"x": 1}), "'x' is not known"),
        (Stage(options={"margin": 0.3}), "margin is a key of the stage"),
        (Stage(metric="cosine"), "'cosine' is not known"),
    ],
)
def test_unknown_words_are_refused(stage: Stage, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Objective(stage, dim=8, n_identities=4)


@pytest.mark.parametrize("name", ["BaseMetricLossFunction", "VICRegLoss"])
def test_a_loss_of_the_library_that_takes_no_labels_is_refused_at_once(name: str) -> None:
    objective = Objective(Stage(loss=f"pml:{name}"), dim=4, n_identities=2)
    with pytest.raises(InputError, match=f"pml:{name} fails on a batch"):
        objective.try_out()


def test_options_reach_a_loss_of_ours() -> None:
    stage = Stage(loss="random-filter", options={"draw": "pairs", "keep": "violators"})
    objective = Objective(stage, dim=8, n_identities=4)
    assert objective.main == RandomFilterLoss(draw="pairs", keep="violators")


def test_the_shape_of_the_cloud_is_told() -> None:
    objective = Objective(Stage(), dim=8, n_identities=32)
    labels = torch.arange(256) % 32
    wide = torch.randn(256, 8)
    _, shares = objective(wide, labels, None)
    assert shares.resultant < 0.2
    assert shares.spread > 0.8
    _, shares = objective(wide * 0.01 + 1, labels, None)
    assert shares.resultant > 0.99
    line = torch.randn(256, 1) * torch.randn(1, 8) + 1e-3 * torch.randn(256, 8)
    _, shares = objective(line, labels, None)
    assert shares.spread < 0.2


def test_the_rate_warms_up_and_falls_to_almost_nothing() -> None:
    stage = Stage(lr=1.0, steps=1000, warm_up=100)
    rates = [rate_at(step, stage) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(1.0, abs=0.05)
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_shifts_and_scales_are_not_decayed() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    groups = make_optimizer([net], Stage(weight_decay=0.1)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert [len(group["params"]) for group in groups] == [1, 3]
    with pytest.raises(InputError, match="no optimizer is called 'adam'"):
        make_optimizer([net], Stage(optimizer="adam"))


def test_the_average_forgets_the_start_and_follows_statistics() -> None:
    net = torch.nn.BatchNorm1d(2)
    average = Average(net, 0.9)
    with torch.no_grad():
        net.weight.fill_(3.0)
        assert net.num_batches_tracked is not None
        net.num_batches_tracked.fill_(5)
    for _ in range(200):
        average.follow(net)
    torch.testing.assert_close(average.net.weight, torch.full((2,), 3.0))
    assert average.net.num_batches_tracked == 5
    assert not average.net.training


def test_joined_teachers_keep_who_is_alike() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(rng.normal(size=(40, 16)), 5, axis=0)
    said = []
    for dim in (12, 24):
        rows = (who + 0.3 * rng.normal(size=who.shape)) @ rng.normal(size=(16, dim)) + 2.0
        said.append((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))
    targets = join(said, 16)
    assert targets.shape == (200, 16)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(targets, axis=1), 1, atol=1e-5)
    assert np.abs(targets.mean(axis=0)).max() < 0.1
    spread = targets.std(axis=0)
    assert spread.max() / spread.min() < 2.5
    alike = targets @ targets.T
    same = np.kron(np.eye(40), np.ones((5, 5))).astype(bool)
    assert np.median(alike[same]) > 0.8
    assert np.quantile(alike[~same], 0.95) < np.quantile(alike[same], 0.05)


def test_targets_turn_to_where_a_student_stands() -> None:
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(50, 6)).astype(np.float32)
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    known = np.arange(0, 50, 3)
    found = turned(targets, known, (targets[known] @ turn).astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, targets @ turn, atol=1e-5)
    # Of another map they keep their own angles.
    other = rng.normal(size=(len(known), 6)).astype(np.float32)
    found = turned(targets, known, other)
    np.testing.assert_allclose(found @ found.T, targets @ targets.T, atol=1e-5)
    assert (found[known] * other).sum() > (targets[known] * other).sum()


def test_teachers_with_too_few_dimensions_are_refused() -> None:
    rows = np.eye(10, 4, dtype=np.float32)
    with pytest.raises(InputError, match="the teachers say 4 numbers an image, the net 8"):
        join([rows], 8)


def test_centres_find_who_looks_alike() -> None:
    centres = Centres(6, 2)
    angle = torch.tensor([0.0, 0.1, 1.5, 1.6, 3.0, 3.1])
    rows = torch.stack([angle.cos(), angle.sin()], dim=1)
    centres.follow(rows[:5], torch.arange(5))
    near = centres.find()
    assert {key: int(value[0]) for key, value in near.items()} == {0: 1, 1: 0, 2: 3, 3: 2, 4: 3}
    again = Centres(6, 2)
    again.restore({key: value.clone() for key, value in centres.state().items()})
    assert {k: v.tolist() for k, v in again.by_identity().items()} == {
        k: v.tolist() for k, v in near.items()
    }


def test_a_batch_never_holds_an_image_twice() -> None:
    labels = np.repeat(np.arange(10), 4).astype(np.int64)
    labels = np.concatenate([labels, np.full(7, -1)])
    stage = Stage(p=6, k=3, uniform=30, distil=1.0)
    batches = Batches(stage, labels, seed=0)
    for step in range(20):
        rows = batches.rows(step).tolist()
        assert len(set(rows)) == len(rows)
        assert rows == Batches(stage, labels, seed=0).rows(step).tolist()
    seen = {row for step in range(20) for row in batches.rows(step).tolist()}
    assert seen == set(range(47))


def test_without_a_teacher_only_labelled_images_are_drawn() -> None:
    labels = np.array([0, 0, 1, 1, -1, -1])
    batches = Batches(Stage(loss="cosface", p=2, k=2), labels, seed=0)
    assert {row for step in range(9) for row in batches.rows(step).tolist()} == {0, 1, 2, 3}
