import json

import pytest

from facegate.errors import NoThresholdError
from facegate.models.impostors import Line, Scale, Table, rounded_up


def table(best_of: int, shift: float, n: int = 10_000) -> Table:
    rates = [0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]
    lines = [Line(r, shift + 0.1 * k, 0.7 * r, 1.4 * r) for k, r in enumerate(rates)]
    return Table(best_of, tuple(lines), n, 60)


@pytest.fixture
def scale() -> Scale:
    return Scale((table(1, 0.0), table(3, 0.05), table(10, 0.1)))


def test_a_rate_between_two_lines_takes_the_stricter(scale: Scale) -> None:
    assert scale.threshold(0.01).fmr == 0.01
    assert scale.threshold(0.015).fmr == 0.01
    assert scale.threshold(0.02).fmr == 0.02


def test_a_score_has_the_rate_of_the_strictest_line_it_reaches(scale: Scale) -> None:
    at = scale.at(0.25)
    assert at is not None
    assert at.fmr == 0.02
    assert scale.at(-0.1) is None


def test_numbers_of_templates_take_the_next_larger_table(scale: Scale) -> None:
    assert scale.table(2)[0].best_of == 3
    assert scale.table(10) == (scale.tables[2], 1)
    assert scale.table(25) == (scale.tables[2], 3)
    many = scale.threshold(0.01, templates=25)
    assert many.score == scale.tables[2].threshold(0.01 / 3).score
    assert many.fmr == pytest.approx(3 * 0.002)


def test_what_cannot_be_supported_names_the_smallest(scale: Scale) -> None:
    with pytest.raises(NoThresholdError, match=r"10,000 comparisons of 60 people .* is 0\.001"):
        scale.threshold(1e-4)
    with pytest.raises(NoThresholdError, match=r"smallest they support here is 0\.01"):
        scale.threshold(1e-3, comparisons=10)


def test_between_the_ends_of_the_band_the_counts_do_not_tell(scale: Scale) -> None:
    low, high = scale.tables[0].band(0.01)
    assert low == pytest.approx(0.3)
    assert high == pytest.approx(0.4)
    assert scale.tables[0].band(0.001)[1] == pytest.approx(0.6)


def test_a_search_counts_templates_or_identities_with_their_best(scale: Scale) -> None:
    both = scale.search_threshold(0.1, templates=30, identities=10)
    assert both.score == scale.tables[1].threshold(0.01).score  # 10 x best of 3 beats 30 x 1
    at = scale.search_at(both.score, templates=30, identities=10)
    assert at is not None
    assert at.fmr == pytest.approx(0.1)
    with pytest.raises(NoThresholdError):
        scale.search_threshold(1e-3, templates=1000, identities=1000)


def test_a_threshold_rises_with_the_gallery(scale: Scale) -> None:
    scores = [scale.search_threshold(0.1, templates=n, identities=n).score for n in (1, 10, 100)]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


def test_tables_survive_json_with_scores_rounded_up(scale: Scale) -> None:
    again = Scale.from_json(json.loads(json.dumps(scale.as_json())))
    for before, after in zip(scale.tables, again.tables, strict=True):
        assert (before.best_of, before.n_comparisons) == (after.best_of, after.n_comparisons)
        for one, other in zip(before.lines, after.lines, strict=True):
            assert one.fmr == other.fmr
            assert one.score <= other.score < one.score + 2e-6


@pytest.mark.parametrize("value", [None, [], [{}], [{"best_of": 1, "lines": []}], "text"])
def test_what_are_no_tables_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="tables of impostor scores"):
        Scale.from_json(value)


def test_the_smallest_rate_as_it_is_told_is_not_below_the_real_one() -> None:
    for rate in (1.231, 0.0705000001, 0.07051, 5e-06, 0.99999):
        assert rate * (1 - 1e-6) <= rounded_up(rate) <= rate * 1.01


def test_a_search_names_the_smallest_rate_that_it_supports(scale: Scale) -> None:
    with pytest.raises(NoThresholdError, match=r"among 30 templates: the smallest .* is 0\.01$"):
        scale.search_threshold(1e-3, templates=30, identities=10)
    assert scale.search_threshold(0.01, templates=30, identities=10).fmr == pytest.approx(0.01)
