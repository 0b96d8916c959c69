"""``facegate models``: what it prints, its JSON, and how it ends."""

import io
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from facegate.cli import run
from facegate.cli.common import Output
from facegate.cli.models import _bar, command
from facegate.models.align import warp
from facegate.models.card import Rate
from facegate.models.card_file import load_card, write_card
from facegate.models.zoo import Embedder, load_embedder

ROOT = Path(__file__).parents[2]
REID_CARD = ROOT / "docs" / "cards" / "reid-0095.toml"


@pytest.fixture
def tiny(tiny_model: Path, empty_home: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The tiny model, added; its folder at home."""
    files = (str(tiny_model / "tiny.onnx"), "--card", str(tiny_model / "tiny.toml"))
    assert run(["models", "add", *files]) == 0
    capsys.readouterr()
    return empty_home / "models" / "tiny"


def printed(capsys: pytest.CaptureFixture[str], arguments: list[str], status: int = 0) -> str:
    assert run(["models", *arguments]) == status
    return capsys.readouterr().out


def test_list_shows_licence_and_what_is_installed(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(capsys, ["list"]).splitlines()
    rows = {line.split()[0]: line for line in lines[1:]}
    assert rows["tiny"].split() == [
        *("tiny", "yes", "48", "64", "px"),
        *("0.0", "MB", "unknown", "MIT"),
    ]
    assert rows["vggface2"].endswith("none stated for the weights: for research only")
    assert rows["vggface2"].split()[1] == "no"
    assert lines[0].split() == [
        *("model", "installed", "dim", "input", "size", "faces/s", "licence"),
    ]


def test_list_as_json(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in json.loads(printed(capsys, ["list", "--json"]))["models"]}
    assert list(rows["tiny"]) == [
        *("name", "title", "installed", "default", "model_id", "dim", "input_size"),
        *("size_bytes", "faces_per_second", "licence", "training_data"),
    ]
    assert rows["tiny"]["model_id"] == load_embedder("tiny").model_id
    assert rows["vggface2"]["model_id"] is None


def test_a_damaged_record_is_seen_in_the_list(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny / "installed.json").write_text("{")
    assert "damaged" in printed(capsys, ["list"])


def test_info_tells_everything_with_counts(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = load_card(tiny / "card.toml")
    rates = (
        Rate(0.1, 0.25, 0.0625, 1234, 56, "two portraits"),
        Rate(0.01, 0.5, None, 1234, 0, "none of them"),
    )
    figures = {"faces_per_second": 12.5, "people": {"val": 3}}
    write_card(tiny / "card.toml", replace(kept, thresholds=rates, measured=figures, teacher="T"))
    text = printed(capsys, ["info", "tiny"])
    for fact in (
        *("Means of squares", "MIT", "made for tests", str(tiny), load_embedder("tiny").model_id),
        *("64 px RGB, five landmarks", "(x - 127.5) / 128", str(kept.sha256), "teacher        T"),
        "thresholds     two portraits\n",
        "FMR 0.1      score +0.2500  of 1234 impostors, FNMR 0.0625 of 56\n",
        "thresholds     none of them\n",
        "FMR 0.01     score +0.5000  of 1234 impostors, FNMR not measured\n",
        *("faces_per_second 12.5", "people\n    val"),
    ):
        assert fact in text
    answer = json.loads(printed(capsys, ["info", "tiny", "--json"]))
    assert answer["thresholds"][0]["impostors"] == 1234
    assert answer["folder"] == str(tiny)


def test_info_of_a_model_that_is_not_installed(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, ["info", "vggface2"])
    for fact in (
        *("face box, margin 14 px", "not known; recorded at first install", "none measured"),
        "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/",
    ):
        assert fact in text


def test_an_unknown_model_is_one_line_and_2(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in (["info"], ["install"], ["verify"], ["export", "--onnx", "x.onnx"]):
        assert run(["models", *verb, "vgface2"]) == 2
        wanted = "facegate: no model is called 'vgface2': did you mean vggface2?\n"
        assert capsys.readouterr().err == wanted


def test_verify_is_0_when_sound_and_1_with_findings(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "tiny: sound" in printed(capsys, ["verify"])
    (tiny / "tiny.onnx").write_bytes(b"x")
    assert "tiny: tiny.onnx has 1 bytes and sha256 2d71" in printed(capsys, ["verify"], 1)
    answer = json.loads(printed(capsys, ["verify", "tiny", "--json"], 1))
    assert answer["models"] == ["tiny"]
    assert list(answer["findings"][0]) == ["model", "message", "hint"]


def test_verify_of_a_model_that_is_not_here_is_4(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(capsys, ["verify", "vggface2"], 4)


def test_a_download_needs_a_yes_after_the_licence(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "install", "mobilefacenet"]) == 2
    errors = capsys.readouterr().err
    assert "licence        Apache-2.0" in errors
    assert "training data  refined MS-Celeb-1M" in errors
    assert errors.endswith(
        "facegate: mobilefacenet is not downloaded without a yes: "
        "read its licence and run this again with --yes\n"
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_no_at_the_terminal_downloads_nothing(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def no(text: str, **_options: object) -> None:
        asked.append(text)
        raise click.Abort

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(click, "confirm", no)
    assert run(["models", "install", "mobilefacenet"]) == 130
    assert asked == ["Download mobilefacenet.pt (4.1 MB)?"]
    assert not (empty_home / "models" / "mobilefacenet").exists()


def test_offline_is_one_line_and_4(
    empty_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_arguments: object, **_options: object) -> Iterator[bytes]:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", offline)
    assert run(["models", "install", "mobilefacenet", "--yes", "-q"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "facegate: mobilefacenet.pt could not be downloaded from github.com (Net"
    )
    assert line.endswith("on another machine, then use --from DIR with its folder")


def test_install_from_a_folder_without_the_file_is_2(
    empty_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "install", "mobilefacenet", "--from", str(tmp_path), "-q"]) == 2
    assert "holds no mobilefacenet.pt" in capsys.readouterr().err


def test_install_of_a_wrong_file_is_4_and_keeps_nothing(
    empty_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mobilefacenet.pt").write_bytes(b"half a file")
    assert run(["models", "install", "mobilefacenet", "--from", str(tmp_path), "--json"]) == 4
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert error["code"] == "wrong_weights"
    assert "90a00ba1d8b0" in error["message"]
    assert list((empty_home / "models").iterdir()) == []


def test_a_sum_that_no_card_names_is_shown(
    tiny_model: Path,
    tmp_path: Path,
    empty_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(tiny_model, tmp_path / "cards")
    for place in ("facegate.models.zoo", "facegate.models.shelf.weights"):
        monkeypatch.setattr(f"{place}.CARDS", tmp_path / "cards")
    assert run(["models", "install", "tiny", "--from", str(tiny_model)]) == 0
    captured = capsys.readouterr()
    found = load_embedder("tiny").card.sha256
    assert f"names no sum for tiny.onnx: sha256 {found} was recorded; compare it" in captured.err
    assert captured.out == f"installed {load_embedder('tiny').model_id}\n"
    assert run(["models", "install", "tiny"]) == 0
    assert "tiny is installed already, and sound" in capsys.readouterr().err


def test_a_wrong_card_is_one_line_and_2(
    tiny_model: Path, tmp_path: Path, empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (tiny_model / "tiny.toml").read_text().replace("colour", "color")
    (tmp_path / "tiny.toml").write_text(text)
    files = [str(tiny_model / "tiny.onnx"), "--card", str(tmp_path / "tiny.toml")]
    assert run(["models", "add", *files]) == 2
    assert "unknown key 'color'" in (line := capsys.readouterr().err)
    assert "did you mean colour?" in line


def test_export_names_both_files(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.onnx"
    answer = json.loads(printed(capsys, ["export", "tiny", "--onnx", str(target), "--json"]))
    assert (answer["file"], answer["card"]) == (str(target), str(tmp_path / "out.toml"))
    assert target.is_file()


def test_a_bar_is_drawn_only_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _bar(Output(plain=True)) is None
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(Output, "shows_progress", True)
    bar = _bar(Output())
    assert bar is not None
    with bar("net.onnx", 10) as advance:
        advance(10)


def test_every_command_has_help() -> None:
    assert isinstance(command, click.Group)
    assert list(command.commands) == ["list", "info", "install", "add", "verify", "export"]
    for verb in command.commands.values():
        assert verb.help
        assert verb.short_help


def reid_crops(test_data: Path, embedder: Embedder, people: list[str]) -> list[np.ndarray]:
    """Two crops a person, warped from the data set's template onto the card's."""
    marks = np.array(
        [[46.29, 59.70], [81.53, 59.50], [64.03, 79.74], [49.55, 100.37], [78.73, 100.20]],
        np.float32,
    )
    template = np.asarray(embedder.card.template, np.float32)
    sets = []
    for number in (0, 1):
        files = [sorted((test_data / "people" / name).glob("*.webp"))[number] for name in people]
        photographs = [np.asarray(Image.open(file), np.uint8) for file in files]
        sets.append(np.stack([warp(photo, marks, template, 128) for photo in photographs]))
    return sets


def test_any_openvino_file_with_a_card_becomes_a_model(
    test_data: Path, empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = test_data / "models" / "reid-0095.xml"
    assert run(["models", "add", str(file), "--card", str(REID_CARD)]) == 0
    assert capsys.readouterr().out.startswith("added reid-0095-")
    assert "reid-0095: sound" in printed(capsys, ["verify", "reid-0095"])
    embedder = load_embedder("reid-0095", device="cpu")
    assert embedder.dim == 256
    rows = (test_data / "people.csv").read_text().splitlines()[1:]
    people = [r.split(",")[0] for r in rows if r.endswith(",val") and int(r.split(",")[2]) >= 2][
        :40
    ]
    one, other = (embedder(crops) for crops in reid_crops(test_data, embedder, people))
    scores = one @ other.T
    impostor = scores[~np.eye(len(scores), dtype=bool)]
    # 0.935 of 1,785 pairs on all of split val at FMR 0.01; 40 pairs spread by 0.04 around that.
    assert (np.diag(scores) >= np.quantile(impostor, 0.99)).mean() >= 0.8
