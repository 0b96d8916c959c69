from pathlib import Path

import pytest

from facegate.data.protocols.openset import read_open_set
from facegate.errors import InputError


def folder(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_probes_without_an_enrolled_folder_are_strangers(tmp_path: Path) -> None:
    enrolled = folder(tmp_path / "enrolled", "b/1.jpg", "a/1.jpg", "a/2.jpg")
    probes = folder(tmp_path / "probes", "a/3.jpg", "s/1.jpg", "s/2.jpg", "b/2.jpg")
    found = read_open_set(enrolled, probes)
    assert found.names == ("a", "b")
    assert found.identity.tolist() == [0, 0, 1]
    assert found.mate.tolist() == [0, 1, -1, -1]
    assert found.person.tolist() == [0, 1, 2, 2]


def test_a_photograph_on_both_sides_is_refused(tmp_path: Path) -> None:
    enrolled = folder(tmp_path / "enrolled", "a/1.jpg")
    (tmp_path / "probes" / "x").mkdir(parents=True)
    (tmp_path / "probes" / "x" / "link.jpg").symlink_to(enrolled / "a" / "1.jpg")
    with pytest.raises(InputError, match="is enrolled and a probe at once"):
        read_open_set(enrolled, tmp_path / "probes")


def test_an_empty_side_is_refused(tmp_path: Path) -> None:
    enrolled = folder(tmp_path / "enrolled", "a/1.jpg")
    (tmp_path / "probes" / "x").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no photograph"):
        read_open_set(enrolled, tmp_path / "probes")
