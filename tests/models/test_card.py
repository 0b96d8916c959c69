"""The table of thresholds and the model id, against the definition."""

import doctest
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import facegate.models.card
from facegate.errors import InputError, NoThresholdError
from facegate.models.card import (
    Card,
    Part,
    Rate,
    example_card,
    joint_sum,
    model_id,
    split_model_id,
)

SUM = "ab" * 32
GRID = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]


def table(scores: list[float]) -> Card:
    rates = zip(GRID, sorted(scores), strict=False)
    return example_card([Rate(fmr, score, None, 100_000, 0, "") for fmr, score in rates])


def test_examples_of_the_docstrings() -> None:
    assert doctest.testmod(facegate.models.card).failed == 0


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9), st.floats(0.0005, 0.99))
def test_threshold_never_allows_more_false_matches_than_asked(
    scores: list[float], fmr: float
) -> None:
    card = table(scores)
    allowed = [rate for rate in card.thresholds if rate.fmr <= fmr]
    if not allowed:
        with pytest.raises(NoThresholdError):
            card.threshold_at(fmr)
        return
    found = card.threshold_at(fmr)
    assert found in allowed
    assert all(found.fmr >= rate.fmr for rate in allowed)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9), st.floats(-1, 1))
def test_rate_at_is_the_strictest_line_that_the_score_passes(
    scores: list[float], score: float
) -> None:
    card = table(scores)
    passed = [rate.fmr for rate in card.thresholds if score >= rate.score]
    found = card.rate_at(score)
    assert (None if found is None else found.fmr) == min(passed, default=None)


@given(st.lists(st.floats(-1, 1), min_size=9, max_size=9), st.sampled_from(GRID))
def test_a_score_on_the_threshold_is_accepted(scores: list[float], fmr: float) -> None:
    card = table(scores)
    found = card.rate_at(card.threshold_at(fmr).score)
    assert found is not None
    assert found.fmr <= fmr


def test_a_rate_that_float_arithmetic_spoiled_is_still_found() -> None:
    assert table([0.1 * i for i in range(9)]).threshold_at(0.1 * 0.1).fmr == 0.01


def test_nothing_measured_says_what_to_do() -> None:
    with pytest.raises(NoThresholdError, match=r"no measured threshold: .*--threshold X"):
        example_card().threshold_at(0.01)


@pytest.mark.parametrize("fmr", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_what_is_no_rate_is_refused(fmr: float) -> None:
    with pytest.raises(InputError, match=r"between 0 and 1"):
        example_card().threshold_at(fmr)


@pytest.mark.parametrize(
    "change",
    [
        {"input_size": 128},
        {"colour": "BGR"},
        {"mean": (0.0, 0.0, 0.0)},
        {"std": (1.0, 1.0, 1.0)},
        {"margin": 15},
        {"alignment": "landmarks", "margin": None, "template": ((1.0, 2.0),) * 5},
        {"architecture": "plain-t"},
        {"name": "other"},
    ],
)
def test_all_that_changes_embeddings_changes_the_model_id(change: dict[str, Any]) -> None:
    card = example_card()
    assert model_id(replace(card, **change), SUM) != model_id(card, SUM)


def test_weights_change_the_model_id() -> None:
    assert model_id(example_card(), SUM) != model_id(example_card(), "cd" * 32)


def test_templates_that_differ_have_different_ids() -> None:
    one = replace(example_card(), template=((1.0, 2.0),) * 5)
    other = replace(one, template=((1.0, 2.0),) * 4 + ((1.0, 2.5),))
    assert model_id(one, SUM) != model_id(other, SUM)


@pytest.mark.parametrize(
    "change", [{"title": "New"}, {"licence": "?"}, {"url": "https://x"}, {"measured": {"a": 1}}]
)
def test_words_do_not_change_the_model_id(change: dict[str, Any]) -> None:
    assert model_id(replace(example_card(), **change), SUM) == model_id(example_card(), SUM)


def test_model_id_is_the_same_in_every_release() -> None:
    assert model_id(example_card(), SUM) == "example-f9b2c3273ecd"


def test_a_model_id_splits_into_its_parts() -> None:
    assert split_model_id(model_id(example_card(), SUM))[0] == "example"
    assert split_model_id("facegate-0") == ("facegate-0", None)
    assert split_model_id("facegate-0-ABCDEFABCDEF") == ("facegate-0-ABCDEFABCDEF", None)


def test_several_files_have_one_sum_that_depends_on_each() -> None:
    assert joint_sum([SUM]) == SUM
    assert joint_sum([SUM, "c"]) != joint_sum([SUM, "d"])
    assert joint_sum(["c", SUM]) != joint_sum([SUM, "c"])


def test_parts_are_all_files_with_the_weight_file_first() -> None:
    card = replace(example_card(), sha256=SUM, files=(Part("b.bin"),))
    assert [part.file for part in card.parts] == ["example.onnx", "b.bin"]
    assert card.parts[0].sha256 == SUM
