"""Which models there are, and how one is loaded by name or by id."""

import hashlib
import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facegate.errors import CardError, InputError, ModelMissingError, WeightsError
from facegate.models import zoo
from facegate.models.card_file import load_card, write_card
from facegate.models.shelf.install import add, install
from facegate.models.shelf.trial import portrait_crops
from facegate.models.shelf.weights import CARDS, checked_weights, model_folder
from facegate.models.zoo import card, cards, installed, installed_id, keep_card, load_embedder


@pytest.fixture
def tiny(tiny_model: Path, empty_home: Path) -> Path:
    """The tiny model, added to an empty home; its folder there."""
    add(tiny_model / "tiny.onnx", tiny_model / "tiny.toml")
    return empty_home / "models" / "tiny"


def test_packaged_cards_are_valid_and_called_as_their_files(empty_home: Path) -> None:
    paths = sorted(CARDS.glob("*.toml"))
    assert {"mobilefacenet", "vggface2", "casia-webface"} <= {path.stem for path in paths}
    for path in paths:
        assert load_card(path).name == path.stem
    assert set(cards()) == {path.stem for path in paths}


def test_every_packaged_card_says_where_it_comes_from(empty_home: Path) -> None:
    for known in cards().values():
        for fact in (known.licence, known.training_data, known.source):
            assert len(fact) > 3


def test_models_of_the_user_are_listed_with_the_others(tiny: Path) -> None:
    assert cards()["tiny"].title == "Means of squares"
    assert installed(card("tiny"))


def test_an_unknown_name_hints_at_the_nearest(empty_home: Path) -> None:
    with pytest.raises(
        InputError, match=r"no model is called 'mobilefacnet': did you mean mobilefa"
    ):
        card("mobilefacnet")
    with pytest.raises(InputError, match=r"no model is called 'q': known are .*vggface2"):
        card("q")


@pytest.mark.parametrize("name", ["", "../cards/vggface2", "a\0b", "x" * 300, "VGGFACE2", "é"])
def test_odd_names_are_unknown_names(empty_home: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"no model is called") as caught:
        load_embedder(name)
    assert len(str(caught.value)) < 400


def test_a_model_that_is_not_installed_says_how_to_install_it(empty_home: Path) -> None:
    assert not installed(card("vggface2"))
    assert installed_id(card("vggface2")) is None
    with pytest.raises(ModelMissingError, match=r"`facegate models install vggface2`.*--from DIR"):
        load_embedder("vggface2")


def test_a_model_is_loaded_by_name_and_by_its_id(tiny: Path) -> None:
    embedder = load_embedder("tiny", device="cpu")
    assert embedder.model_id == installed_id(card("tiny"))
    again = load_embedder(embedder.model_id, device="cpu")
    np.testing.assert_array_equal(again(portrait_crops(64)), embedder(portrait_crops(64)))


def test_an_id_of_other_weights_is_missing_not_replaced(tiny: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"tiny-0123456789ab is not on this machine; the"):
        load_embedder("tiny-0123456789ab")


def test_embeddings_do_not_depend_on_the_batch(tiny: Path, astronaut: np.ndarray) -> None:
    embedder = load_embedder("tiny", device="cpu")
    crops = np.stack([astronaut[i : i + 64, 2 * i : 2 * i + 64] for i in range(0, 210, 2)])
    together = embedder(crops)
    alone = np.concatenate([embedder(crop[None]) for crop in crops])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_damaged_weights_are_not_loaded(tiny: Path, damage: str) -> None:
    file = tiny / "tiny.onnx"
    whole = file.read_bytes()
    stated = hashlib.sha256(whole).hexdigest()
    if damage == "remove":
        file.unlink()
        message = "tiny.onnx is missing"
    else:
        changed = bytes([whole[0] ^ 1]) + whole[1:] if damage == "flip" else whole[:-1]
        file.write_bytes(changed)
        message = f"sha256 {hashlib.sha256(changed).hexdigest()}.*{stated}"
    with pytest.raises(WeightsError, match=message) as caught:
        load_embedder("tiny")
    assert caught.value.exit_status == 4
    assert "facegate models add" in caught.value.hint


