"""Put a folder in its place whole or not at all, also while another process does the same."""

import errno
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facegate.data.files import sync_folder
from facegate.errors import MachineError
from facegate.models.shelf.sums import fresh_sum

STALE_S = 24 * 3600
"""Age at which a folder that an interrupted installation left is swept away."""


@contextmanager
def in_place_of(target: Path) -> Iterator[Path]:
    """Yield a new folder that takes the place of ``target`` when the block ends without an error.

    Raises:
        MachineError: the disk does not take it.
    """
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        _sweep(target.parent)
        fresh.mkdir(parents=True)
        yield fresh
        _take_place(fresh, target)
        sync_folder(target.parent)
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise MachineError(
            f"{target} could not be written ({error.strerror or error})",
            hint="free some space" if is_full else "check the permissions of $FACEGATE_HOME",
            code="disk_full" if is_full else "",
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _take_place(fresh: Path, target: Path) -> None:
    while True:
        try:
            fresh.rename(target)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        # Between two renames the model is not there: where another process has just installed
        # the same, nobody must meet that.
        if _sums(fresh) == _sums(target):
            return
        old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        with suppress(FileNotFoundError):
            target.rename(old)
            shutil.rmtree(old, ignore_errors=True)


def _sums(folder: Path) -> dict[str, str]:
    """Return the sum of each file of a folder that another process may be replacing."""
    try:
        return {path.name: fresh_sum(path) for path in folder.iterdir()}
    except FileNotFoundError:
        return {}


def _sweep(folder: Path) -> None:
    for left in folder.glob(".*.part"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > STALE_S:
                shutil.rmtree(left, ignore_errors=True)
