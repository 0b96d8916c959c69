"""Cameras that work, and every way in which one does not. The broken ones are made up."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facegate import capture
from facegate.capture import Camera, open_camera
from facegate.capture.devices import Device, list_cameras, why_not_open
from facegate.errors import CameraError, InputError


class FakeCamera:
    """A capture that gives what a function of the frame's number says, at 100 a second."""

    def __init__(self, picture: Callable[[int], Any], *, opens: bool = True) -> None:
        self.picture, self.opens = picture, opens
        self.n, self.released = 0, False

    def isOpened(self) -> bool:
        return self.opens

    def read(self) -> tuple[bool, Any]:
        time.sleep(0.01)
        given = self.picture(self.n)
        self.n += 1
        return given is not None, given

    def get(self, prop: int) -> float:
        return {3: 64.0, 4: 48.0, 5: 30.0}.get(prop, 0.0)

    def release(self) -> None:
        self.released = True


def noisy(n: int) -> Any:
    return np.random.default_rng(n).integers(60, 120, (48, 64, 3), np.uint8)


def black(n: int) -> Any:
    return np.random.default_rng(n).integers(0, 9, (48, 64, 3), np.uint8)


def frozen(_n: int) -> Any:
    return noisy(0)


def hang(_n: int) -> Any:
    time.sleep(20)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge in a quarter of a second what otherwise takes three."""
    monkeypatch.setattr("facegate.capture.camera.JUDGE_AFTER_S", 0.25)


def camera(picture: Callable[[int], Any], **options: Any) -> Camera:
    fake = FakeCamera(picture, **options)
    return Camera("/dev/video-none", name="camera 0", connect=lambda _: fake, patience_s=0.4)


def test_a_camera_gives_the_latest_frame_and_drops_the_others() -> None:
    with camera(lambda n: np.full((48, 64, 3), 40 + n % 200, np.uint8) + noisy(n) % 2) as frames:
        first = frames.latest()
        deadline = time.monotonic() + 20
        while frames.n_seen < first.index + 12 and time.monotonic() < deadline:
            time.sleep(0.01)
        second = frames.latest()
    assert second.index >= first.index + 10
    assert frames.n_dropped >= 9
    assert second.time_s > first.time_s + 0.09
    assert frames.size == (64, 48)
    assert not frames.is_film


def test_no_frame_is_given_twice() -> None:
    with camera(noisy) as frames:
        seen = [frame.index for frame, _ in zip(frames, range(10), strict=False)]
    assert len(set(seen)) == len(seen)


def test_a_closed_camera_is_released_and_ends() -> None:
    fake = FakeCamera(noisy)
    with Camera(0, connect=lambda _: fake) as frames:
        frames.latest()
    deadline = time.monotonic() + 2
    while not fake.released and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fake.released
    assert list(frames) == []


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: camera(black), "gives black frames"),
        (lambda: camera(frozen), "the same frame again and again"),
        (lambda: camera(hang), "opens but sends no picture within"),
        (lambda: camera(noisy, opens=False), "could not be opened: it is not there"),
        (lambda: camera(lambda _n: None), "gives no picture: it is not there"),
        (lambda: camera(lambda n: noisy(n) if n < 10 else None), "stopped sending"),
        (lambda: camera(lambda n: noisy(n) if n < 10 else hang(n)), "stopped sending within"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    quick: None, make: Callable[[], Camera], says: str
) -> None:
    started = time.monotonic()
    with make() as frames, pytest.raises(CameraError, match=says) as caught:
        for _ in frames:
            pass
    assert time.monotonic() - started < 10
    assert caught.value.exit_status == 4
    assert "\n" not in str(caught.value)
    assert "facegate devices" in caught.value.hint or caught.value.hint


def test_a_driver_that_hangs_while_opening_is_given_up() -> None:
    def connect(_target: Any) -> FakeCamera:
        time.sleep(3)
        return FakeCamera(noisy)

    frames = Camera(0, connect=connect, patience_s=0.3)
    with pytest.raises(CameraError, match=r"camera 0 does not answer within 0\.3 seconds"):
        frames.latest()


def test_a_room_that_turns_dark_later_is_no_fault(quick: None) -> None:
    with camera(lambda n: noisy(n) if n < 5 else np.zeros((48, 64, 3), np.uint8)) as frames:
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            frames.latest()


def test_a_first_black_frame_is_waited_out(quick: None) -> None:
    with camera(lambda n: black(n) if n < 8 else noisy(n)) as frames:
        assert frames.settled().pixels.max() >= 60


def test_a_grey_camera_gives_rgb() -> None:
    with camera(lambda n: noisy(n)[:, :, 0]) as frames:
        assert frames.latest().pixels.shape == (48, 64, 3)


class Stream(BaseHTTPRequestHandler):
    """A network camera: motion JPEG over HTTP; /short ends after 20 frames."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for n in range(20 if self.path == "/short" else 2000):
                picture = np.full((96, 128, 3), 60 + n % 150, np.uint8)
                packed = cv2.imencode(".jpg", picture)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(packed)}"
                self.wfile.write(head.encode() + b"\r\n\r\n" + packed + b"\r\n")
                time.sleep(0.005)
        except OSError:
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_network_camera_is_read(address: str) -> None:
    with open_camera(f"{address}/stream") as frames:
        assert isinstance(frames, Camera)
        assert frames.latest().pixels.shape == (96, 128, 3)
        assert not frames.is_film


