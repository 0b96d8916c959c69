import logging
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models.losses.distances import pair_distances, pairwise_distances, unit_rows

calm = settings(deadline=None, derandomize=True, max_examples=60)


@calm
@given(
    st.lists(st.tuples(*[st.floats(-10, 10)] * 3), min_size=1, max_size=8),
    st.sampled_from(["euclidean", "squared"]),
)
def test_agrees_with_the_definition(rows: list[tuple[float, ...]], metric: str) -> None:
    got = pairwise_distances(torch.tensor(rows, dtype=torch.float64), metric=metric)
    power = 2 if metric == "squared" else 1
    wanted = [[math.dist(a, b) ** power for b in rows] for a in rows]
    # The Gram matrix of values up to 10 carries errors near 1e-13, whose root is 3e-7.
    atol = 1e-12 if metric == "squared" else 1e-6
    torch.testing.assert_close(got, torch.tensor(wanted, dtype=torch.float64), rtol=0, atol=atol)


@pytest.mark.parametrize("metric", ["euclidean", "squared"])
def test_is_never_negative_and_zero_on_the_diagonal(metric: str) -> None:
    rows = torch.nn.functional.normalize(torch.randn(50, 128).repeat(2, 1), dim=1)
    d = pairwise_distances(rows, metric=metric)
    assert (d >= 0).all()
    assert not d.diagonal().any()


def test_gradient_is_finite_for_equal_rows() -> None:
    rows = torch.ones(2, 3, requires_grad=True)
    pairwise_distances(rows).sum().backward()
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()


def test_gradient_of_a_tiny_distance_is_not_blown_up() -> None:
    """At d = 1e-7 a guard at exactly 0 alone would multiply the gradient by 5e6."""
    rows = torch.tensor([[0.0], [1e-7]], dtype=torch.float64, requires_grad=True)
    pair_distances(rows[:1], rows[1:], metric="euclidean").sum().backward()
    assert rows.grad is not None
    assert rows.grad.abs().max() <= 1


def test_float32_errors_stay_near_a_millionth() -> None:
    rows = torch.nn.functional.normalize(torch.randn(300, 128, dtype=torch.float64), dim=1)
    exact = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square()
    got = pairwise_distances(rows.float(), metric="squared")
    assert (got - exact).abs().max() < 3e-6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_input_is_measured_in_full(dtype: torch.dtype) -> None:
    rows = torch.randn(5, 8).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        d = pairwise_distances(rows)
    assert d.dtype == torch.float32
    d.sum().backward()
    assert rows.grad is not None
    assert rows.grad.dtype == dtype


def test_refuses_a_single_embedding() -> None:
    with pytest.raises(ValueError, match=r"shape \(batch, dim\), got \(128,\)"):
        pairwise_distances(torch.zeros(128))


def test_zero_rows_are_counted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    with caplog.at_level(logging.WARNING):
        unit, n_zero = unit_rows(rows)
    assert n_zero == 1
    assert "1 of 2 embeddings are zero" in caplog.text
    torch.testing.assert_close(unit, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    unit.sum().backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()
