"""``facegate identify``: photographs and folders, tables, pictures, exit statuses."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from facegate.cli import run
from facegate.cli.identify import write_table
from facegate.models.pipeline import Pipeline

Pictures = dict[str, Path]


@pytest.fixture
def gallery(tmp_path: Path, pictures: Pictures) -> list[str]:
    """Options that name a gallery in which Ada is enrolled."""
    options = ["--gallery", str(tmp_path / "people.db")]
    assert run(["enroll", "Ada", str(pictures["ada-1"]), *options]) == 0
    return options


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_everybody_known_is_0(
    gallery: list[str], pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["identify", str(pictures["ada-2"]), *gallery]) == 0
    assert f"{pictures['ada-2']}: Ada [" in capsys.readouterr().out


def test_somebody_unknown_is_1(
    gallery: list[str], pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["identify", str(pictures["group"]), *gallery, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    decisions = sorted(face["decision"] for face in answer["faces"])
    assert decisions == ["match", "unknown"]
    for face in answer["faces"]:
        wanted = {"source", "box", "landmarks", "decision", "identity", "score", "threshold"}
        assert wanted | {"fpir", "runner_up", "quality"} <= set(face)
    unknown = next(face for face in answer["faces"] if face["decision"] == "unknown")
    assert unknown["identity"] is None
    assert unknown["runner_up"]["identity"]["name"] == "Ada"


def test_nobody_is_3(gallery: list[str], pictures: Pictures) -> None:
    assert run(["identify", str(pictures["nobody"]), *gallery]) == 3


def test_an_empty_gallery_is_said(
    facegate_home: Path, pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["identify", str(pictures["ada-1"])]) == 1
    captured = capsys.readouterr()
    assert "unknown" in captured.out
    assert "nobody is enrolled" in captured.err


def test_a_folder_and_what_in_it_is_no_photograph(
    gallery: list[str], pictures: Pictures, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder" / "deeper"
    folder.mkdir(parents=True)
    shutil.copy(pictures["ada-2"], folder)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff rubbish")
    capsys.readouterr()
    assert run(["identify", str(tmp_path / "folder"), *gallery, "--json"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert [entry["code"] for entry in answer["left_out"]] == ["not_an_image"]
    assert len(answer["faces"]) == 1
    assert captured.err.count("\n") == 1


def test_a_path_of_10_000_characters_is_left_out_as_others_are(
    gallery: list[str], pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["identify", "x" * 10_000, str(pictures["ada-2"]), *gallery]) == 0
    captured = capsys.readouterr()
    assert "Ada [" in captured.out
    assert captured.err.count("\n") == 1
    assert "cannot be read (file name too long): check the path" in captured.err


def test_a_single_file_that_is_no_photograph_is_2(
    gallery: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.jpg").write_text("text")
    capsys.readouterr()
    assert run(["identify", str(tmp_path / "text.jpg"), *gallery]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_several_faces_where_one_was_asked_for_are_no_answer(
    gallery: list[str], pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    command = ["identify", str(pictures["group"]), "--face", "only", *gallery, "--json"]
    assert run(command) == 3
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert error["code"] == "several_faces"
    assert error["message"] == f"2 faces found in {pictures['group']}, one was asked for"
    assert error["hint"].startswith("choose with")
    assert captured.err.count("\n") == 1


def test_files_of_which_none_can_be_used_are_one_line(
    gallery: list[str], pictures: Pictures, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    group, gone = str(pictures["group"]), str(tmp_path / "gone.jpg")
    assert run(["identify", group, gone, "--face", "only", *gallery]) == 2
    error = capsys.readouterr().err
    assert error == (
        f"facegate: none of 2 files could be used: there is no file {gone}: check the path\n"
    )


def test_a_folder_without_photographs_is_named(
    gallery: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    capsys.readouterr()
    assert run(["identify", str(tmp_path / "empty"), *gallery]) == 3
    assert capsys.readouterr().err == f"there are no photographs in {tmp_path / 'empty'}\n"


def test_a_file_whose_name_is_two_lines_or_no_text_is_one_line(
    gallery: list[str],
    pictures: Pictures,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    shutil.copy(pictures["ada-2"], folder / "two\nlines.jpg")
    shutil.copy(pictures["nobody"], folder / "no \udcff text.jpg")
    (folder / "bad\n.jpg").write_text("text")
    capsys.readouterr()
    assert run(["identify", str(folder), *gallery]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 2
    assert "two\\nlines.jpg: Ada [" in captured.out
    assert captured.err.count("\n") == 1
    assert run(["identify", str(folder), *gallery, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    sources = [Path(entry["source"]) for entry in answer["photographs"]]
    assert sources == [folder / "no \udcff text.jpg", folder / "two\nlines.jpg"]


def test_a_table_for_spreadsheets(gallery: list[str], pictures: Pictures, tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    run(["identify", str(pictures["group"]), *gallery, "--csv", str(table)])
    rows = rows_of(table)
    assert sorted(row["decision"] for row in rows) == ["match", "unknown"]
    assert sorted(row["name"] for row in rows) == ["", "Ada"]


def test_a_cell_is_never_a_formula(tmp_path: Path, pictures: Pictures) -> None:
    from facegate import Recognizer

    with Recognizer(tmp_path / "people.db") as recognizer:
        recognizer.enroll("=HYPERLINK(1)", [pictures["ada-1"]])
        answer = recognizer.identify(pictures["ada-2"])
    write_table(tmp_path / "names.csv", [answer])
    (row,) = rows_of(tmp_path / "names.csv")
    assert row["name"] == "'=HYPERLINK(1)"


def test_annotated_copies(gallery: list[str], pictures: Pictures, tmp_path: Path) -> None:
    from facegate import read_photo

    folder = tmp_path / "annotated"
    run(["identify", str(pictures["group"]), *gallery, "--annotate", str(folder)])
    (copy,) = folder.iterdir()
    drawn, original = read_photo(copy), read_photo(pictures["group"])
    assert drawn.pixels.shape == original.pixels.shape
    assert (drawn.pixels != original.pixels).any()


def test_a_copy_of_a_file_with_the_longest_name_finds_room(
    gallery: list[str], pictures: Pictures, tmp_path: Path
) -> None:
    photo = tmp_path / f"{'李' * 83}.jpg"  # 253 bytes; a name may have 255
    shutil.copy(pictures["ada-2"], photo)
    folder = tmp_path / "annotated"
    assert run(["identify", str(photo), *gallery, "--annotate", str(folder)]) == 0
    (copy,) = folder.iterdir()
    assert copy.name.startswith("李" * 50)


@pytest.mark.parametrize("probe", ["folder", "film"])
def test_a_gallery_that_is_not_there_is_said_before_the_work(
    probe: str,
    pictures: Pictures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("facegate.data.folders.find_photos", lambda _folder: pytest.fail("search"))
    what = ["--camera", "film.mp4"] if probe == "film" else [str(tmp_path)]
    assert run(["identify", *what, "--gallery", str(tmp_path / "missing.db")]) == 2
    assert "there is no gallery" in capsys.readouterr().err


def test_two_names_for_one_face_are_no_answer(
    gallery: list[str], pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["enroll", "Countess", str(pictures["ada-1"]), *gallery]) == 0
    capsys.readouterr()
    assert run(["identify", str(pictures["ada-2"]), *gallery]) == 3
    line = capsys.readouterr().out
    assert ": inconclusive [" in line
    assert " >= " in line
    assert line.endswith(": Ada and Countess score the same\n")
    assert run(["identify", str(pictures["ada-2"]), *gallery, "--json"]) == 3
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["identity"] is None
    assert face["runner_up"]["identity"]["name"] == "Ada"


def test_the_time_of_decoding_is_counted(
    gallery: list[str], pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["identify", str(pictures["ada-2"]), *gallery, "--json"]) == 0
    seconds = json.loads(capsys.readouterr().out)["seconds"]
    assert list(seconds) == ["decode", "detect", "embed", "total"]
    assert 0 < seconds["decode"] < seconds["total"]


def test_a_rate_that_nothing_supports_is_said(
    gallery: list[str], pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["identify", str(pictures["group"]), *gallery, "--fpir", "1e-12", "--json"]) == 1
    captured = capsys.readouterr()
    assert "supports no threshold for FPIR 1e-12 among 1 templates" in captured.err
    assert captured.err.count("\n") == 1
    notes = {face["note"] for face in json.loads(captured.out)["faces"]}
    assert captured.err == f"{notes.pop()}\n"
    assert not notes


def test_a_table_that_cannot_be_written_is_one_line(
    gallery: list[str], pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pictures["ada-1"] / "names.csv"
    assert run(["identify", str(pictures["ada-2"]), *gallery, "--csv", str(table)]) == 2
    assert f"facegate: {table} cannot be written" in capsys.readouterr().err


def test_a_table_in_the_place_of_a_folder_is_refused_before_the_work(
    gallery: list[str],
    pictures: Pictures,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    photo = pictures["ada-2"]
    for flag, place, reason in (
        ("--csv", tmp_path, "is a directory"),
        ("--annotate", photo, "not a directory"),
    ):
        assert run(["identify", str(photo), *gallery, flag, str(place)]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith(f"facegate: {place} cannot be written ({reason})")
        assert captured.out == ""


@pytest.mark.parametrize(("left_out", "words"), [(6, "6 more"), (600, "at least 600 more")])
def test_a_count_that_is_a_lower_bound_is_said_to_be_one(
    gallery: list[str],
    pictures: Pictures,
    left_out: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find = Pipeline.find
    monkeypatch.setattr(
        Pipeline,
        "find",
        lambda *args, **others: replace(find(*args, **others), n_left_out=left_out),
    )
    assert run(["identify", str(pictures["ada-2"]), *gallery]) == 0
    said = capsys.readouterr().err.splitlines()
    assert f"{pictures['ada-2']}: {words} faces were left out" in said