def test_a_network_camera_that_ends_is_lost(address: str) -> None:
    with (
        open_camera(f"{address}/short") as frames,
        pytest.raises(CameraError, match="stopped sending"),
    ):
        for _ in frames:
            pass


def test_an_address_that_does_not_answer_is_given_up() -> None:
    """A server that takes the call and stays silent."""
    silent = socket.create_server(("127.0.0.1", 0))
    started = time.monotonic()
    url = f"http://ada:secret@127.0.0.1:{silent.getsockname()[1]}/stream"
    with pytest.raises(CameraError, match=r"does not answer|could not be opened") as caught:
        open_camera(url)
    silent.close()
    assert time.monotonic() - started < 10  # 4 seconds, and what else the machine does
    assert "secret" not in str(caught.value)
    assert "check the address" in caught.value.hint


def test_nobody_at_an_address_is_said_at_once() -> None:
    with pytest.raises(CameraError, match="could not be opened"):
        open_camera("rtsp://127.0.0.1:9/stream")


@pytest.mark.parametrize(
    "spec", ["file:///etc/passwd", "concat:a|b", "ftp://host/film", "auto2", ""]
)
def test_other_addresses_are_refused(spec: str) -> None:
    with pytest.raises(InputError) as caught:
        open_camera(spec)
    assert caught.value.exit_status == 2


def test_a_device_that_is_not_there_is_a_missing_camera() -> None:
    with pytest.raises(CameraError, match="not there, or was unplugged") as caught:
        open_camera("/dev/v4l/by-id/usb-none")
    assert caught.value.exit_status == 4


def test_a_machine_without_a_camera_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "list_cameras", list)
    with pytest.raises(CameraError, match="no camera was found") as caught:
        open_camera("auto")
    assert caught.value.exit_status == 4


def test_auto_takes_the_first_camera_that_works(
    monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    pictures = {"a": black, "b": noisy, "c": noisy}
    monkeypatch.setattr(capture, "list_cameras", lambda: [Device(n, n, n) for n in pictures])
    monkeypatch.setattr(
        "facegate.capture.camera._connect_device", lambda target: FakeCamera(pictures[target])
    )
    with open_camera("auto") as frames:
        assert "b" in frames.name


def test_auto_names_what_is_wrong_where_none_works(
    monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.setattr(capture, "list_cameras", lambda: [Device("a", "a", "a")])
    monkeypatch.setattr(
        "facegate.capture.camera._connect_device", lambda _target: FakeCamera(black)
    )
    with pytest.raises(CameraError, match="black"):
        open_camera("auto")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's list of cameras")
def test_cameras_are_listed_by_number_with_their_names(tmp_path: Path) -> None:
    sysfs, dev = tmp_path / "sys", tmp_path / "dev"
    dev.mkdir()
    for name in ("video10", "video2", "v4l-subdev0"):
        (sysfs / name).mkdir(parents=True)
        (sysfs / name / "name").write_text(f"Lens {name}\n")
        (dev / name).symlink_to("/nonexistent")
    assert list_cameras(sysfs, dev) == []
    assert list_cameras(tmp_path / "none", dev) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's list of processes")
def test_who_uses_a_camera_is_named(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    code = f"import time; f = open({str(path)!r}); print('open', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        assert f"(process {holder.pid})" in why_not_open(str(path))
    finally:
        holder.kill()
        holder.communicate()
    assert "another program" in why_not_open(str(path))
    assert "not there" in why_not_open(str(tmp_path / "video1"))
