"""Cards as files: round trips, and every way in which one can be wrong."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegate.errors import CardError, MachineError
from facegate.models.card import Part, Rate, example_card
from facegate.models.card_file import card_to_toml, load_card, parse_card, write_card

SUM = "0f" * 32
ROOT = Path(__file__).parents[2]

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = words | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.booleans()
tables = st.dictionaries(
    words,
    st.recursive(
        plain | st.lists(plain, max_size=3),
        lambda inner: st.dictionaries(words, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@given(tables)
def test_a_card_comes_back_as_it_was_written(measured: dict[str, Any]) -> None:
    card = replace(
        example_card(
            [Rate(0.1, 0.25, 0.01, 1000, 50, "by hand"), Rate(0.01, 0.5, None, 1000, 0, "")]
        ),
        architecture="file",
        file="net.xml",
        files=(Part("net.bin", SUM, 12, "https://example.org/net.bin"),),
        sha256=SUM,
        size_bytes=77,
        teacher="somebody",
        measured=measured,
    )
    assert parse_card(card_to_toml(card), where="x") == card


def test_a_card_of_landmarks_comes_back_too() -> None:
    card = replace(
        example_card(),
        alignment="landmarks",
        margin=None,
        template=((38.2946, 51.6963), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)),
    )
    assert parse_card(card_to_toml(card), where="x") == card


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    card = replace(example_card(), measured={"a": np.float32(0.5), "b": [np.float64(2)]})
    assert parse_card(card_to_toml(card), where="x").measured == {"a": 0.5, "b": [2.0]}


def test_written_and_loaded_from_a_file(tmp_path: Path) -> None:
    write_card(tmp_path / "card.toml", example_card())
    assert load_card(tmp_path / "card.toml") == example_card()


def test_a_wrong_card_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"dim 1 is out of range"):
        write_card(tmp_path / "card.toml", replace(example_card(), dim=1))
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match=r"card .* cannot be written .*: check the folder"):
        write_card(tmp_path / "file" / "card.toml", example_card())


def test_what_a_card_cannot_hold_is_named() -> None:
    with pytest.raises(ValueError, match=r"cannot hold a set; use numbers and text"):
        card_to_toml(replace(example_card(), measured={"a": {1}}))


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "cards").glob("*.toml")), ids=str)
def test_cards_of_the_docs_are_valid(path: Path) -> None:
    assert load_card(path).name == path.stem


def text(**changes: object) -> str:
    """The example card as TOML with some lines replaced, or left out where None."""
    lines = dict(line.split(" = ", 1) for line in card_to_toml(example_card()).splitlines())
    lines.update({key: str(value) for key, value in changes.items()})
    return "\n".join(f"{k} = {v}" for k, v in lines.items() if v != "None")


def threshold(**changes: object) -> str:
    values = {"fmr": 0.1, "score": 0.3, "impostors": 1000, "genuine": 9, "protocol": '"x"'}
    row = "\n".join(f"{key} = {value}" for key, value in {**values, **changes}.items())
    return f"{text(sha256=repr(SUM))}\n[[thresholds]]\n{row}\n"


WRONG = [
    (text(dimm=8), "unknown key 'dimm' in card x: did you mean dim\\?"),
    (text(zzzz=8), "unknown key 'zzzz' in card x: known are name, title"),
    (text(licence=None), "card x lacks 'licence': add it"),
    (text(licence=7), "'licence' in card x must be text: got 7"),
    (text(dim='"8"'), "'dim' in card x must be a whole number"),
    (text(dim="true"), "'dim' in card x must be a whole number: got True"),
    (text(dim="8.5"), "'dim' in card x must be a whole number: got 8.5"),
    (text(dim=10**30), "'dim' in card x is out of range"),
    (text(dim="9" * 5000), "card x is no TOML"),
    (text(mean="[1, 2]"), "mean in card x must be 3 numbers: got \\[1, 2\\]"),
    (text(mean="[1, 2, nan]"), "mean in card x must be 3 numbers"),
    (text(mean="7"), "mean in card x must be 3 numbers: got 7"),
    (text(std="[1, 2, 0]"), "std has a value that is not above 0 in card x"),
    (text(dim=1), "dim 1 is out of range in card x: 2 to 4096"),
    (text(dim=4097), "dim 4097 is out of range"),
    (text(input_size=8), "input_size 8 is out of range"),
    (text(input_size=1025), "input_size 1025 is out of range in card x: 16 to 1024"),
    (text(name='"Big"'), "'Big' is no name for a model"),
    (text(name='"../up"'), "'../up' is no name for a model"),
    (text(name='"m-0123456789ab"'), "is no name for a model .*not ending like a model id"),
    (text(title='" "'), "title is empty or not one line"),
    (text(licence='"a\\u001bb"'), "licence is empty or not one line"),
    (text(architecture='"resnet"'), "unknown architecture 'resnet' in card x: one of plain-t"),
    (text(architecture='"plain-t"'), "file 'example.onnx' does not go with .*\\.safetensors"),
    (text(file='"a.safetensors"'), "does not go with architecture 'file' .*\\.onnx, \\.xml"),
    (text(file='"../a.onnx"'), "'../a.onnx' is no plain file name"),
    (text(file='"a.xml"'), "0 further files for a.xml in card x: .*one .bin"),
    (text(file='"a.xml"') + '\n[[files]]\nfile = "b.bin"', "not called alike"),
    (text() + '\n[[files]]\nfile = "b.bin"', "1 further files for example.onnx"),
    (text() + '\n[[files]]\nfile = "example.onnx"', "two files have one name"),
    (text() + "\n[files]\na = 1", "files in card x is no array of tables"),
    (text() + '\n[[files]]\nname = "b.bin"', "unknown key 'name' in \\[\\[files\\]\\] in card x"),
    (text(sha256='"abc"'), "sha256 of example.onnx is no sum in card x: 64 lower case"),
    (text(size_bytes=0), "size_bytes of example.onnx is out of range"),
    (text(size_bytes=2_000_000_000), "size_bytes of example.onnx is out of range"),
    (text(url='"http://x/a"'), "url of example.onnx is no https address"),
    (text(url='"https://me@x/a"'), "url of example.onnx is no https address"),
    (text(colour='"GBR"'), "unknown colour 'GBR' in card x: RGB or BGR"),
    (text(alignment='"eyes"'), "unknown alignment 'eyes' in card x: landmarks or box"),
    (text(margin=None), "alignment 'box' goes with margin and without template"),
    (text(margin=112), "margin 112 is out of range"),
    (text(alignment='"landmarks"'), "alignment 'landmarks' goes with template and without margin"),
    (text(template="[[1, 2]]"), "template in card x has not five points"),
    (text(template="[[1, 2], [3, 4], [5, 6], [7, 8], 9]"), "template in card x must be 2 numbers"),
    (
        text(
            alignment='"landmarks"',
            margin=None,
            template=[[1, 2], [3, 4], [5, 6], [7, 8], [9, 112]],
        ),
        "template has a point outside the crop",
    ),
    (
        text(alignment='"landmarks"', margin=None, template=[[1, 2]] * 5),
        "template has too few different points",
    ),
    (threshold(fmr=0), "a line of thresholds is out of range"),
    (threshold(score=1.5), "a line of thresholds is out of range"),
    (threshold(score="nan"), "a line of thresholds is out of range"),
    (threshold(fnmr=2), "fnmr 2 is out of range"),
    (threshold(impostors=99), "99 impostor comparisons cannot support fmr 0.1 in card x"),
    (threshold(fnr=2), "unknown key 'fnr' .*did you mean fnmr\\?"),
    (
        threshold() + "[[thresholds]]\nfmr = 0.05\nscore = 0.2\nimpostors = 1000\n"
        'genuine = 0\nprotocol = "x"',
        "thresholds are not in order",
    ),
    (threshold().replace("sha256", "teacher"), "thresholds without sha256"),
    ("a = [", "card x is no TOML: .*correct that line"),
    ("a = " + "[" * 5000, "card x is no TOML"),
]


@pytest.mark.parametrize(("card", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_what_is_wrong_with_a_card_is_said_in_one_line(card: str, message: str) -> None:
    with pytest.raises(CardError, match=message) as caught:
        parse_card(card, where="x")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_line_of_thresholds_may_lack_fnmr() -> None:
    assert parse_card(threshold(), where="x").thresholds == (Rate(0.1, 0.3, None, 1000, 9, "x"),)


def test_files_that_are_no_cards(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"cannot be read: no such file"):
        load_card(tmp_path / "missing.toml")
    with pytest.raises(CardError, match=r"is no card"):
        load_card(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(CardError, match=r"is no text"):
        load_card(tmp_path / "binary")
    (tmp_path / "long").write_bytes(b"#" * 1_000_001)
    with pytest.raises(CardError, match=r"is no card"):
        load_card(tmp_path / "long")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CardError, match=r"is no card"):
        load_card(tmp_path / "pipe")
