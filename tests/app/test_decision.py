"""From a score to an answer: thresholds, their rates, and what happens without one."""

import math
from dataclasses import replace

import pytest

from facegate.decision import (
    FMR,
    FPIR,
    Basis,
    Comparison,
    RateAtScore,
    Search,
    Threshold,
    decide,
    is_too_poor,
)
from facegate.errors import NoThresholdError
from facegate.models.card import Card, Rate
from facegate.models.impostors import Line, Scale, Table


@pytest.fixture
def card() -> Card:
    table = [(1e-1, 0.2), (1e-2, 0.3), (1e-3, 0.4), (1e-4, 0.5)]
    rates = tuple(Rate(fmr, score, None, round(20 / fmr), 0, "made up") for fmr, score in table)
    return Card(
        name="made-up",
        title="made up",
        architecture="file",
        file="made-up.onnx",
        dim=4,
        licence="none",
        training_data="none",
        source="none",
        input_size=112,
        colour="RGB",
        mean=(0, 0, 0),
        std=(1, 1, 1),
        alignment="box",
        margin=0,
        thresholds=rates,
    )


def test_one_comparison_takes_the_tabled_threshold(card: Card) -> None:
    threshold = Basis(card).verification(1e-3)
    assert (threshold.score, threshold.rate) == (0.4, 1e-3)


def test_the_best_of_ten_takes_the_threshold_of_a_tenth_of_the_rate(card: Card) -> None:
    threshold = Basis(card).verification(1e-2, Comparison(templates=10))
    assert threshold.score == 0.4
    assert threshold.rate == pytest.approx(1e-2)


def test_a_rate_smaller_than_the_table_supports_is_refused(card: Card) -> None:
    with pytest.raises(NoThresholdError, match=r"0\.0001"):
        Basis(card).verification(1e-6)


def test_identification_divides_the_rate_by_the_templates(card: Card) -> None:
    threshold = Basis(card).identification(1e-2, Search(100, 100))
    assert (threshold.score, threshold.note) == (0.5, "")
    assert threshold.rate == pytest.approx(1e-2)


def test_identification_falls_back_to_the_smallest_rate_and_says_so(card: Card) -> None:
    threshold = Basis(card).identification(1e-2, Search(10_000, 10_000))
    assert threshold.score == 0.5
    assert threshold.rate == pytest.approx(1.0)
    assert "bounds FPIR at 1" in threshold.note


def test_a_card_without_thresholds_has_none_to_give(card: Card) -> None:
    bare = replace(card, thresholds=())
    with pytest.raises(NoThresholdError, match="made-up"):
        Basis(bare).identification(1e-2, Search(1, 1))
    with pytest.raises(NoThresholdError, match="made-up"):
        Basis(bare).verification(1e-2)


def test_the_rate_at_a_score_is_an_upper_bound(card: Card) -> None:
    basis = Basis(card)
    assert basis.rate_at(0.45) == RateAtScore(1e-3)
    assert basis.rate_at(0.4) == RateAtScore(1e-3)
    best_of_three = basis.rate_at(0.45, Comparison(templates=3))
    assert best_of_three is not None
    assert best_of_three.rate == pytest.approx(3e-3)
    assert basis.rate_at(0.1) is None
    searched = basis.search_rate_at(0.45, Search(20, 10))
    assert searched is not None
    assert searched.rate == pytest.approx(2e-2)


@pytest.fixture
def scale() -> Scale:
    """One template, and the best of five."""
    one = [
        Line(1e-1, 0.2, 0.08, 0.12),
        Line(1e-2, 0.3, 8e-3, 1.2e-2),
        Line(1e-3, 0.4, 8e-4, 1.2e-3),
    ]
    five = [Line(1e-1, 0.25, 0.08, 0.12), Line(1e-2, 0.36, 8e-3, 1.2e-2)]
    return Scale((Table(1, tuple(one), 10_000, 50), Table(5, tuple(five), 1_000, 50)))