def test_weights_that_may_not_be_read_are_said(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("facegate.models.shelf.weights.file_sum", refuse)
    with pytest.raises(WeightsError, match=r"tiny.onnx may not be read"):
        load_embedder("tiny")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"published": [], "kept": []}', '{"published": 3, "kept": 3}']
)
def test_a_damaged_record_is_named_and_hides_no_other_model(tiny: Path, text: str) -> None:
    (tiny / "installed.json").write_text(text)
    with pytest.raises(WeightsError, match=r"installed.json is damaged"):
        load_embedder("tiny")
    assert {"tiny", "vggface2"} <= set(cards())


def test_a_record_that_points_elsewhere_is_damaged(tiny: Path) -> None:
    record = json.loads((tiny / "installed.json").read_text())
    record["kept"][0]["file"] = "../../secret"
    (tiny / "installed.json").write_text(json.dumps(record))
    with pytest.raises(WeightsError, match=r"installed.json is damaged"):
        load_embedder("tiny")


def test_a_card_that_names_other_weights_than_the_installed_is_refused(tiny: Path) -> None:
    write_card(tiny / "card.toml", replace(card("tiny"), sha256="ab" * 32))
    with pytest.raises(WeightsError, match=rf"not those of its card .card {'ab' * 32}, installed"):
        load_embedder("tiny")


def test_a_damaged_card_hides_no_other_model(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tiny / "card.toml").write_text("name = ")
    with caplog.at_level(logging.WARNING):
        assert "vggface2" in cards()
    assert "is no TOML" in caplog.text
    with pytest.raises(CardError, match=r"is no TOML"):
        card("tiny")


def test_a_card_in_the_folder_of_another_is_refused(tiny: Path) -> None:
    write_card(tiny / "card.toml", replace(card("tiny"), name="other"))
    with pytest.raises(CardError, match=r"is of other: the folder has its name"):
        card("tiny")


def test_a_card_with_new_figures_is_kept_beside_the_weights(tiny: Path) -> None:
    known = card("tiny")
    path = keep_card(replace(known, measured={"faces_per_second": 12.5}))
    assert path == tiny / "card.toml"
    assert card("tiny").measured == {"faces_per_second": 12.5}
    assert installed_id(card("tiny")) == installed_id(known)


def test_a_packaged_card_may_get_figures_of_this_machine(empty_home: Path) -> None:
    keep_card(replace(card("mobilefacenet"), measured={"faces_per_second": 9}))
    assert card("mobilefacenet").measured == {"faces_per_second": 9}
    assert cards()["mobilefacenet"].measured == {"faces_per_second": 9}
    assert not installed(card("mobilefacenet"))


def test_a_card_of_other_weights_is_not_kept(tiny: Path) -> None:
    with pytest.raises(CardError, match=r"belongs to other weights"):
        keep_card(replace(card("tiny"), sha256="ab" * 32))


def test_a_card_at_home_for_older_weights_gives_way_to_the_packaged_one(empty_home: Path) -> None:
    old = replace(card("mobilefacenet"), title="Old", sha256="ab" * 32)
    write_card(model_folder("mobilefacenet") / "card.toml", old)
    assert card("mobilefacenet").title != "Old"


def test_a_cached_model_is_loaded_without_torch(
    test_data: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("mobilefacenet", source=test_data / "models")
    program = (
        "import sys; from facegate.models.zoo import load_embedder; import numpy as np;"
        "e = load_embedder('mobilefacenet', device='cpu');"
        "e(np.zeros((1, 112, 112, 3), np.uint8) + 9);"
        "print([m for m in ('torch', 'cv2', 'safetensors', 'facenet_pytorch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"


def test_weights_that_come_with_facegate_are_checked_too(
    empty_home: Path, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = tmp_path / "package"
    packaged.mkdir()
    for module in (zoo, sys.modules["facegate.models.shelf.weights"]):
        monkeypatch.setattr(module, "CARDS", packaged)
    monkeypatch.setattr("facegate.models.shelf.weights.WEIGHTS", packaged)
    (packaged / "tiny.onnx").write_bytes((tiny_model / "tiny.onnx").read_bytes())
    write_card(packaged / "tiny.toml", load_card(tiny_model / "tiny.toml"))
    assert load_embedder("tiny", device="cpu").dim == 48
    assert checked_weights(card("tiny")).folder == packaged
    write_card(packaged / "tiny.toml", replace(card("tiny"), sha256="ab" * 32))
    with pytest.raises(WeightsError, match=rf"not {'ab' * 32}: install facegate again"):
        load_embedder("tiny")
