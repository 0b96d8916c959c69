"""Find the photographs in folders: always in the same order, each file once.

A name that ends like an image is listed, so that a damaged one is named and not lost; of other
files the first bytes decide. Hidden files and the litter of operating systems are passed over.
"""

import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from facegate.data.decoding.formats import (
    HEADER_BYTES,
    OTHER_SUFFIXES,
    SUFFIXES,
    format_of,
    is_image,
)
from facegate.data.text import counted, printable
from facegate.errors import InputError

log = logging.getLogger(__name__)

FIRST_NOTE_S, NEXT_NOTE_S = 2.0, 10.0
"""A search that lasts says how far it is, so that nobody takes a large disk for a standstill."""

_LITTER = frozenset(("__macosx", "@eadir", "thumbs.db", "ehthumbs.db", "desktop.ini"))

_FileId = tuple[int, int]  # device and inode


def find_photos(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the photographs in a folder and the folders in it, sorted by path.

    Links are followed; a file that can be reached in two ways is listed once, under the path that
    sorts first, and loops end. A folder that may not be read is listed itself, so that whoever
    reads the photographs hears of it.

    Raises:
        InputError: ``folder`` is no folder.
    """
    top = _folder(folder)
    search = _Search(top)
    found = list(search.photos(top))
    search.end()
    return found


def find_people(folder: str | os.PathLike[str]) -> list[tuple[str, list[Path]]]:
    """Return the people of a folder that holds one folder a person, sorted by name.

    Returns:
        Each person's name, which is the name of the folder, and the photographs in it and below;
        none where the folder holds none.

    Raises:
        InputError: ``folder`` is no folder, or there is no folder in it.
    """
    top = _folder(folder)
    entries = _entries(top)
    people = [entry for entry in entries or [] if os.path.isdir(entry)]
    if not people:
        shown = printable(str(top))
        raise InputError(
            f"{shown} holds no folder of a person",
            hint="make one folder a person in it, named after the person",
        )
    search = _Search(top)
    found = [(person.name, list(search.photos(person))) for person in people]
    search.end()
    return found


def loose_photos(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the photographs that lie beside the folders of people, sorted: nobody's.

    Raises:
        InputError: ``folder`` is no folder.
    """
    entries = _entries(_folder(folder)) or []
    return [p for p in entries if not os.path.isdir(p) and _may_be_photo(p, _stat(p))]


def _folder(folder: str | os.PathLike[str]) -> Path:
    top = Path(folder)
    try:
        is_folder = stat.S_ISDIR(top.stat().st_mode)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        shown = printable(str(top))
        raise InputError(
            f"there is no folder {shown}", hint="check the path", code="no_such_file"
        ) from error
    if not is_folder:
        raise InputError(f"{printable(str(top))} is not a folder", hint="name a folder")
    return top


class _Search:
    """A walk through a folder, which says how far it is where that takes long."""

    def __init__(self, top: Path) -> None:
        self._top = printable(str(top))
        self._next_note = time.monotonic() + FIRST_NOTE_S
        self._n_files = self._n_photos = 0
        self._lasts = False

    def photos(self, folder: Path) -> Iterator[Path]:
        """Yield photographs depth first, with a stack: folders nest deeper than calls may."""
        waiting, seen = [folder], set[_FileId]()
        while waiting:
            path = waiting.pop()
            found = _stat(path)
            if found is not None:
                identity = (found.st_dev, found.st_ino)
                if identity in seen:
                    continue
                seen.add(identity)
            self._count()
            if found is not None and stat.S_ISDIR(found.st_mode):
                entries = _entries(path)
                if entries is not None:
                    waiting.extend(reversed(entries))
                    continue
            elif not _may_be_photo(path, found):
                continue
            self._n_photos += 1
            yield path

    def end(self) -> None:
        """Say what was found, to whoever was told that it takes long."""
        if self._lasts:
            log.info("found %s in %s", counted(self._n_photos, "photograph"), self._top)

    def _count(self) -> None:
        self._n_files += 1
        now = time.monotonic()
        if now < self._next_note:
            return
        self._next_note, self._lasts = now + NEXT_NOTE_S, True
        log.info(
            "looking for photographs in %s: %s among %s so far; Ctrl-C stops it",
            self._top,
            self._n_photos,
            counted(self._n_files, "file"),
        )


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None  # a link to nothing


def _entries(folder: Path) -> list[Path] | None:
    """Return what is visible in a folder, sorted, or None where it may not be read."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None
    return [folder / name for name in names if is_visible(name)]


def is_visible(name: str) -> bool:
    """Say whether a name is neither hidden nor the litter of an operating system."""
    return not name.startswith(".") and name.lower() not in _LITTER


def _may_be_photo(path: Path, found: os.stat_result | None) -> bool:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES or suffix in OTHER_SUFFIXES:
        return True
    # An empty file is none; those of /proc are empty too, and reading some of them never ends.
    if found is None or not stat.S_ISREG(found.st_mode) or not found.st_size:
        return False
    try:
        with path.open("rb") as file:
            return is_image(format_of(file.read(HEADER_BYTES)))
    except OSError:
        return False
