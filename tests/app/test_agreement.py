"""Which samples of one person agree with one another."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facegate.agreement import AGREEMENT_FMR, agreeing, agreement_score
from facegate.models.card import Rate, example_card
from facegate.models.values import Floats

NOBODY = np.zeros((0, 4), np.float32)


def unit(*rows: list[float]) -> Floats:
    array = np.array(rows, np.float32)
    unit_rows: Floats = array / np.linalg.norm(array, axis=1, keepdims=True)
    return unit_rows


def test_a_model_of_few_people_has_a_score_to_agree_by() -> None:
    """One whose card ends at FMR 0.1, as of a first run on sixty people, can be enrolled with."""
    few = [Rate(fmr, score, None, 100, 0, "") for fmr, score in ((0.5, 0.1), (0.1, 0.4))]
    assert agreement_score(example_card(few)) == 0.4
    many = [*few, Rate(AGREEMENT_FMR, 0.6, None, 500, 0, ""), Rate(0.01, 0.7, None, 1000, 0, "")]
    assert agreement_score(example_card(many)) == 0.6
    assert agreement_score(example_card([])) is None


def test_one_sample_alone_agrees() -> None:
    assert agreeing(unit([1, 0, 0, 0]), NOBODY, 0.9).tolist() == [True]


def test_a_stranger_among_three_is_left_out() -> None:
    samples = unit([1, 0.1, 0, 0], [0, 0, 1, 0], [1, 0, 0.1, 0])
    assert agreeing(samples, NOBODY, 0.5).tolist() == [True, False, True]


def test_of_two_strangers_the_first_stays() -> None:
    assert agreeing(unit([1, 0, 0, 0], [0, 1, 0, 0]), NOBODY, 0.5).tolist() == [True, False]


def test_templates_that_are_enrolled_decide() -> None:
    enrolled = unit([0, 1, 0, 0])
    samples = unit([1, 0, 0, 0], [1, 0.01, 0, 0], [0.1, 1, 0, 0])
    assert agreeing(samples, enrolled, 0.5).tolist() == [False, False, True]


def test_a_score_on_the_threshold_agrees() -> None:
    assert agreeing(unit([1, 0, 0, 0]), unit([1, 0, 0, 0]), 1.0).tolist() == [True]


@settings(deadline=None, derandomize=True)
@given(
    arrays(np.float32, (5, 4), elements=st.floats(0.125, 1, width=32)),
    st.floats(-1, 1),
    st.permutations(range(5)),
)
def test_somebody_always_stays_and_order_hardly_matters(
    rows: Floats, threshold: float, order: list[int]
) -> None:
    samples = unit(*rows.tolist())
    kept = agreeing(samples, NOBODY, threshold)
    assert kept.any()
    everybody = (samples @ samples.T >= threshold).all()
    if everybody:
        assert kept.all()
        assert agreeing(samples[order], NOBODY, threshold).all()


def test_of_two_strangers_rounding_does_not_choose() -> None:
    shorter = np.array([[0.99999994, 0], [0, 1]], np.float32)  # as rounding leaves unit rows
    for rows in (shorter, shorter[::-1]):
        assert agreeing(rows, np.zeros((0, 2), np.float32), 0.5).tolist() == [True, False]
