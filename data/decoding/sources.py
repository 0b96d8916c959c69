"""Get the bytes of a photograph from wherever a caller has them, without being led astray.

A photograph on disk is a regular file. Opening anything else can hang (a FIFO), act (a device)
or reach out (an address), so it is refused before it is opened.
"""

import errno
import os
import re
import stat
from typing import BinaryIO

from facegate.data.text import printable
from facegate.errors import ImageError

# A pathlib.Path of an address has lost one of its slashes.
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]+://|(https?|ftps?|file|s3|gs):/|data:|mailto:", re.IGNORECASE
)
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_GIVE = "give the path of a photograph"


def read_file(path: str | os.PathLike[str], *, max_bytes: int) -> bytes:
    """Return the contents of a regular file of 1 to ``max_bytes`` bytes.

    Raises:
        ImageError: code no_such_file, not_a_file or image_too_large.
    """
    text = os.fsdecode(path)
    shown = printable(text)
    if not text:
        raise ImageError("an empty path names no file", hint=_GIVE, code="no_such_file")
    if _ADDRESS.match(text):
        raise ImageError(
            f"{shown} is an address, not a file",
            hint="download the photograph and give its path",
            code="not_a_file",
        )
    try:
        named = os.stat(text)
        if stat.S_ISDIR(named.st_mode) and not os.access(text, os.R_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        _check_kind(named, shown)
        # Between the two looks the name may have come to mean something else.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(text, flags), "rb") as file:
            found = os.fstat(file.fileno())
            _check_kind(found, shown)
            check_bytes(found.st_size, max_bytes, shown)
            return check_bytes_read(file.read(max_bytes + 1), max_bytes, shown)
    except OSError as error:
        raise _unreadable(error, shown) from error
    except ValueError as error:  # a NUL or a lone surrogate in the name
        raise ImageError(
            f"{shown} cannot be the name of a file", hint=_GIVE, code="no_such_file"
        ) from error


def read_stream(file: BinaryIO, shown: str, *, max_bytes: int) -> bytes:
    """Return what is left of an open binary file, 1 to ``max_bytes`` bytes.

    Raises:
        ImageError: code not_a_file, not_an_image or image_too_large.
    """
    try:
        contents = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: the file was closed
        raise ImageError(f"{shown} cannot be read ({error})", code="not_a_file") from error
    if not isinstance(contents, bytes):
        raise ImageError(
            f"{shown} gives {type(contents).__name__}, not bytes",
            hint="open the file in binary mode, 'rb'",
            code="not_a_file",
        )
    return check_bytes_read(contents, max_bytes, shown)


def check_bytes_read(contents: bytes, max_bytes: int, shown: str) -> bytes:
    """Return ``contents`` if they are neither empty nor too many."""
    if not contents:
        raise ImageError(f"{shown} is empty", hint="get the photograph again from where it came")
    check_bytes(len(contents), max_bytes, shown)
    return contents


def check_bytes(n_bytes: int, max_bytes: int, shown: str) -> None:
    """Refuse a file of more than ``max_bytes`` bytes."""
    if n_bytes > max_bytes:
        raise ImageError(
            f"{shown} has more than {max_bytes / 1e6:g} MB",
            hint="save it smaller, for example as a JPEG",
            code="image_too_large",
        )


def display_name(source: object, attribute: str = "name") -> str:
    """Return what to call a source that was not given by its path."""
    name = getattr(source, attribute, None)
    if isinstance(name, str) and name:
        return name
    return f"<{type(source).__name__}>"


def _check_kind(found: os.stat_result, shown: str) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise ImageError(
            f"{shown} is a folder, not a photograph",
            hint="name a photograph in it",
            code="not_a_file",
        )
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something special")
    raise ImageError(f"{shown} is {kind}, not a file", hint=_GIVE, code="not_a_file")


def _unreadable(error: OSError, shown: str) -> ImageError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return ImageError(f"there is no file {shown}", hint="check the path", code="no_such_file")
    reason = (error.strerror or type(error).__name__).lower()
    code = "no_such_file" if error.errno in (errno.ELOOP, errno.ENAMETOOLONG) else "not_a_file"
    return ImageError(f"{shown} cannot be read ({reason})", hint="check the path", code=code)
