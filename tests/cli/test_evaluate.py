"""``facegate evaluate`` as typed: protocols, JSON, comparison, controls, report, card."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from facegate.cli import run
from facegate.data.images import write_image
from facegate.evaluation.run import Evaluation


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people of coloured squares, three crops of 128 x 128 each."""
    folder = tmp_path_factory.mktemp("crowd") / "people"
    for person in range(12):
        squares = np.random.default_rng(person).integers(30, 226, (8, 8, 3))
        for photo in range(3):
            noise = np.random.default_rng([person, photo]).normal(0, 20, squares.shape)
            pixels = (squares + noise).clip(0, 255).astype(np.uint8)
            place = folder / f"p{person:02d}" / f"{photo}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            write_image(place, pixels.repeat(16, axis=0).repeat(16, axis=1))
    return folder


@pytest.fixture
def tiny(facegate_home: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The small embedder of the tests, added to the models of this home."""
    card = str(tiny_model / "tiny.toml")
    assert run(["models", "add", str(tiny_model / "tiny.onnx"), "--card", card]) == 0
    capsys.readouterr()
    return "tiny"


def test_people_as_json(tiny: str, crowd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["evaluate", "--people", str(crowd), "--aligned", "--model", tiny, "--json"]
    assert run(asked) == 0
    captured = capsys.readouterr()
    value = json.loads(captured.out)
    assert value["protocol"] == "people"
    assert value["model"].startswith("tiny-")
    assert value["genuine"] == 36
    assert value["failures"] == 0
    assert value["tar"]["1e-06"] is None
    trade_off = dict(value["det"])
    assert trade_off[0.1] == pytest.approx(1 - value["tar"]["0.1"])
    assert list(trade_off.values()) == sorted(trade_off.values())


def test_pairs_of_a_list(
    tiny: str, crowd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["image_a,image_b,same,fold"]
    for person in range(12):
        lines.append(f"p{person:02d}/0.png,p{person:02d}/1.png,1,{person % 3}")
        lines.append(f"p{person:02d}/0.png,p{(person + 1) % 12:02d}/1.png,0,{person % 3}")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("\n".join(lines) + "\n")
    asked = ["evaluate", "--pairs", str(pairs), "--data", str(crowd), "--aligned", "--model", tiny]
    assert run(asked) == 0
    out = capsys.readouterr().out
    assert "pairs: 24 comparisons" in out
    assert "standard error of 3 folds" in out
    assert "not resolvable" in out


def test_a_comparison_and_controls(
    tiny: str, crowd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["evaluate", "--people", str(crowd), "--aligned", "--model", tiny, "--json"]
    assert run([*asked, "--against", "tiny", "--controls"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["against"]["verdict"].startswith("no clear difference between tiny and tiny")
    assert set(value["controls"]) == {"untrained net", "shuffled labels"}
    shuffled = value["controls"]["shuffled labels"]
    assert shuffled["ci95"]["eer"][0] < 0.5 < shuffled["ci95"]["eer"][1]


def test_a_report_and_its_figures(
    tiny: str, crowd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "out" / "report.html"
    asked = ["evaluate", "--people", str(crowd), "--aligned", "--model", tiny]
    assert run([*asked, "--report", str(report)]) == 0
    assert "Taken for each other" in report.read_text("utf-8")
    assert json.loads(report.with_suffix(".json").read_text())["protocol"] == "people"
    assert str(report) in capsys.readouterr().err


def test_measured_thresholds_are_kept_and_decide(
    tiny: str,
    crowd: Path,
    facegate_home: Path,
    pictures: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [str(pictures["ada-1"]), str(pictures["ada-2"])]
    assert run(["verify", *files, "--model", tiny]) == 4  # nothing was measured yet
    asked = ["evaluate", "--people", str(crowd), "--aligned", "--model", tiny, "--write-card"]
    assert run(asked) == 0
    kept = facegate_home / "models" / "tiny"
    assert {"card.toml", "impostors.json"} <= {path.name for path in kept.iterdir()}
    capsys.readouterr()
    assert run(["verify", *files, "--model", tiny, "--fmr", "0.05", "--json"]) in (0, 1)
    answer = json.loads(capsys.readouterr().out)
    assert answer["calibration"] == "card"
    assert answer["fmr"] <= 0.05
    assert len(answer["fmr_ci95"]) == 2
    assert run(["models", "info", tiny]) == 0
    assert "12 people" in capsys.readouterr().out


def test_thresholds_never_come_from_lfw_or_from_another_split(
    tiny: str,
    crowd: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is said before anything is measured."""
    monkeypatch.setattr(Evaluation, "measure", lambda *_: pytest.fail("it was measured"))
    lfw = tmp_path / "lfw"
    shutil.copytree(crowd, lfw)
    (lfw / "pairs.txt").write_text("10 300\n")
    asked = ["evaluate", "--people", str(lfw), "--aligned", "--model", tiny, "--write-card"]
    assert run(asked) == 2
    assert "is LFW" in capsys.readouterr().err
    rows = "\n".join(f"p{person:02d},val" for person in range(12))
    people = tmp_path / "people"
    shutil.copytree(crowd, people)
    (tmp_path / "people.csv").write_text(f"identity,split\n{rows}\n")
    asked = ["evaluate", "--people", str(people), "--split", "val", "--aligned", "--model", tiny]
    assert run([*asked, "--write-card"]) == 2
    assert "split val has chosen weights or settings" in capsys.readouterr().err
    everybody = ["evaluate", "--people", str(people), "--aligned", "--model", tiny, "--write-card"]
    assert run(everybody) == 2
    assert "split val has chosen weights or settings" in capsys.readouterr().err


def test_two_pairs_make_a_report(
    tiny: str, crowd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Too few for any trade-off curve, and no bug."""
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("image_a,image_b,same\np00/0.png,p00/1.png,1\np00/0.png,p01/0.png,0\n")
    asked = ["evaluate", "--pairs", str(pairs), "--data", str(crowd), "--aligned", "--model", tiny]
    report = tmp_path / "two.html"
    assert run([*asked, "--report", str(report), "--controls", "--against", tiny]) == 0
    contents = report.read_text("utf-8")
    assert "Scores of one person and of two" in contents
    assert "Detection error trade-off" not in contents
    assert f"Compared with {tiny}" in contents
    assert "no clear difference between" in contents
    assert "control, untrained net: area under the curve" in contents
    assert "control, shuffled labels: equal error rate" in contents
    assert "nan" not in contents.lower()


def test_one_photograph_for_everybody_is_chance(
    tiny: str, crowd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for person in range(6):
        for photo in range(3):
            place = tmp_path / "same" / f"p{person}" / f"{photo}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(crowd / "p00" / "0.png", place)
    folder = str(tmp_path / "same")
    asked = ["evaluate", "--people", folder, "--aligned", "--model", tiny, "--json"]
    assert run([*asked, "--report", str(tmp_path / "same.html")]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["eer"], value["auc"]) == (0.5, 0.5)
    assert value["tar"]["0.1"] == 0


def test_nobody_but_the_enrolled_makes_a_report(
    tiny: str, crowd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for person in range(4):
        for photo in range(2):
            place = tmp_path / ("probes" if photo else "enrolled") / f"p{person:02d}" / "1.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(crowd / f"p{person:02d}" / f"{photo}.png", place)
    asked = ["evaluate", "--enrolled", str(tmp_path / "enrolled")]
    asked += ["--probes", str(tmp_path / "probes"), "--aligned", "--model", tiny]
    report = tmp_path / "mated.html"
    assert run([*asked, "--report", str(report), "--controls"]) == 0
    assert "DIR       not resolvable: no probe shows a stranger" in capsys.readouterr().out
    contents = report.read_text("utf-8")
    assert "no probe shows a stranger" in contents
    assert "failure to enrol" in contents
    assert "control, shuffled labels: rank 1" in contents
    assert "nan" not in contents.lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name one protocol"),
        (["--people", "a", "--pairs", "b"], "name one protocol"),
        (["--pairs", "b"], "--data names the folder"),
        (["--protocol", "lfw"], "--data names the folder"),
        (["--enrolled", "a"], "belong together"),
        (["--enrolled", "a", "--probes", "b", "--split", "cal"], "--split belongs to --people"),
        (["--people", "a", "--data", "b"], "--data belongs to --pairs"),
        (["--people", "no-such-folder"], "no-such-folder"),
        (["--enrolled", "a", "--probes", "b", "--write-card"], "choose nothing else"),
        (["--people", "a", "--report", "a.json"], "--report names an HTML file"),
        (["--people", "a", "--report", "."], "--report names an HTML file"),
    ],
)
def test_what_cannot_be_evaluated_is_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", *arguments]) == 2
    assert message in capsys.readouterr().err
