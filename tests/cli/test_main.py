"""The command line itself: help, near misses, exit statuses, one line an error."""

import errno
import json
import subprocess
import sys

import click
import pytest

from facegate import cli
from facegate.errors import NoFaceError

HEAVY = ("torch", "numpy", "cv2", "PIL", "openvino", "faiss", "sqlite3", "rich")


def facegate(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "facegate", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from facegate.cli import run; status = run(['--help']); "
        f"print([m for m in {HEAVY!r} if m in sys.modules], status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_that_imports_nothing_heavy(name: str) -> None:
    code = (
        f"import sys; from facegate.cli import run; status = run([{name!r}, '--help']); "
        f"print([m for m in {HEAVY!r} if m in sys.modules], status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"
    assert "Usage: facegate" in done.stdout


def test_a_mistyped_command_names_the_nearest() -> None:
    done = facegate("enrol")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Did you mean" in done.stderr
    assert "enroll" in done.stderr


def test_a_name_that_begins_with_a_hyphen_is_told_where_to_go(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["enroll", "-rf", "a.jpg"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.endswith("; a name or a file that begins with a hyphen goes after --\n")
    assert cli.run(["enroll", "--camara", "auto"]) == 2
    assert "hyphen" not in capsys.readouterr().err


def test_no_command_shows_the_help() -> None:
    done = facegate()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_version() -> None:
    assert facegate("--version").stdout.startswith("facegate, version ")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> "list[BaseException]":
    """A command that raises whatever the test puts into the list."""
    errors: list[BaseException] = []

    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    @click.option("-v", "verbosity", count=True)
    def command(as_json: bool, verbosity: int) -> None:
        raise errors[0]

    monkeypatch.setitem(cli.COMMANDS, "fail", "Fail.")
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda _self, _ctx, _name: command)
    return errors


def test_an_error_is_one_line_with_its_status(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(NoFaceError("no face found in a.jpg", hint="try another"))
    assert cli.run(["fail"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "facegate: no face found in a.jpg: try another\n"


def test_an_error_is_one_object_with_json(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(NoFaceError("no face found in a.jpg", hint="try another"))
    assert cli.run(["fail", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error == {
        "code": "no_face",
        "message": "no face found in a.jpg",
        "hint": "try another",
    }


def test_a_bug_is_one_line_and_70(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(ZeroDivisionError("oh"))
    assert cli.run(["fail"]) == 70
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "bug in facegate: ZeroDivisionError: oh" in err


def test_a_bug_shows_its_traceback_when_asked(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(ZeroDivisionError("oh"))
    assert cli.run(["fail", "-v", "-v"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code", "hint"),
    [
        (errno.ENOSPC, "disk_full", "free some space"),
        (errno.EDQUOT, "disk_full", "free some space"),
        (errno.EROFS, "read_only", "see 'facegate doctor'"),
        (errno.EACCES, "read_only", "see 'facegate doctor'"),
    ],
)
def test_a_disk_that_takes_nothing_is_no_bug_but_4(
    failing: list[BaseException],
    number: int,
    code: str,
    hint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing.append(OSError(number, "Because", "/some/file"))
    assert cli.run(["fail", "--json"]) == 4
    captured = capsys.readouterr()
    assert captured.err == f"facegate: /some/file cannot be used (because): {hint}\n"
    assert json.loads(captured.out)["error"]["code"] == code


def test_a_name_too_long_for_any_file_is_2(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000))
    assert cli.run(["fail", "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "no_such_file"
    assert captured.err.startswith("facegate: there is no file xxx")
    assert captured.err.endswith("x, the name is too long: check the path\n")


def test_another_error_of_the_system_is_a_bug(failing: list[BaseException]) -> None:
    failing.append(OSError(errno.ENOENT, "No such file", "/some/file"))
    assert cli.run(["fail"]) == 70


@pytest.mark.parametrize("arguments", [["models", "list"], ["models", "list", "--json"]])
def test_an_output_that_takes_nothing_is_4(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "facegate", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "the output cannot be written (no space left on device)" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug(closed: str) -> None:
    command = f'exec "$0" -m facegate models list {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_is_130(failing: list[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    failing.append(KeyboardInterrupt())
    assert cli.run(["fail"]) == 130
    assert capsys.readouterr().err == "facegate: stopped: nothing was changed\n"


def test_control_characters_never_reach_the_terminal(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(NoFaceError("no face found in \x1b[31mred\n.jpg"))
    cli.run(["fail"])
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "\x1b" not in err


@pytest.mark.parametrize(("stream", "heard"), [("stderr", "stdout"), ("stdout", "stderr")])
def test_an_error_that_cannot_be_told_keeps_its_status(stream: str, heard: str) -> None:
    """An uncaught error would end with 1, which reads as "no match"."""
    with open("/dev/full", "w") as full:
        pipes = {stream: full, heard: subprocess.PIPE}
        command = [sys.executable, "-m", "facegate", "models", "info", "nope", "--json", "-v", "-v"]
        done = subprocess.run(command, text=True, timeout=60, check=False, **pipes)  # type: ignore[call-overload]
    assert done.returncode == 2
    assert "no model is called 'nope'" in getattr(done, heard)


def test_a_result_stands_where_notes_cannot_be_told() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "facegate", "models", "verify", "facegate-0", "-v"],
            stdout=subprocess.PIPE,
            stderr=full,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0