def test_statistics_know_the_best_of_several_templates(card: Card, scale: Scale) -> None:
    basis = Basis(card, scale)
    assert basis.verification(1e-2).score == 0.3
    assert basis.verification(1e-2, Comparison(templates=4)).score == 0.36
    at = basis.rate_at(0.37, Comparison(templates=5))
    assert at == RateAtScore(1e-2, (0.8 * 1e-2, 1.2 * 1e-2))


def test_statistics_that_cannot_support_a_rate_name_the_smallest(card: Card, scale: Scale) -> None:
    with pytest.raises(NoThresholdError, match=r"smallest they support is 0\.01"):
        Basis(card, scale).verification(1e-3, Comparison(templates=5))
    with pytest.raises(NoThresholdError, match=r"smallest they support here is 0\.02"):
        Basis(card, scale).verification(1e-3, Comparison(templates=10))


def test_a_search_takes_the_better_of_two_bounds(card: Card, scale: Scale) -> None:
    basis = Basis(card, scale)
    # Ten people with five templates each: 50 comparisons of one, or 10 of the best of five.
    assert basis.identification(0.1, Search(50, 10)).score == 0.36
    assert basis.identification(0.1, Search(10, 10)).score == 0.3
    lone = basis.search_rate_at(0.36, Search(50, 10))
    assert lone is not None
    assert lone.rate == pytest.approx(0.1)


def test_a_calibrated_decision_is_open_where_the_interval_holds_the_target(
    card: Card, scale: Scale
) -> None:
    basis = Basis(card, scale, "cal-1")
    threshold = basis.verification(1e-2)
    assert threshold.source == "cal-1"
    answers = [decide(score, threshold, basis.rate_at(score)) for score in (0.1, 0.25, 0.35, 0.41)]
    assert answers == [False, False, None, True]


def test_where_no_rate_is_asked_for_the_calibration_says_it(card: Card, scale: Scale) -> None:
    usual, own = Basis(card, scale), Basis(card, scale, "cal-1", fmr=0.1, fpir=0.2)
    assert usual.verification() == usual.verification(FMR)
    assert own.verification() == own.verification(0.1) != own.verification(0.01)
    search = Search(1, 1)
    assert usual.identification(None, search) == usual.identification(FPIR, search)
    assert own.identification(None, search) == own.identification(0.2, search)


def test_without_a_calibration_the_threshold_alone_decides(card: Card, scale: Scale) -> None:
    basis = Basis(card, scale)
    threshold = basis.verification(1e-2)
    assert decide(0.3, threshold, basis.rate_at(0.3)) is True
    assert decide(0.29, threshold, basis.rate_at(0.29)) is False
    given = Threshold(0.5, None, "user")
    assert decide(0.5, given, None) is True


def test_a_threshold_is_a_number() -> None:
    with pytest.raises(ValueError, match="a threshold must be a number, got nan"):
        Threshold(math.nan, None, "user")


def test_two_poor_faces_are_worse_than_one() -> None:
    """Two photographs with the same blur look alike whoever is in them."""
    assert not is_too_poor(0.2)
    assert is_too_poor(0.19)
    assert not is_too_poor(0.4, 0.2)
    assert is_too_poor(0.39, 0.39)
    assert is_too_poor(0.19, 1.0)
    assert not is_too_poor(None, 0.3)


@pytest.mark.parametrize("rate", [0.0, 1.0, -1e-3, float("nan")])
def test_what_is_no_rate_has_no_threshold(card: Card, scale: Scale, rate: float) -> None:
    for basis in (Basis(card), Basis(card, scale)):
        with pytest.raises(ValueError, match="lies above 0 and below 1"):
            basis.verification(rate)
        with pytest.raises(ValueError, match="lies above 0 and below 1"):
            basis.identification(rate, Search(1, 1))
