"""``enroll --camera``, ``identify --camera``, ``devices`` and ``demo``: a film is the camera."""

import io
import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facegate.capture import open_camera
from facegate.capture.devices import Device
from facegate.cli import run
from facegate.data.images import read_photo

NAME = "Eileen Collins"


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words on the terminal are what is tested here."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory, session_home: Path, films: Path) -> list[str]:
    """Options that name a gallery in which one person is enrolled from a film."""
    options = ["--gallery", str(tmp_path_factory.mktemp("gallery") / "people.db")]
    assert run(["enroll", NAME, "--camera", str(films / "sitting.mp4"), "-q", *options]) == 0
    return options


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_words_lead_through_an_enrolment(
    films: Path, tmp_path: Path, facegate_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--gallery", str(tmp_path / "people.db"), "--plain"]
    assert run(["enroll", "Ada", "--camera", str(films / "again.mp4"), *options]) == 0
    said = capsys.readouterr()
    assert "Look straight into the camera" in said.err
    assert said.out.startswith("Ada: ")


def test_an_enrolment_that_fails_is_one_line_and_3(
    films: Path, tmp_path: Path, facegate_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = tmp_path / "people.db"
    arguments = ["--camera", str(films / "takeover.mp4"), "--gallery", str(gallery), "--json", "-q"]
    assert run(["enroll", "Ada", *arguments]) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["code"] == "other_person"
    assert said.err.count("\n") == 1
    assert "another person" in said.err
    assert not gallery.exists()


def test_a_look_alike_is_named_before_saving(
    films: Path, gallery: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    film = str(films / "again.mp4")
    assert run(["enroll", "Look Alike", "--camera", film, "--json", *gallery]) == 0
    said = capsys.readouterr()
    assert f"looks like {NAME}" in said.err
    assert json.loads(said.out)["conflicts"][0]["identity"]["name"] == NAME
    assert run(["gallery", "erase", "Look Alike", "--yes", *gallery]) == 0


class Terminal(io.StringIO):
    """Somebody at a keyboard."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 3), ("", 130)])
def test_a_look_alike_is_saved_only_if_somebody_at_the_terminal_says_so(
    films: Path,
    gallery: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    status: int,
) -> None:
    """Yes saves, no saves nothing and is no interruption; Ctrl-D is one."""
    monkeypatch.setattr("sys.stdin", Terminal(answer and answer + "\n"))
    film = str(films / "again.mp4")
    assert run(["enroll", "Look Alike", "--camera", film, "--plain", *gallery]) == status
    said = capsys.readouterr()
    assert f"looks like {NAME}" in said.err
    assert ("stopped" in said.err) == (status == 130)
    assert ("nothing was changed" in said.err) == (status != 0)
    known = run(["gallery", "show", "Look Alike", *gallery])
    capsys.readouterr()
    assert (known == 0) == (status == 0)
    if status == 0:
        assert run(["gallery", "erase", "Look Alike", "--yes", *gallery]) == 0


def test_a_film_gives_events_a_summary_and_the_budget(
    films: Path, gallery: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots = tmp_path / "snapshots"
    film = str(films / "passing.mp4")
    arguments = ["--camera", film, "--json", "--snapshots", str(snapshots), *gallery]
    assert run(["identify", *arguments]) == 0
    said = capsys.readouterr()
    (event,) = lines(said.out)
    keys = ["time", "track", "decision", "identity", "score", "threshold", "box"]
    assert list(event) == keys
    assert event["identity"]["name"] == NAME
    assert event["score"] >= event["threshold"]
    assert 0 < event["time"] < 2.5
    assert f"to 0:02.4  {NAME}" in said.err
    assert "frames seen" in said.err
    assert "detect" in said.err
    (picture,) = snapshots.iterdir()
    assert read_photo(picture).width == 320


def test_a_stranger_is_1_and_nobody_is_3(
    films: Path, gallery: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["identify", "--camera", str(films / "stranger.mp4"), "--json", *gallery]) == 1
    (event,) = lines(capsys.readouterr().out)
    assert event["decision"] == "unknown"
    assert event["identity"] is None
    assert run(["identify", "--camera", str(films / "nobody.mp4"), "--json", *gallery]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "film nobody.mp4 shows no face for long enough to be decided" in said.err


def test_two_people_in_a_film_get_each_their_answer(
    films: Path, gallery: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["identify", "--camera", str(films / "pair.mp4"), *gallery]) == 1
    out = capsys.readouterr().out
    assert NAME in out
    assert "unknown" in out


def test_a_camera_on_its_side_is_used_when_asked(
    films: Path, gallery: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from facegate.capture.film_writer import write_film

    with open_camera(films / "passing.mp4") as frames:
        turned = [np.ascontiguousarray(np.rot90(frame.pixels)) for frame in frames]
    write_film(tmp_path / "sideways.mp4", turned, fps=8)
    arguments = ["identify", "--camera", str(tmp_path / "sideways.mp4"), "--rotate", "auto"]
    assert run([*arguments, *gallery]) == 0
    assert NAME in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["identify", "--camera", "missing.mp4"], 2, "no camera or film"),
        (["identify", "--camera", "auto", "photo.jpg"], 2, "photographs, folders or --camera"),
        (["identify", "photo.jpg", "--again", "5"], 2, "are for --camera"),
        (["identify", "--camera", "x.mp4", "--csv", "t.csv"], 2, "for photographs"),
        (["enroll", "Ada", "--camera", "missing.mp4"], 2, "no camera or film"),
        (["enroll", "Ada", "--camera", "ftp://host/film"], 2, "no address"),
    ],
)
def test_bad_input_is_one_line(
    gallery: list[str],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    says: str,
) -> None:
    assert run([*arguments, *gallery]) == status
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("command", [["enroll", "Ada"], ["identify"]])
def test_a_camera_that_is_not_there_is_said_before_a_model_is_made_ready(
    empty_home: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert run([*command, "--camera", "97"]) == 4
    assert "camera 97 could not be opened" in capsys.readouterr().err
    assert not list(empty_home.rglob("*.xml"))
    assert not (empty_home / "gallery.db").exists()


def test_no_camera_is_4(
    gallery: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("facegate.capture.list_cameras", list)
    monkeypatch.setattr("facegate.capture.devices.list_cameras", list)
    for command in (["identify", "--camera", "auto", *gallery], ["devices"]):
        assert run(command) == 4
        said = capsys.readouterr()
        assert "no camera was found" in said.err
        assert said.err.count("\n") == 1


class Working:
    """A camera with noise in its picture."""

    n = 0

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        time.sleep(0.01)
        Working.n += 1
        noise = np.random.default_rng(Working.n).integers(60, 120, (48, 64, 3), np.uint8)
        return True, noise

    def get(self, prop: int) -> float:
        return 30.0 if prop == 5 else 0.0

    def release(self) -> None:
        pass


class Shut(Working):
    """One that cannot be opened."""

    def isOpened(self) -> bool:
        return False


def test_devices_are_listed_with_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = [Device("/dev/video90", "/dev/video90", "Good", "/dev/v4l/by-id/good")]
    monkeypatch.setattr("facegate.capture.devices.list_cameras", lambda: known)
    monkeypatch.setattr(
        "facegate.capture.camera._connect_device",
        lambda target: Working() if target.endswith("90") else Shut(),
    )
    assert run(["devices", "--snapshots", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "/dev/video90 (Good): 64 x 48, 30 frames a second" in out
    assert "/dev/v4l/by-id/good" in out
    assert read_photo(tmp_path / "video90.jpg").width == 64
    known.append(Device("/dev/video91", "/dev/video91", ""))
    assert run(["devices", "--json"]) == 1
    cameras = json.loads(capsys.readouterr().out)["cameras"]
    assert [camera["ok"] for camera in cameras] == [True, False]
    assert "could not be opened" in cameras[1]["problem"]


class Stream(BaseHTTPRequestHandler):
    """A network camera that shows a film again and again; /black and /frozen are broken ones."""

    pictures: list[Any]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for picture in itertools.cycle(self.pictures):
                if self.path != "/":
                    picture = np.full_like(picture, 0 if self.path == "/black" else 120)
                packed = cv2.imencode(".jpg", picture)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(packed)}"
                self.wfile.write(head.encode() + b"\r\n\r\n" + packed + b"\r\n")
                time.sleep(0.1)
        except OSError:
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def network_camera(films: Path) -> Iterator[str]:
    with open_camera(films / "passing.mp4") as frames:
        Stream.pictures = [frame.pixels[:, :, ::-1] for frame in frames]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_live_camera_reports_a_person_once_and_sigterm_ends_it_cleanly(
    network_camera: str, gallery: list[str]
) -> None:
    command = [sys.executable, "-m", "facegate", "identify", "--camera", network_camera]
    process = subprocess.Popen(
        [*command, "--json", *gallery], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert first["identity"]["name"] == NAME
    assert first["time"].endswith("Z")
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out == ""
    assert "frames seen" in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 3


@pytest.mark.parametrize("command", [["identify"], ["enroll", "Ada"]])
@pytest.mark.parametrize(("path", "says"), [("black", "black frames"), ("frozen", "same frame")])
def test_a_camera_that_is_broken_from_the_start_is_4(
    network_camera: str,
    gallery: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    path: str,
    says: str,
) -> None:
    monkeypatch.setattr("facegate.capture.camera.JUDGE_AFTER_S", 0.5)
    assert run([*command, "--camera", network_camera + path, *gallery]) == 4
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1


def test_a_terminal_without_a_display_shows_the_budget(
    network_camera: str,
    gallery: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C ends it: 130, and a last line says where the time went."""
    from facegate.cli.live_session import LiveSession

    taken = LiveSession._take

    def until_named(session: LiveSession, moment: Any) -> None:
        taken(session, moment)
        if moment.events:
            raise KeyboardInterrupt

    monkeypatch.setattr(LiveSession, "_take", until_named)
    monkeypatch.setattr("facegate.cli.common.Output.shows_progress", True)
    assert run(["identify", "--camera", network_camera, *gallery]) == 130
    said = capsys.readouterr()
    assert " frames seen, 1 used, " in said.err.split("\r")[1]
    assert NAME in said.out
    assert said.err.splitlines()[-1] == "facegate: stopped: nothing was changed"


def test_the_demo_does_what_it_says(
    facegate_home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--json"]) == 0
    said = capfd.readouterr()
    answer = json.loads(said.out)
    assert answer["ok"]
    assert answer["recognised"]["decision"] == "match"
    assert answer["recognised"]["score"] >= answer["recognised"]["threshold"]
    assert answer["refused"]["decision"] == "unknown"
    assert answer["refused"]["score"] < answer["refused"]["threshold"]
    assert read_photo(answer["picture"]).width == 1280
    assert "Look straight into the camera" in said.err


class FakeWindow:
    """A window that is lost, or closed by its user, after two pictures."""

    def __init__(self, *, quits: bool) -> None:
        self.alive, self.quit, self._quits = True, False, quits
        self.n_shown, self.closed = 0, False

    def show(self, pixels: Any) -> None:
        assert pixels.dtype == np.uint8
        self.n_shown += 1
        if self.n_shown == 2:
            self.alive, self.quit = False, self._quits

    def close(self) -> None:
        self.closed = True


@pytest.fixture(params=["lost", "closed by its user"])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeWindow:
    made = FakeWindow(quits=request.param != "lost")
    monkeypatch.setattr("facegate.preview.Preview.open", lambda _title: made)
    return made


def test_a_lost_window_costs_nothing_and_a_closed_one_ends_it_unsaved(
    window: FakeWindow,
    films: Path,
    tmp_path: Path,
    facegate_home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gallery = tmp_path / "people.db"
    arguments = ["--camera", str(films / "again.mp4"), "--gallery", str(gallery)]
    status = run(["enroll", "Ada", *arguments])
    said = capsys.readouterr()
    assert window.closed
    assert window.n_shown == 2
    if window.quit:
        assert status == 130
        assert "nothing was changed" in said.err
        assert not gallery.exists()
    else:
        assert status == 0
        assert said.out.startswith("Ada: ")


def test_ctrl_c_in_the_middle_says_that_nothing_was_changed(
    films: Path,
    tmp_path: Path,
    facegate_home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from facegate.guide import Coach

    def interrupted(_coach: Coach, _view: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Coach, "see", interrupted)
    gallery = tmp_path / "people.db"
    arguments = ["--camera", str(films / "again.mp4"), "--gallery", str(gallery)]
    assert run(["enroll", "Ada", *arguments]) == 130
    assert "nothing was changed" in capsys.readouterr().err
    assert not gallery.exists()
