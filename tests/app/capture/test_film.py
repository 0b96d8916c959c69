"""Films: every frame, upright, in order; and what is no film."""

import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facegate.capture import Film, open_camera
from facegate.capture.film_writer import write_film
from facegate.errors import CameraError, InputError

N = 12


def numbered(n: int = N, size: tuple[int, int] = (64, 48)) -> Iterator[NDArray[np.uint8]]:
    """Frames that say their number by their grey level, left half darker."""
    for i in range(n):
        frame = np.full((size[1], size[0], 3), 20 + 15 * i, np.uint8)
        frame[:, : size[0] // 2] //= 2
        yield frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films: good.mp4, good.avi, good.mjpeg."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("good.mp4", "good.avi", "good.mjpeg"):
        assert write_film(folder / name, numbered(), fps=10) == N
    return folder


@pytest.mark.parametrize("name", ["good.mp4", "good.avi", "good.mjpeg"])
def test_a_film_gives_every_frame_in_order(folder: Path, name: str) -> None:
    with open_camera(folder / name) as film:
        frames = list(film)
    assert film.is_film
    assert film.n_seen == N
    assert film.n_dropped == 0
    assert [frame.index for frame in frames] == list(range(N))
    levels = [float(frame.pixels[:, 40:].mean()) for frame in frames]
    assert levels == pytest.approx([20 + 15 * i for i in range(N)], abs=6)
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert len(set(times)) == N
    if name != "good.mjpeg":
        assert times == pytest.approx([i / 10 for i in range(N)], abs=0.01)
        assert film.size == (64, 48)
        assert film.n_frames == N


def test_frames_are_rgb(tmp_path: Path) -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[:, :, 0] = 220
    write_film(tmp_path / "red.mp4", [red] * 3)
    with open_camera(tmp_path / "red.mp4") as film:
        pixels = next(iter(film)).pixels
    assert pixels.dtype == np.uint8
    assert pixels[:, :, 0].mean() > 180
    assert pixels[:, :, 2].mean() < 60


def rotated(film: bytes, degrees: int) -> bytes:
    """The same film with a display rotation in its track header, as phones write it."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one = 0x10000
    matrix = struct.pack(">9i", cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30)
    at = film.index(b"tkhd") + 4 + 4 + 20 + 16
    return film[:at] + matrix + film[at + 36 :]


@pytest.mark.parametrize(("degrees", "dark"), [(90, "top"), (180, "right"), (270, "bottom")])
def test_the_rotation_that_a_film_states_is_applied(
    folder: Path, tmp_path: Path, degrees: int, dark: str
) -> None:
    path = tmp_path / "turned.mp4"
    path.write_bytes(rotated((folder / "good.mp4").read_bytes(), degrees))
    with open_camera(path) as film:
        pixels = list(film)[-1].pixels.mean(axis=2)
    assert pixels.shape == ((48, 64) if degrees == 180 else (64, 48))
    height, width = pixels.shape
    halves = {
        "top": pixels[: height // 2],
        "bottom": pixels[height // 2 :],
        "left": pixels[:, : width // 2],
        "right": pixels[:, width // 2 :],
    }
    assert min(halves, key=lambda side: float(halves[side].mean())) == dark


def test_frames_of_changing_size_are_read(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "sizes.mjpeg"
    small = b"".join(
        cv2.imencode(".jpg", np.full((24, 32, 3), 200, np.uint8))[1].tobytes() for _ in range(4)
    )
    path.write_bytes((folder / "good.mjpeg").read_bytes() + small)
    with open_camera(path) as film:
        frames = list(film)
    assert len(frames) == N + 4
    assert all(frame.pixels.ndim == 3 for frame in frames)


def test_a_film_cut_inside_a_frame_gives_what_is_there_and_says_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "cut.avi"
    write_film(path, numbered(size=(640, 480)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3 + 33])
    with open_camera(path) as film:
        n = len(list(film))
    assert 0 < n < N
    assert f"{n} of {N} frames" in film.note


def test_a_film_left_early_is_not_called_damaged(folder: Path) -> None:
    with open_camera(folder / "good.mp4") as film:
        next(iter(film))
    assert film.note == ""


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("no film at all\n" * 50)


def _cut(path: Path) -> None:
    write_film(path, numbered())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _list(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1/other.mp4\n")


def _concat(path: Path) -> None:
    path.write_text("\n ffconcat version 1.0\nfile '/etc/hostname'\n")


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _nothing(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_empty, "is empty"),
        (_text, "no film that can be read"),
        (_cut, "no film that can be read"),
        (_list, "list of other films"),
        (_concat, "list of other films"),
        (_folder, "a folder"),
        (_pipe, "no regular file"),
        (_nothing, "no camera or film"),
    ],
)
def test_what_is_no_film_is_refused_in_one_sentence(tmp_path: Path, make: Any, says: str) -> None:
    path = tmp_path / "film.mp4"
    make(path)
    with pytest.raises(InputError, match=says) as caught:
        open_camera(path)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)


def test_a_broken_film_leaves_stderr_silent(folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = []
    for name in ("good.mp4", "good.avi", "good.mjpeg"):
        broken = bytearray((folder / name).read_bytes())
        for at in rng.integers(len(broken) // 3, len(broken) - 400, 60):
            broken[at] = int(rng.integers(256))
        path = tmp_path / name
        path.write_bytes(broken)
        paths.append(str(path))
    code = (
        "import sys\nfrom facegate.capture import open_camera\n"
        "from facegate.errors import FacegateError\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n        list(open_camera(path))\n"
        "    except FacegateError:\n        pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, timeout=120)
    assert done.returncode == 0
    assert done.stderr == b""
    assert done.stdout == b""


class SlowFilm:
    """A capture that counts how far it was read, and can hang."""

    def __init__(self, hang_at: int = 1 << 30) -> None:
        self.n_read, self.hang_at = 0, hang_at
        self.release_me = threading.Event()

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        if self.n_read >= self.hang_at:
            self.release_me.wait(30)
            return False, None
        self.n_read += 1
        return True, np.full((48, 64, 3), self.n_read % 250, np.uint8)

    def get(self, prop: int) -> float:
        return {3: 64.0, 4: 48.0, 5: 25.0, 7: -1.0, 0: 0.0}[prop]

    def release(self) -> None:
        pass


def test_a_film_is_read_only_a_few_frames_ahead(folder: Path) -> None:
    slow = SlowFilm()
    with Film(folder / "good.mp4", connect=lambda _: slow) as film:
        frames = iter(film)
        for _ in range(3):
            next(frames)
        time.sleep(0.3)
        assert slow.n_read <= 3 + 4 + 2


def test_times_run_on_where_a_film_states_none(folder: Path) -> None:
    with Film(folder / "good.mp4", connect=lambda _: SlowFilm()) as film:
        frames = iter(film)
        times = [next(frames).time_s for _ in range(5)]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_a_film_that_hangs_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegate.capture.film.PATIENCE_S", 0.3)
    slow = SlowFilm(hang_at=2)
    with Film(folder / "good.mp4", connect=lambda _: slow) as film:
        with pytest.raises(CameraError, match="gave no frame") as caught:
            list(film)
        slow.release_me.set()
    assert caught.value.exit_status == 4


class HugeFilm(SlowFilm):
    def get(self, prop: int) -> float:
        return 30_000.0 if prop in (3, 4) else super().get(prop)


def test_frames_that_are_too_large_are_refused_before_one_is_decoded(folder: Path) -> None:
    huge = HugeFilm()
    with pytest.raises(InputError, match="30000 x 30000"):
        Film(folder / "good.mp4", connect=lambda _: huge)
    assert huge.n_read == 0


def test_a_film_can_only_be_written_under_a_known_ending(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.mp4, \.avi or \.mjpeg"):
        write_film(tmp_path / "film.txt", numbered())
    with pytest.raises(InputError, match="no film can be written"):
        write_film(tmp_path / "missing" / "film.mp4", numbered())
