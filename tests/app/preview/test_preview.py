"""A window, and what happens where there is none or it vanishes."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from facegate.preview import Preview, has_display

PICTURE = np.full((120, 160, 3), 90, np.uint8)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no display."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def wait_for(condition: object, seconds: float = 10) -> bool:
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's displays")
def test_without_a_display_there_is_no_window(bare: pytest.MonkeyPatch) -> None:
    assert not has_display()
    assert Preview.open("test") is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's displays")
def test_a_display_that_does_not_answer_is_no_window(
    bare: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bare.setenv("DISPLAY", ":987")
    assert Preview.open("test") is None
    assert capfd.readouterr().err == ""


def fake_window(code: str) -> Preview:
    """A preview whose window is a little program of the test's own."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    return Preview(process)


def test_a_window_that_dies_is_noticed_and_costs_nothing() -> None:
    with fake_window("import sys; sys.stdin.buffer.read(10)") as preview:
        assert preview.alive
        for _ in range(50):
            preview.show(PICTURE)
            time.sleep(0.002)
        assert wait_for(lambda: not preview.alive)
        assert not preview.quit
        preview.show(PICTURE)


def test_a_window_that_stands_still_does_not_hold_up_the_work() -> None:
    with fake_window("import time; time.sleep(60)") as preview:
        started = time.monotonic()
        for _ in range(200):
            preview.show(PICTURE)
        assert time.monotonic() - started < 1


def test_a_user_who_closes_the_window_asks_to_quit() -> None:
    with fake_window("print('q', end='', flush=True); input()") as preview:
        assert wait_for(lambda: preview.quit)
        assert not preview.alive


@pytest.fixture
def screen(bare: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[bytes]"]:
    """A display of the test's own, where the system has Xvfb."""
    if shutil.which("Xvfb") is None:
        strict = os.environ.get("FACEGATE_TEST_STRICT") == "1"
        (pytest.fail if strict else pytest.skip)("needs Xvfb, a display without a screen")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24"],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as lines:
        bare.setenv("DISPLAY", f":{lines.readline().strip()}")
    yield server
    server.kill()
    server.wait()


def test_a_real_window_opens_and_a_display_that_vanishes_is_survived(
    screen: "subprocess.Popen[bytes]", capfd: pytest.CaptureFixture[str]
) -> None:
    preview = Preview.open("test")
    assert preview is not None
    with preview:
        for _ in range(10):
            preview.show(PICTURE)
            time.sleep(0.02)
        assert preview.alive
        screen.kill()
        assert wait_for(lambda: not preview.alive)
        assert not preview.quit
        preview.show(PICTURE)
    assert capfd.readouterr().err == ""
