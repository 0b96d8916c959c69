"""Write a file whole or not at all."""

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from facegate.data.text import printable
from facegate.errors import FacegateError, InputError, MachineError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says on a disk that is full, over its quota, or not to take so large a file."""

READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
"""What it says of a place where this user may not write."""

_MOST_LINKS = 40  # as the kernel follows them
_OF_PROCESSES = re.compile(r"/proc/|/dev(/fd)?$")


@contextmanager
def replacing(path: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Open a new file beside ``path`` that takes its place when the block ends without an error.

    The contents reach the disk before the name does, so a reader or a crash finds the old file
    or the new one. On an error nothing is left behind. What is there and is no regular file is
    left alone: an administrator would put a file in the place of ``/dev/null``.

    Raises:
        OSError: the place cannot be written to.
    """
    _check_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_atomically(path: Path, contents: bytes, *, mode: int = 0o644) -> None:
    """Write ``contents`` to ``path``, whole or not at all."""
    with replacing(path, mode=mode) as file:
        file.write(contents)


def discard(path: Path) -> None:
    """Remove a file of ours that is of no more use, where it is and the system lets us."""
    with suppress(OSError):
        path.unlink()


def check_output(path: Path) -> None:
    """Refuse a place that no file of ours can take, before the work that would end there.

    Raises:
        InputError: it is a folder, a device, a pipe, or no place at all.
        MachineError: code read_only.
    """
    try:
        _check_folder(_behind_links(path).parent)
    except OSError as error:
        raise _unwritable(error, path) from error


def check_output_folder(folder: Path) -> None:
    """Refuse a folder that no file of ours can get into; it may not be there yet.

    Raises:
        InputError: it is a file, or no place at all.
        MachineError: code read_only.
    """
    try:
        _check_folder(folder)
    except OSError as error:
        raise _unwritable(error, folder) from error


def write_output(path: Path, contents: bytes) -> None:
    """Write a file where a person wants it, whole or not at all; through a link, not in its place.

    Raises:
        InputError: the place cannot be written to.
        MachineError: code disk_full or read_only.
    """
    try:
        write_atomically(_behind_links(path), contents)
    except OSError as error:
        raise _unwritable(error, path) from error


def _behind_links(path: Path) -> Path:
    _check_place(path)  # by the name that was given, which may stand for what a process has open
    return Path(os.path.realpath(path))


def _check_place(path: Path) -> None:
    if _is_open_file(path):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def _is_open_file(path: Path) -> bool:
    """Say whether a name stands for what a process has open, as /dev/stdout does.

    That may be a regular file; the new one would take the place of the name, not of the file.
    """
    for _ in range(_MOST_LINKS):
        if _OF_PROCESSES.match(os.path.realpath(path.parent)):
            return True
        if not path.is_symlink():
            break
        path = path.parent / os.readlink(path)
    return False


def _check_folder(folder: Path) -> None:
    """Raise where a folder is none, or where it or the one to make it in cannot be written to."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not stat.S_ISDIR(folder.stat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        is_for_reading = hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY
        number = errno.EROFS if is_for_reading else errno.EACCES
        raise OSError(number, os.strerror(number), str(folder))


def _unwritable(error: OSError, path: Path) -> FacegateError:
    reason = (error.strerror or type(error).__name__).lower()
    message = f"{printable(str(path))} cannot be written ({reason})"
    if error.errno in NO_SPACE:
        return MachineError(message, hint="free some space", code="disk_full")
    if error.errno in READ_ONLY:
        return MachineError(message, hint="choose another place", code="read_only")
    return InputError(message, hint="choose another place")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
