"""The command line: ``facegate COMMAND``. One file a command; help imports nothing heavy."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import TextIO

import click

from facegate import __version__
from facegate.errors import FacegateError

COMMANDS = {
    "demo": "Enrol one of two people and find her again: no camera, no network.",
    "enroll": "Give a name to a face, from photographs, a folder of people or a camera.",
    "verify": "Are these two the same person? Is this who it is said to be?",
    "identify": "Who, if anyone enrolled, is in these photographs or before the camera?",
    "gallery": "List, mend, undo, back up and move the people who are enrolled.",
    "serve": "A web page and an API for this machine.",
    "keys": "Make, list and revoke keys of the server's API.",
    "models": "See, install and add face embedders.",
    "devices": "List the cameras and what is wrong with each.",
    "train": "Train an embedder with semi-hard triplet loss.",
    "evaluate": "Measure error rates, with their intervals.",
    "calibrate": "Turn scores into error rates for your own gallery.",
    "doctor": "Look for what is missing or mismatched on this machine.",
}
MACHINE_STATUS = 4
BUG_STATUS = 70
INTERRUPTED_STATUS = 130

_OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO),
}


class _Stopped(Exception):
    """Ctrl-C on its way through click, which would print an empty line for it."""


class LazyGroup(click.Group):
    """A group that imports the file of a command when that command is used."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; Ctrl-C passes click unseen."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise _Stopped(getattr(stop, "note", "nothing was changed")) from stop

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names, or raise with the nearest names."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=list(COMMANDS), ctx=ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command by name, importing its file."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"facegate.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="facegate")
def cli() -> None:
    """Put a name to a face on your own machine, with an error rate that was measured.

    Results go to stdout, messages to stderr. Exit status: 0 yes, 1 an honest no, 2 bad input,
    3 no answer, 4 this machine lacks something, 70 a bug of ours, 130 Ctrl-C.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with the exit status of architecture §4."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    _open_closed_streams()
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    sys.exit(run(args))


def run(args: list[str]) -> int:
    """Run one command and return its exit status; every error becomes one line on stderr."""
    try:
        status = cli.main(args=args, prog_name="facegate", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except FacegateError as error:
        if _verbosity(args) >= 2:
            tell(traceback.format_exc())
        return _report(args, error.message, error.hint, error.code, error.exit_status)
    except click.exceptions.NoArgsIsHelpError as error:
        tell(error.format_message())
        return error.exit_code
    except click.ClickException as error:
        message = error.format_message().rstrip(".")
        return _report(args, message, _usage_hint(error), "invalid_request", 2)
    except _Stopped as stop:
        return _report(args, "stopped", str(stop), "interrupted", INTERRUPTED_STATUS)
    except click.Abort:
        return _report(args, "stopped", "nothing was changed", "interrupted", INTERRUPTED_STATUS)
    except BrokenPipeError:
        # The reader of our output is gone (`facegate … | head`): nothing is left to say.
        _drop(sys.stdout)
        return 0
    except Exception as error:
        if _verbosity(args) >= 2:
            tell(traceback.format_exc())
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
            return _machine_fault(args, error)
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            # Asking whether there is such a file raises; only a person gives names so long.
            message = f"there is no file {os.fsdecode(error.filename or '')}, the name is too long"
            return _report(args, message, "check the path", "no_such_file", 2)
        message = f"bug in facegate: {type(error).__name__}: {error}"
        return _report(args, message, "run again with -v -v and report it", "bug", BUG_STATUS)


def _machine_fault(args: list[str], error: OSError) -> int:
    """Report a disk that takes no more, or a place that may not be written, as no bug of ours."""
    from facegate.data.files import NO_SPACE

    reason = (error.strerror or type(error).__name__).lower()
    code = "disk_full" if error.errno in NO_SPACE else "read_only"
    hint = "free some space" if code == "disk_full" else "see 'facegate doctor'"
    if error.filename is not None:
        what = f"{os.fsdecode(error.filename)} cannot be used ({reason})"
        return _report(args, what, hint, code, MACHINE_STATUS)
    # Only what is open already has no name: the output.
    _drop(sys.stdout)
    hint += "; 'facegate gallery history' shows what was saved before"
    return _report([], f"the output cannot be written ({reason})", hint, code, MACHINE_STATUS)


def _open_closed_streams() -> None:
    """Give a stream that came closed (``>&-``) a place, or a file of ours gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  (it stays open)


def tell(text: str, *, newline: bool = True) -> None:
    """Print to stderr. Where that takes nothing the exit status still says what is true."""
    try:
        click.echo(text, err=True, nl=newline)
    except OSError:
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    """Let Python's own flush at exit not complain of a stream that takes nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _report(args: list[str], message: str, hint: str, code: str, status: int) -> int:
    from facegate.data.text import printable

    message, hint = printable(message), printable(hint)
    if "--json" in args:
        import json

        try:
            click.echo(json.dumps({"error": {"code": code, "message": message, "hint": hint}}))
        except OSError:  # the error itself matters more
            _drop(sys.stdout)
    tell(f"facegate: {message}" + (f": {hint}" if hint else ""))
    return status


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    help_ = f"see '{context.command_path} --help'" if context is not None else ""
    if isinstance(error, click.NoSuchOption) and not error.option_name.startswith("--"):
        return f"{help_}; a name or a file that begins with a hyphen goes after --"
    return help_


def _verbosity(args: list[str]) -> int:
    return sum(a.count("v") for a in args if a.startswith("-") and set(a[1:]) == {"v"})


def _as_ctrl_c(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
