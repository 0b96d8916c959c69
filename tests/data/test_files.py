"""Files written whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from facegate.data.files import (
    check_output,
    check_output_folder,
    write_atomically,
    write_output,
)
from facegate.errors import InputError, MachineError


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


def test_the_name_of_an_open_file_is_never_replaced(tmp_path: Path) -> None:
    """``--csv /dev/stdout > file``: a regular file by all that the system says of it."""
    link = tmp_path / "stdout"
    with (tmp_path / "file").open("wb") as file:
        name = Path(f"/proc/self/fd/{file.fileno()}")
        link.symlink_to(name)
        for path in (name, link):
            assert path.is_file()
            for use in (check_output, lambda place: write_output(place, b"x")):
                with pytest.raises(InputError, match="it is not a regular file"):
                    use(path)
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["file", "stdout"]


@pytest.mark.parametrize("is_mount", [True, False])
def test_where_nothing_may_be_written_is_said_before_the_work(
    tmp_path: Path, is_mount: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An administrator, as tests often are, may write everywhere but on a read-only disk.
    monkeypatch.setattr(os, "access", lambda *_: False)
    if is_mount:
        sealed = os.statvfs_result((0,) * 8 + (os.ST_RDONLY, 255))
        monkeypatch.setattr(os, "statvfs", lambda _path: sealed)
    reason = os.strerror(errno.EROFS if is_mount else errno.EACCES).lower()
    for use, path in (
        (check_output, tmp_path / "names.csv"),
        (check_output, tmp_path / "no" / "folder" / "names.csv"),
        (check_output_folder, tmp_path),
        (check_output_folder, tmp_path / "no" / "folder"),
    ):
        with pytest.raises(MachineError, match=r"cannot be written \(.*choose another") as caught:
            use(path)
        assert caught.value.code == "read_only"
        assert caught.value.message == f"{path} cannot be written ({reason})"
    assert os.listdir(tmp_path) == []


def test_a_folder_for_many_files_may_be_new_but_not_a_file(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "new" / "folder")
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(InputError, match=r"cannot be written \(not a directory\)"):
            check_output_folder(path)


def test_a_read_only_disk_is_the_machines_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MachineError, match=r"cannot be written \(read-only file system\)"):
        write_output(tmp_path / "names.csv", b"x")


def test_a_link_keeps_leading_where_it_led(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    link, target = tmp_path / "names.csv", tmp_path / "kept" / "today.csv"
    link.symlink_to(target)
    for contents in (b"first", b"second"):
        check_output(link)
        write_output(link, contents)
        assert link.is_symlink()
        assert target.read_bytes() == contents
