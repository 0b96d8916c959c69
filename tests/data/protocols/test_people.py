from pathlib import Path

import pytest

from facegate.data.protocols.people import read_people
from facegate.errors import InputError


def people(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    for name in ("b", "a"):
        for number in range(2):
            path = folder / name / f"{number}.webp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


def test_reads_a_folder_a_person(tmp_path: Path) -> None:
    found = read_people(people(tmp_path))
    assert found.names == ("a", "b")
    assert found.person.tolist() == [0, 0, 1, 1]
    assert found.group is None


def test_a_split_and_groups_come_from_the_file_beside_the_folder(tmp_path: Path) -> None:
    folder = people(tmp_path)
    (tmp_path / "people.csv").write_text("identity,source,images,split\na,x,2,cal\nb,y,2,train\n")
    found = read_people(folder, split="cal")
    assert (found.names, found.group, found.split) == (("a",), ("x",), "cal")
    with pytest.raises(InputError, match="in split val: its splits are cal, train"):
        read_people(folder, split="val")


def test_a_split_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a file people\.csv beside people names"):
        read_people(people(tmp_path), split="cal")


def test_the_split_for_thresholds(test_data: Path) -> None:
    found = read_people(test_data / "people", split="cal")
    assert len(found.names) == 618
    assert len(found.photos) == 4475
    assert set(found.group or ()) == {"a", "b"}
