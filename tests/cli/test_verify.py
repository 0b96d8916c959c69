"""``facegate verify``: its line, its JSON, its exit statuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from facegate.cli import run

Pictures = dict[str, Path]
KEYS = [
    *("decision", "score", "threshold", "fmr", "fmr_at_score", "model", "calibration"),
    *("identity", "template", "faces", "seconds", "fmr_ci95", "reason"),
]


def test_a_match_is_0(pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(pictures["ada-1"]), str(pictures["ada-2"])]) == 0
    out = capsys.readouterr().out
    assert out.startswith("match: score ")
    assert "of strangers score that high" in out


def test_no_match_is_1(pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(pictures["ada-1"]), str(pictures["grace-1"])]) == 1
    assert capsys.readouterr().out.startswith("no match: score ")


def test_json_has_the_promised_keys(pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    run(["verify", str(pictures["ada-1"]), str(pictures["ada-2"]), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == KEYS
    assert answer["identity"] is None
    assert [list(face) for face in answer["faces"]] == [
        ["source", "box", "landmarks", "score", "quality"]
    ] * 2


def test_no_face_is_3(pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(pictures["ada-1"]), str(pictures["nobody"])]) == 3
    assert "no face found" in capsys.readouterr().err


def test_several_faces_are_3_and_can_be_chosen_from(
    pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(pictures["group"]), str(pictures["ada-2"])]
    assert run(["verify", *files]) == 3
    assert "--face largest" in capsys.readouterr().err
    assert run(["verify", *files, "--face", "all"]) == 0


def test_a_claim(tmp_path: Path, pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = ["--gallery", str(tmp_path / "people.db")]
    run(["enroll", "Ada", str(pictures["ada-1"]), *gallery])
    capsys.readouterr()
    assert run(["verify", "--name", "ada", str(pictures["ada-2"]), *gallery, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == KEYS
    assert answer["identity"] == {"id": 1, "name": "Ada"}
    assert answer["template"] == 1
    assert run(["verify", "--name", "Ada", str(pictures["grace-1"]), *gallery]) == 1


def test_a_claim_to_a_name_that_is_not_enrolled_is_2(
    tmp_path: Path, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = ["--gallery", str(tmp_path / "people.db")]
    run(["enroll", "Ada", str(pictures["ada-1"]), *gallery])
    capsys.readouterr()
    assert run(["verify", "--name", "Adah", str(pictures["ada-2"]), *gallery]) == 2
    assert "did you mean 'Ada'" in capsys.readouterr().err


@pytest.mark.parametrize("count", [1, 3])
def test_it_takes_two_photographs(
    count: int, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", *[str(pictures["ada-1"])] * count]) == 2
    assert f"takes two photographs, got {count}" in capsys.readouterr().err


def test_a_rate_that_the_model_does_not_support_gives_the_score_and_4(
    pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["verify", str(pictures["ada-1"]), str(pictures["ada-2"]), "--fmr", "1e-12"]
    assert run([*arguments, "--json"]) == 4
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert answer["decision"] is None
    assert answer["score"] > 0.5
    assert "facegate calibrate" in captured.err
    assert "--threshold" in captured.err


def test_a_threshold_of_ones_own(pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["verify", str(pictures["ada-1"]), str(pictures["grace-1"]), "--threshold", "-1"]
    assert run(arguments) == 0
    assert "no error rate is known" in capsys.readouterr().out


def test_an_empty_name_of_a_model_is_not_the_default(
    pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in ``--model "$MODEL"`` where the variable is not set."""
    assert run(["verify", *[str(pictures["ada-1"])] * 2, "--model", ""]) == 2
    assert "no model is called ''" in capsys.readouterr().err


def test_two_photographs_need_neither_torch_nor_gallery(pictures: Pictures) -> None:
    run(["verify", str(pictures["ada-1"]), str(pictures["ada-2"])])  # the nets are in the cache
    heavy = ("torch", "faiss", "sqlite3", "skimage", "matplotlib", "sklearn", "rich")
    code = (
        "import sys; from facegate.cli import run; "
        f"status = run(['verify', *sys.argv[1:]]); "
        f"print([m for m in {heavy!r} if m in sys.modules], status)"
    )
    files = [str(pictures["ada-1"]), str(pictures["ada-2"])]
    done = subprocess.run(
        [sys.executable, "-c", code, *files], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[] 0"
    assert done.stderr == ""


def test_a_decision_is_explained_in_one_file(
    tmp_path: Path, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, report = ["--gallery", str(tmp_path / "people.db")], tmp_path / "why.html"
    run(["enroll", "Ada", str(pictures["ada-1"]), *gallery, "--keep-crops"])
    run(["enroll", "Grace", str(pictures["grace-1"]), *gallery])
    claim = ["verify", "--name", "Ada", str(pictures["ada-2"]), *gallery]
    assert run([*claim, "--report", str(report)]) == 0
    contents = report.read_text("utf-8")
    assert contents.count("<svg") == 2  # histograms, and the rates at each score
    assert "How scores are spread" in contents
    assert contents.count("this score</span>") == 2
    assert "is this Ada?" in contents
    assert "Ada, sample 1 of " in contents
    assert "Grace, score " in contents
    assert contents.count("data:image/jpeg;base64,") == 2
    assert "<script" not in contents
    two = [str(pictures["ada-1"]), str(pictures["grace-1"])]
    assert run(["verify", *two, "--report", str(report)]) == 1
    assert "are these one person?" in report.read_text("utf-8")
