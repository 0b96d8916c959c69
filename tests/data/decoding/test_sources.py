import errno
import io
import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facegate.data.images import read_photo
from facegate.errors import ImageError


def refused(source: Any, **options: Any) -> ImageError:
    start = time.perf_counter()
    with pytest.raises(ImageError) as caught:
        read_photo(source, **options)
    assert time.perf_counter() - start < 5
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2
    return caught.value


@pytest.mark.parametrize(
    "name", ["nobody.jpg", "a\0b.jpg", "x" * 10_000, "x/" * 5000, "", "\ud800.jpg"]
)
def test_names_of_no_file(name: str) -> None:
    error = refused(name)
    assert error.code == "no_such_file"
    assert len(str(error)) < 500
    str(error).encode()


def test_a_path_in_bytes_is_a_path(tmp_path: Path) -> None:
    class InBytes:
        def __fspath__(self) -> bytes:
            return os.fsencode(tmp_path / "no \udcff text.jpg")

    assert "there is no file" in str(refused(InBytes()))


def test_control_characters_of_a_name_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\n\u202eb.jpg"
    path.write_text("no image")
    message = str(refused(path))
    assert r"a\x1b[31m\n\u202eb.jpg is text" in message


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/a.jpg",
        "HTTPS://x",
        "ftp://x/y",
        "data:image/png;base64,AA",
        Path("https://example.org/a.jpg"),
        Path("file:///a.jpg"),
    ],
)
def test_addresses_are_refused(address: str | Path) -> None:
    error = refused(address)
    assert error.code == "not_a_file"
    assert "address" in str(error)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path).code == "not_a_file"


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    error = refused(tmp_path / "pipe.jpg")
    assert error.code == "not_a_file"
    assert "a pipe" in str(error)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_refused(device: str) -> None:
    error = refused(device)
    assert error.code == "not_a_file"
    assert "a device" in str(error)


def test_a_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s.jpg"))
        assert "a socket" in str(refused(tmp_path / "s.jpg"))


def test_a_link_to_itself_and_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "c.jpg")
    assert refused(tmp_path / "a.jpg").code == "no_such_file"
    assert refused(tmp_path / "b.jpg").code == "no_such_file"


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert refused(tmp_path / "a" / "b.jpg").code == "no_such_file"


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    error = refused(tmp_path / "a.jpg")
    assert error.code == "not_an_image"
    assert "is empty" in str(error)


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert refused(path).code == "image_too_large"


def test_the_largest_file_passes(grace_path: Path) -> None:
    size = grace_path.stat().st_size
    assert read_photo(grace_path, max_bytes=size).width == 512
    assert refused(grace_path, max_bytes=size - 1).code == "image_too_large"
    assert refused(grace_path.read_bytes(), max_bytes=size - 1).code == "image_too_large"
    with grace_path.open("rb") as file:
        assert refused(file, max_bytes=size - 1).code == "image_too_large"


def test_a_file_that_may_not_be_read(grace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:  # root may read everything, so that chmod would not do
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", fail)
    assert "permission denied" in str(refused(grace_path))


def test_files_that_are_no_binary_files(tmp_path: Path) -> None:
    assert "binary mode" in str(refused(io.StringIO("text")))
    closed = io.BytesIO(b"x")
    closed.close()
    assert refused(closed).code == "not_a_file"
    assert refused(io.BytesIO()).code == "not_an_image"


@pytest.mark.parametrize("source", [None, 3, object(), [1, 2]])
def test_things_that_are_no_photograph(source: Any) -> None:
    assert "give a path" in str(refused(source))


def test_every_kind_of_source_gives_the_same_pixels(grace_path: Path) -> None:
    contents = grace_path.read_bytes()
    photo = read_photo(grace_path)
    assert photo.source == str(grace_path)
    with grace_path.open("rb") as file:
        others = [
            read_photo(str(grace_path)),
            read_photo(contents),
            read_photo(bytearray(contents)),
            read_photo(memoryview(contents)),
            read_photo(file),
            read_photo(io.BytesIO(contents), name="it"),
        ]
    for other in others:
        np.testing.assert_array_equal(other.pixels, photo.pixels)
        assert other.sha256 == photo.sha256
    assert others[4].source == str(grace_path)
    assert others[5].source == "it"


def test_a_folder_that_may_not_be_read_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(ImageError, match=r"cannot be read \(permission denied\)"):
        read_photo(tmp_path)
