"""Files written whole or not at all."""

import os
from pathlib import Path

import pytest

from facegate.data.files import check_output, write_atomically, write_output
from facegate.errors import InputError


def test_a_file_takes_the_place_of_another_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "names.csv"
    for contents in (b"old", b"new"):
        check_output(target)
        write_output(target, contents)
        assert target.read_bytes() == contents
    assert os.listdir(target.parent) == ["names.csv"]


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    """``--csv /dev/null`` in the hands of an administrator."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link"):
        for use in (check_output, lambda place: write_output(place, b"x")):
            with pytest.raises(InputError, match=r"cannot be written \(it is not a regular file\)"):
                use(path)
        with pytest.raises(OSError, match="it is not a regular file"):
            write_atomically(path, b"x")
    assert pipe.is_fifo()
    assert (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


def test_a_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written \(is a directory\): choose another"):
        check_output(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written \(not a directory\)"):
        check_output(tmp_path / "file" / "names.csv")
