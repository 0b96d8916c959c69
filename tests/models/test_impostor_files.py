import json
from pathlib import Path

import pytest

from facegate.errors import CardError
from facegate.models.card import split_model_id
from facegate.models.impostor_files import (
    ImpostorStatistics,
    keep_statistics,
    load_statistics,
)
from facegate.models.impostors import BEST_OF, Line, Scale, Table
from facegate.models.shelf.weights import CARDS
from facegate.models.zoo import DEFAULT_MODEL, card, installed_id


@pytest.fixture
def scale() -> Scale:
    return Scale((Table(1, (Line(0.1, 0.2, 0.05, 0.15),), 10_000, 60),))


def test_statistics_are_kept_and_belong_to_one_model_id(facegate_home: Path, scale: Scale) -> None:
    statistics = ImpostorStatistics("m-0123456789ab", "made up", "2026-11-25", scale)
    path = keep_statistics(statistics)
    assert path == facegate_home / "models" / "m" / "impostors.json"
    found = load_statistics("m-0123456789ab")
    assert found is not None
    assert (found.model, found.protocol) == ("m-0123456789ab", "made up")
    assert load_statistics("m-ffffffffffff") is None
    assert load_statistics("other-0123456789ab") is None


def test_damaged_statistics_are_named(facegate_home: Path, scale: Scale) -> None:
    path = keep_statistics(ImpostorStatistics("m-0123456789ab", "", "", scale))
    path.write_text(path.read_text()[:50])
    with pytest.raises(CardError, match=r"impostors\.json cannot be read"):
        load_statistics("m-0123456789ab")


@pytest.mark.parametrize("path", sorted(CARDS.glob("*.impostors.json")), ids=lambda path: path.name)
def test_what_ships_is_counts_and_quantiles_of_the_model_it_is_named_after(path: Path) -> None:
    value = json.loads(path.read_text("utf-8"))
    assert set(value) == {"model", "protocol", "date", "tables"}
    assert split_model_id(value["model"])[0] == path.name.removesuffix(".impostors.json")
    assert "split cal" in value["protocol"]
    assert [table["best_of"] for table in value["tables"]] == list(BEST_OF)
    for table in value["tables"]:
        assert set(table) == {"best_of", "comparisons", "people", "lines"}
        assert all(len(line) == 4 for line in table["lines"])


def test_the_default_model_ships_with_statistics_of_its_own(facegate_home: Path) -> None:
    model_id = installed_id(card(DEFAULT_MODEL))
    assert model_id is not None
    assert load_statistics(model_id) is not None


def test_a_home_that_is_a_file_holds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FACEGATE_HOME", str(tmp_path / "file"))
    assert load_statistics("m-0123456789ab") is None
