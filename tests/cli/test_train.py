import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facegate.cli import run
from facegate.cli.common import Output
from facegate.cli.train_screen import Screen
from facegate.data.images import write_image
from facegate.models.training.config import load_config

SMALL = (
    *("--aligned", "--set", "crop=16", "--set", "size=16", "--set", "dim=8", "--set", "p=6"),
    *("--set", "evaluate=4", "--set", "threads=1", "--set", "augment=none", "--set", "k=3"),
    *("--set", "precision=f32", "--steps", "8", "--device", "cpu"),
)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "people"
    rng = np.random.default_rng(0)
    for person in range(120):
        (folder / f"p{person}").mkdir(parents=True)
        base = np.kron(rng.uniform(0, 255, (4, 4, 3)), np.ones((4, 4, 1)))
        for image in range(4):
            pixels = np.clip(base + rng.normal(0, 25, base.shape), 0, 255)
            write_image(folder / f"p{person}" / f"{image}.png", pixels.astype(np.uint8))
    return folder


def test_train_ends_with_a_model_that_models_add_takes(
    people: Path, tmp_path: Path, facegate_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(["train", "--data", str(people), "--out", str(out), *SMALL, "--json"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert answer["model"] == "run"
    assert answer["images"] == 8 * 18
    assert 0 <= answer["val"]["tar"] <= 1
    assert "validation TAR" in captured.err
    for name in ("curves.png", "det.png", "people.png", "card.toml", "config.toml", "run.json"):
        assert (out / name).is_file()
    model, card = str(out / "run.safetensors"), str(out / "card.toml")
    assert run(["models", "add", model, "--card", card]) == 0


def test_a_finished_run_resumes_to_the_same_end(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(["train", "--data", str(people), "--out", str(out), *SMALL, "-q"]) == 0
    first = (out / "card.toml").read_bytes()
    assert run(["train", "--out", str(out), "--resume", "-q"]) == 0
    assert (out / "card.toml").read_bytes() == first


def test_other_settings_do_not_resume_a_run(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(["train", "--data", str(people), "--out", str(out), *SMALL, "-q"]) == 0
    resume = ["train", "--out", str(out), "--resume"]
    assert run([*resume, "--seed", "1", "-q"]) == 0
    assert run([*resume, "--seed", "2"]) == 2
    assert "seed is 1, not 2" in capsys.readouterr().err
    assert run([*resume, "--margin", "0.5"]) == 2
    assert "margin of stage triplet is 0.2, not 0.5" in capsys.readouterr().err
    assert run([*resume, "--preset", "small"]) == 2
    assert "it has 1 stage, not 2" in capsys.readouterr().err


def test_ctrl_c_says_how_the_run_goes_on(
    people: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("facegate.cli.train_screen.Screen.step", stop)
    out = tmp_path / "run"
    assert run(["train", "--data", str(people), "--out", str(out), *SMALL]) == 130
    assert f"facegate train --out {out} --resume" in capsys.readouterr().err
    monkeypatch.undo()
    assert run(["train", "--out", str(out), "--resume", "-q"]) == 0


@pytest.mark.parametrize(
    ("people", "problem"),
    [
        ({"only": 2}, "no identity is left|1 identities have two images"),
        ({f"p{n}": 1 for n in range(40)}, "0 identities have two images"),
        ({"p1": 0, "p2": 0}, "holds no image of anybody"),
    ],
)
def test_too_few_people_are_refused_before_anything_is_made(
    people: dict[str, int], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, count in people.items():
        (tmp_path / "people" / name).mkdir(parents=True)
        for image in range(count):
            pixels = np.full((16, 16, 3), 9 * image, np.uint8)
            write_image(tmp_path / "people" / name / f"{image}.png", pixels)
    out = tmp_path / "run"
    assert run(["train", "--data", str(tmp_path / "people"), "--out", str(out), *SMALL]) == 2
    assert re.search(problem, capsys.readouterr().err)
    assert not out.exists()


def test_two_processes_train_one_model_and_one_of_them_speaks(people: Path, tmp_path: Path) -> None:
    out, script = tmp_path / "run", Path(__file__).resolve().parents[2] / "train.py"
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    given = ["--data", str(people), "--out", str(out), *SMALL, "--json"]
    command = [sys.executable, *launch, *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    [line] = done.stdout.splitlines()
    assert json.loads(line)["images"] == 8 * 18
    assert (out / "card.toml").is_file()


def test_a_sweep_prints_a_table(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["train", "--data", str(people), "--out", str(tmp_path / "s"), *SMALL]
    assert run([*args, "--sweep", "margin=0.1,0.4", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)["sweep"]
    assert [row["margin"] for row in table] == [0.1, 0.4]
    config = (tmp_path / "s" / "margin=0.4" / "config.toml").read_text()
    assert "margin = 0.4" in config


def test_one_of_several_processes_prints_the_table_of_a_sweep(
    people: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RANK", "1")
    args = ["train", "--data", str(people), "--out", str(tmp_path / "s"), *SMALL]
    assert run([*args, "--sweep", "margin=0.1,0.4"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("rank", "said"), [("0", "facegate: training stopped"), ("1", "")])
def test_one_of_several_processes_says_why_all_stopped(
    rank: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from facegate.models.training.watchdog import TrainingStopped

    def train(*_: Any, **__: Any) -> None:
        raise TrainingStopped("training stopped: collapsed", hint="lower lr")

    monkeypatch.setattr("facegate.models.training.session.train", train)
    monkeypatch.setenv("RANK", rank)
    assert run(["train", "--data", str(tmp_path), "--out", str(tmp_path / "s"), "-q"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err[:26] == said


def test_a_sweep_goes_on_after_a_run_that_the_watchdog_ended(
    people: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from facegate.models.training.config import Config
    from facegate.models.training.session import Outcome
    from facegate.models.training.session import train as trained
    from facegate.models.training.watchdog import TrainingStopped

    def train(config: Config, path: Path, **others: Any) -> Outcome:
        if config.stages[0].lr > 1:
            raise TrainingStopped("training stopped: collapsed", hint="lower lr")
        return trained(config, path, **others)

    monkeypatch.setattr("facegate.models.training.sweep.train", train)
    args = ["train", "--data", str(people), "--out", str(tmp_path / "s"), *SMALL]
    assert run([*args, "--sweep", "lr=9.0,0.002"]) == 0
    table = capsys.readouterr().out
    assert "9.0  training stopped: collapsed" in table
    assert "0.002  validation TAR" in table
    args[4] = str(tmp_path / "t")
    assert run([*args, "--sweep", "lr=9.0,8.0", "--json"]) == 3
    rows = json.loads(capsys.readouterr().out)["sweep"]
    assert rows[0] == {"lr": 9.0, "stopped": "training stopped: collapsed"}


@pytest.mark.parametrize(
    ("sweep", "problem"),
    [
        ("margin=0.1,0.10", "has margin = 0.1 twice"),
        ("margin=0.1,0.2", "margin=0.2 is not empty"),
        ("margin=0.1,lr=0.2", "margin must be a number, got 'lr=0.2'"),
        ("weights=one.safetensors,two.safetensors", "weights one.safetensors cannot be read"),
        ("manifest=one.csv,two.csv", "one.csv cannot be read"),
        ("net=plain-t,inception-resnet-v1", "inception-resnet-v1 has dim 512, not 8"),
    ],
)
def test_a_sweep_that_could_not_end_does_not_begin(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], sweep: str, problem: str
) -> None:
    (tmp_path / "s" / "margin=0.2").mkdir(parents=True)
    (tmp_path / "s" / "margin=0.2" / "config.toml").write_text("")
    args = ["train", "--data", str(people), "--out", str(tmp_path / "s"), *SMALL]
    assert run([*args, "--sweep", sweep]) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "s" / "margin=0.1").exists()


def test_a_sweep_over_weights_changes_where_the_run_begins(people: Path, tmp_path: Path) -> None:
    args = ["train", "--data", str(people), *SMALL, "--steps", "2"]
    assert run([*args, "--out", str(tmp_path / "first")]) == 0
    weights = tmp_path / "first" / "first.safetensors"
    copy = tmp_path / "copy.safetensors"
    shutil.copy(weights, copy)
    stages, out = tmp_path / "stages.toml", tmp_path / "s"
    stages.write_text("[[stages]]\n[[stages]]\n")
    args += ["--config", str(stages), "--out", str(out)]
    assert run([*args, "--sweep", f"weights={weights},{copy}"]) == 0
    configs = [load_config(file=file) for file in out.rglob("config.toml")]
    assert {config.weights for config in configs} == {str(weights), str(copy)}
    assert [stage.weights for config in configs for stage in config.stages] == [""] * 4


def test_a_sweep_with_one_wrong_word_trains_nothing(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["train", "--data", str(people), "--out", str(tmp_path / "s"), *SMALL]
    assert run([*args, "--sweep", "loss=semi-hard,semihard"]) == 2
    assert "'semihard' is not known" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_a_fine_tuned_run_goes_on_with_the_command_that_began_it(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facegate.models.training.config import Config
    from facegate.models.training.run_folder import RunFolder
    from facegate.models.training.session import Outcome
    from facegate.models.training.watchdog import TrainingStopped

    begun: list[Config] = []

    def train(config: Config, path: Path, *, resume: bool, **others: Any) -> Outcome:
        begun.append(config)
        if not resume:
            RunFolder.start(path, config)
        raise TrainingStopped("training stopped: for the test", hint="none")

    monkeypatch.setattr("facegate.models.training.session.train", train)
    file = tmp_path / "mine.toml"
    file.write_text("seed = 5\nsteps = 7\n")
    args = ["train", "--finetune", "facegate-1", "--data", str(people), "--config", str(file)]
    args += ["--out", str(tmp_path / "run")]
    assert run(args) == 3
    assert run([*args, "--resume"]) == 3
    first, second = begun
    assert first == second
    assert (first.evaluate, first.stages[0].steps, first.stages[0].distil) == (7, 7, 1.0)


def test_an_audit_names_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_image(tmp_path / name, rng.integers(0, 256, (32, 32, 3), np.uint8))
    (tmp_path / "b" / "3.png").write_bytes((tmp_path / "a" / "1.png").read_bytes())
    for number in range(12):
        (tmp_path / "a" / f"x{number:02d}.png").write_bytes(b"no image")
    assert run(["train", "--data", str(tmp_path), "--aligned", "--audit"]) == 1
    captured = capsys.readouterr()
    assert "duplicates across people:\n  a/1.png = b/3.png" in captured.out
    assert "x09.png" in captured.out
    assert "x10.png" not in captured.out
    assert "… and more: --json names 12" in captured.out
    assert "wrong labels are looked for with --model" in captured.err


def test_an_audit_trains_nothing_and_says_what_it_found(
    people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "--data", str(people), "--aligned", "--audit", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["people"] == 120
    assert answer["images"] == 480
    assert answer["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--out", "{out}"], "no data is named"),
        (["--data", "{people}"], "--out is needed"),
        (["--resume"], "--resume needs --out"),
        (["--data", "{people}", "--out", "{out}", "--set", "margn=1"], "unknown key 'margn'"),
        (["--data", "{people}", "--out", "{out}", "--set", "margin"], "--set takes KEY=VALUE"),
        (["--data", "{people}", "--out", "{people}", *SMALL], "is not empty"),
        (["--data", "{out}/none", "--out", "{out}", *SMALL], "is no folder"),
        (["--data", "{people}", "--out", "{out}", *SMALL, "--net", "plain-x"], "no net is called"),
        (["--data", "{people}", "--out", "{out}", *SMALL, "--net", "file"], "no net is called"),
        (["--data", "{people}", "--out", "{out}", *SMALL, "--net", "os:path"], "cannot be made"),
        (["--data", "{people}", "--out", "{out}", *SMALL, "--net", ":Net"], "cannot be made"),
        (["--data", "{people}", "--out", "{out}", *SMALL, "--loss", "semi"], "'semi' is not known"),
        (["--data", "{people}", "--out", "{out}", *SMALL, "--sweep", "margin"], "a sweep is KEY="),
        (["--data", "{people}", "--out", "{out}", *SMALL, "--weights", "none"], "cannot be read"),
        (
            [
                "--data",
                "{people}",
                "--out",
                "{out}",
                *SMALL,
                "--teacher",
                "nobody",
                *("--set", "distil=1"),
            ],
            "no model is called 'nobody'",
        ),
        (["--out", "{out}", "--resume"], "holds no run"),
        (["--out", "{out}", "--resume", "--audit"], "--resume does not go with --audit"),
        (["--out", "{out}", "--resume", "--sweep", "p=2,3"], "--resume does not go with --sweep"),
        (["--data", "{people}", "--audit", "--sweep", "p=2,3"], "--audit does not go with --sweep"),
        (["--data", "{people}", "--out", "{out}", "--model", "a"], "--model goes with --audit"),
        (["--data", "{people}", "--out", "{out}", "--against", "."], "--against goes with --audit"),
        (
            ["--data", "{people}", "--out", "{out}", "--sweep", "p=2,3", "--sweep", "k=2,3"],
            "--sweep takes one setting",
        ),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(
    people: Path,
    tmp_path: Path,
    arguments: list[str],
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"people": people, "out": tmp_path / "run"}
    assert run(["train", *(text.format(**names) for text in arguments)]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert "Traceback" not in error


def test_training_on_a_gpu_that_is_not_there_is_refused(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    args = ["train", "--data", str(people), "--out", str(tmp_path / "r"), *SMALL]
    assert run([*args, "--device", "cuda"]) == 4
    assert "no CUDA device" in capsys.readouterr().err


def test_an_audit_finds_people_who_are_also_in_the_exam(
    tmp_path: Path,
    astronaut: np.ndarray,
    grace: np.ndarray,
    facegate_home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, pixels in (("ann/1.png", astronaut), ("ann/2.png", astronaut[:, ::-1])):
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "here" / name, pixels)
    for name, pixels in (("x/1.png", astronaut[10:, 5:]), ("y/1.png", grace)):
        (tmp_path / "there" / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "there" / name, pixels)
    args = ["--data", str(tmp_path / "here"), "--against", str(tmp_path / "there")]
    assert run(["train", *args, "--audit", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["shared_people"] == 1
    [meeting] = answer["shared_with_the_other_set"]
    assert (meeting["here"], meeting["there"]) == ("ann", "x")
    assert answer["without_face"] == 0


def test_a_wrong_path_leaves_no_run_folder_behind(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run(["train", "--data", str(tmp_path / "none"), "--out", str(out), *SMALL]) == 2
    assert not out.exists()


def test_the_figures_shown_are_those_of_their_stage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("facegate.cli.train_screen.QUIET_SECONDS", -1)
    screen = Screen(load_config(preset="small"), Output())
    for stage, loss in ((0, 40.0), (1, 0.1)):
        screen.step({"stage": stage, "step": 1, "loss": loss, "images_s": 300.0})
    first, second = capsys.readouterr().err.splitlines()
    assert "warm 1/1000: loss 40.000" in first
    assert "triplet 1/1000: loss 0.100" in second


def test_a_narrow_terminal_shows_all_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Output, "shows_progress", True)
    event = {"stage": 0, "step": 350, "loss": 0.17, "images_s": 136.0, "semi": 0.9, "easy": 0.1}
    spans = {"none": 0.0, "d_ap": [0.5, 1.37, 1.5], "d_an": [1.0, 1.46, 1.6]}
    output = Output()
    with Screen(load_config(preset="tiny"), output) as screen:
        screen.look({"step": 1, "val": {"tar": 0.825, "fmr": 0.1, "eer": 0.1}}, True)
        screen.step({**event, **spans})
        output.note("1 image was left out")  # as a warning from below comes
    said, _, drawn = capsys.readouterr().err.partition("1 image was left out\n")
    assert "the best so far\n" in said
    shown = " ".join(drawn.split())
    for figure in ("triplet ━", "0.170", "90%/10%/0%", "1.37", "1.46", "images/s", "82.5%"):
        assert figure in shown
