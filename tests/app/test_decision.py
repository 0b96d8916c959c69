"""From a score to an answer: thresholds, their rates, and what happens without one."""

from dataclasses import replace

import pytest

from facegate.decision import identification_threshold, rate_at, verification_threshold
from facegate.errors import NoThresholdError
from facegate.models.card import Card, Rate


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
    threshold = verification_threshold(card, 1e-3)
    assert (threshold.score, threshold.rate) == (0.4, 1e-3)


def test_the_best_of_ten_takes_the_threshold_of_a_tenth_of_the_rate(card: Card) -> None:
    threshold = verification_threshold(card, 1e-2, comparisons=10)
    assert threshold.score == 0.4
    assert threshold.rate == pytest.approx(1e-2)


def test_a_rate_smaller_than_the_table_supports_is_refused(card: Card) -> None:
    with pytest.raises(NoThresholdError, match=r"0\.0001"):
        verification_threshold(card, 1e-6)


def test_identification_divides_the_rate_by_the_templates(card: Card) -> None:
    threshold = identification_threshold(card, 1e-2, templates=100)
    assert (threshold.score, threshold.rate, threshold.note) == (0.5, pytest.approx(1e-2), "")


def test_identification_falls_back_to_the_smallest_rate_and_says_so(card: Card) -> None:
    threshold = identification_threshold(card, 1e-2, templates=10_000)
    assert threshold.score == 0.5
    assert threshold.rate == pytest.approx(1.0)
    assert "bounds FPIR at 1" in threshold.note


def test_a_card_without_thresholds_has_none_to_give(card: Card) -> None:
    bare = replace(card, thresholds=())
    with pytest.raises(NoThresholdError, match="made-up"):
        identification_threshold(bare, 1e-2, templates=1)
    with pytest.raises(NoThresholdError, match="made-up"):
        verification_threshold(bare, 1e-2)


def test_the_rate_at_a_score_is_an_upper_bound(card: Card) -> None:
    assert rate_at(card, 0.45) == 1e-3
    assert rate_at(card, 0.4) == 1e-3
    assert rate_at(card, 0.45, comparisons=3) == pytest.approx(3e-3)
    assert rate_at(card, 0.1) is None
