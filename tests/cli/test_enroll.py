"""``facegate enroll``: photographs, folders of people, what is left out and why."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from facegate.cli import run
from facegate.errors import DiskFullError
from facegate.gallery import Gallery

Pictures = dict[str, Path]


@pytest.fixture
def gallery(tmp_path: Path) -> str:
    return str(tmp_path / "people.db")


def test_enrolling_prints_what_was_kept(
    gallery: str, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(pictures[name]) for name in ("ada-1", "ada-2", "nobody")]
    assert run(["enroll", "Ada", *files, "--gallery", gallery]) == 0
    captured = capsys.readouterr()
    assert captured.out == "Ada: 2 of 3 samples kept, 2 in all\n"
    assert "left out" in captured.err
    assert "no face found" in captured.err


def test_json_has_the_promised_keys(
    gallery: str, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["enroll", "Ada", str(pictures["ada-1"]), "--gallery", gallery, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["identity", "samples", "kept", "left_out", "conflicts", "model"]
    assert answer["identity"] == {"id": 1, "name": "Ada"}
    assert (answer["samples"], answer["kept"], answer["left_out"]) == (1, 1, [])
    assert answer["model"].startswith("facegate-")


def test_nobody_enrolled_is_3(
    gallery: str, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["enroll", "Ada", str(pictures["nobody"]), "--gallery", gallery]) == 3
    assert "nobody enrolled" in capsys.readouterr().out


def test_files_that_are_no_photographs_are_bad_input(
    gallery: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, text = str(tmp_path / "gone.jpg"), tmp_path / "text.jpg"
    text.write_text("Dear diary")
    assert run(["enroll", "Ada", gone, "--gallery", gallery, "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "no_such_file"
    assert captured.err == f"facegate: there is no file {gone}: check the path\n"
    assert run(["enroll", "Ada", str(text), gone, "--gallery", gallery]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"facegate: none of 2 files could be used: {text} is text")
    assert captured.err.count("\n") == 1
    assert not Path(gallery).exists()


def test_somebody_alike_is_warned_of(
    gallery: str, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["enroll", "Ada", str(pictures["ada-1"]), "--gallery", gallery])
    assert run(["enroll", "Countess", str(pictures["ada-2"]), "--gallery", gallery]) == 0
    assert "looks like Ada" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["enroll"], "a name is missing"),
        (["enroll", "Ada"], "give photographs or --camera"),
        (["enroll", "Ada", "a.jpg", "--camera", "auto"], "give photographs or --camera"),
        (["enroll", "Ada", "--folder", "people"], "give nothing else"),
        (["enroll", "Ada", "a.jpg", "--face", "all"], "use --face largest"),
        (["enroll", "a\x00b", "a.jpg"], "name"),
        (["enroll", "", "a.jpg"], "name"),
        (["enroll", "x" * 10_000, "a.jpg"], "name"),
        (["enroll", "a\u202eb", "a.jpg"], "name"),
        (["enroll", "--folder", "missing"], "missing"),
    ],
)
def test_bad_usage_is_2_and_one_line(
    arguments: list[str],
    message: str,
    facegate_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (facegate_home / "gallery.db").exists()


@pytest.mark.parametrize("name", ["../x", "CON", "--", "-rf", "a/b", "=cmd()"])
def test_strange_names_are_legal_and_harmless(
    name: str, gallery: str, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["enroll", "--gallery", gallery, "--json", "--", name, str(pictures["ada-1"])]
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out)["identity"]["name"] == name
    # SQLite leaves its journal beside the gallery, empty.
    files = {path.name for path in Path(gallery).parent.iterdir()}
    assert files <= {"people.db", "people.db-journal"}


def test_who_forgets_the_name_hears_what_was_taken_for_it(
    gallery: str,
    pictures: Pictures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(pictures["ada-1"], "1.jpg")
    assert run(["enroll", "1.jpg", str(pictures["ada-2"]), "--gallery", gallery]) == 0
    said = "warning: 1.jpg was taken for the name, and is a file, too: "
    assert capsys.readouterr().err == f"{said}'facegate gallery undo' takes it back\n"


@pytest.fixture
def folder(tmp_path: Path, pictures: Pictures) -> Path:
    """A folder of people: Ada with two photographs and a text, Grace with one, an empty one."""
    top = tmp_path / "folder"
    for name, files in (("Ada", ("ada-1", "ada-2")), ("Grace", ("grace-1",)), ("Empty", ())):
        (top / name).mkdir(parents=True)
        for file in files:
            shutil.copy(pictures[file], top / name)
    (top / "Ada" / "notes.jpg").write_text("not a photograph")
    (top / "Ada" / "._ada-1.jpg").write_bytes(b"AppleDouble")
    return top


def test_a_folder_of_people(gallery: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["enroll", "--folder", str(folder), "--gallery", gallery, "--json"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert [identity["name"] for identity in answer["identities"]] == ["Ada", "Grace"]
    assert (answer["samples"], answer["kept"]) == (4, 3)
    (left_out,) = answer["left_out"]
    assert left_out["source"].endswith("notes.jpg")
    assert left_out["code"] == "not_an_image"
    assert "left out 1 of 4 files: 1 not_an_image" in captured.err


def test_a_folder_goes_on_where_it_was_stopped(
    gallery: str, folder: Path, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["enroll", "--folder", str(folder), "--gallery", gallery])
    shutil.copy(pictures["ada-3"], folder / "Ada")
    capsys.readouterr()
    assert run(["enroll", "--folder", str(folder), "--gallery", gallery, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["kept"], answer["known"]) == (1, 3)


def test_a_folder_in_which_nobody_can_be_enrolled_is_3(
    gallery: str, tmp_path: Path, pictures: Pictures
) -> None:
    (tmp_path / "folder" / "Nobody").mkdir(parents=True)
    shutil.copy(pictures["nobody"], tmp_path / "folder" / "Nobody")
    assert run(["enroll", "--folder", str(tmp_path / "folder"), "--gallery", gallery]) == 3


def test_a_folder_without_people_is_2(gallery: str, tmp_path: Path, pictures: Pictures) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    shutil.copy(pictures["ada-1"], flat)
    assert run(["enroll", "--folder", str(flat), "--gallery", gallery]) == 2


def test_what_a_folder_of_people_lacks_is_named(
    gallery: str, folder: Path, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(pictures["ada-2"], folder / "loose.jpg")
    shutil.copy(pictures["group"], folder / "Ada")
    assert run(["enroll", "--folder", str(folder), "--gallery", gallery]) == 0
    said = capsys.readouterr().err
    assert f"there are no photographs in {folder / 'Empty'}" in said
    assert f"left out 1 photograph in {folder} itself" in said
    # Both faces of a photograph cannot be Ada.
    assert "one was asked for: choose with --face largest\n" in said


def test_a_folder_names_who_looks_like_whom(
    gallery: str, folder: Path, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "Countess").mkdir()
    shutil.copy(pictures["ada-3"], folder / "Countess")
    assert run(["enroll", "--folder", str(folder), "--gallery", gallery, "--json"]) == 0
    captured = capsys.readouterr()
    assert "warning: Countess looks like Ada (score " in captured.err
    (pair,) = json.loads(captured.out)["conflicts"]
    assert (pair["identity"]["name"], pair["new"]["name"]) == ("Ada", "Countess")


def test_a_disk_that_fills_up_in_a_folder_says_who_was_saved(
    gallery: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    enroll = Gallery.enroll

    def fails_at_grace(self: Gallery, name: str, *args: Any, **others: Any) -> Any:
        if name == "Grace":
            raise DiskFullError("the disk is full", hint="free some space")
        return enroll(self, name, *args, **others)

    monkeypatch.setattr(Gallery, "enroll", fails_at_grace)
    assert run(["enroll", "--folder", str(folder), "--gallery", gallery]) == 4
    assert capsys.readouterr().err == (
        "facegate: the disk is full: free some space; before that, saved: enrolled Ada: 2 samples; "
        "'facegate gallery undo' takes the last one back\n"
    )


def test_who_stops_the_search_of_a_huge_folder_hears_that_nothing_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(_folder: Path) -> list[Path]:
        raise KeyboardInterrupt

    monkeypatch.setattr("facegate.data.folders.find_photos", stopped)
    gallery = tmp_path / "g.db"
    assert run(["enroll", "a\nb", str(tmp_path), "--gallery", str(gallery)]) == 2  # not searched
    assert "cannot be a name" in capsys.readouterr().err
    assert run(["enroll", "Ada", str(tmp_path), "--gallery", str(gallery)]) == 130
    assert capsys.readouterr().err == "facegate: stopped: nothing was changed\n"
    assert not gallery.exists()
