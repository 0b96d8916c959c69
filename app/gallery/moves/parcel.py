"""Read an exported gallery as what it may be: a file made to do harm.

Only fixed member names are opened, sizes are capped as declared and as they come out, sums are
checked, every value is checked for its type and range, and nothing is written while reading.
"""

import hashlib
import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeGuard

from facegate.errors import GalleryError, InputError, InvalidNameError
from facegate.gallery import vectors
from facegate.gallery.moves.portable import (
    FORMAT,
    IDENTITIES,
    KIND,
    MANIFEST,
    TEMPLATES,
    crop_member,
)
from facegate.gallery.names import clean_name
from facegate.gallery.opening import regular_file
from facegate.gallery.schema import MAX_DIM
from facegate.gallery.values import Sample
from facegate.gallery.writes.changes import MAX_CROP_BYTES, check_facts, is_crop

if TYPE_CHECKING:
    from facegate.models.values import Floats

MAX_SAMPLES = 1_000_000
_MAX_BYTES = {MANIFEST: 2**20, IDENTITIES: 2**29, TEMPLATES: 2**32}
_MAX_RATIO = 100
"""Text and vectors of ours shrink to a tenth at most; a bomb shrinks to a thousandth."""

_CROP = re.compile(r"crops/(0|[1-9][0-9]{0,6})\.png")
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)\{'descr': '<f4', 'fortran_order': False, "
    rb"'shape': \((?P<rows>\d{1,7}), (?P<columns>\d{1,4})\), \} {0,64}\n",
    re.DOTALL,
)
_UID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What the standard library raises on damaged or hostile zips, JSON and arrays.
_FAULTS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError),
    *(RuntimeError, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError),
)


@dataclass(frozen=True, slots=True)
class Person:
    """One identity of an export; its samples are without crops until they are asked for."""

    uid: str
    name: str
    created: int
    samples: tuple[Sample, ...]
    samples_created: tuple[int, ...]
    crops: tuple[tuple[int, str] | None, ...]


class Parcel:
    """An opened export.

    Attributes:
        model_id: the model of its templates. dim: their dimensions, None where it has none.
        people: everybody in it.

    Raises:
        InputError: the file is not an export, or anything in it is not as it should be.
    """

    def __init__(self, path: Path) -> None:
        regular_file(path, kind="export")
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        try:
            self._archive = zipfile.ZipFile(path)
            self._members = self._listed(self._archive)
            self.model_id, self.dim, seals = _manifest(self._read(MANIFEST))
            matrix = _matrix(self._sealed(TEMPLATES, seals), self.dim)
            self.people = _people(self._sealed(IDENTITIES, seals), matrix)
        except BaseException as error:
            self.close()
            if isinstance(error, InputError):
                error.message = f"{path} cannot be imported, {error.message}"
                raise
            if isinstance(error, _FAULTS):
                raise _refusal(f"{path} cannot be imported, it is no whole export") from error
            raise

    def close(self) -> None:
        """Close the file."""
        if self._archive is not None:
            self._archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def crop(self, row: int, sha256: str) -> bytes:
        """Return the crop of a template's row, as PNG.

        Raises:
            InputError: it is missing, too large or not the one that was exported.
        """
        try:
            contents = self._read(crop_member(row))
        except _FAULTS as error:
            raise _refusal(f"{self.path} cannot be imported, crop {row} is damaged") from error
        if hashlib.sha256(contents).hexdigest() != sha256:
            raise _refusal(f"{self.path} cannot be imported, crop {row} is not the exported one")
        if not is_crop(contents):
            raise _refusal(f"{self.path} cannot be imported, crop {row} is no PNG")
        return contents

    def _listed(self, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
        """Return the members, after a look at their names and declared sizes."""
        members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            name = member.filename
            limit = _MAX_BYTES.get(name, MAX_CROP_BYTES if _CROP.fullmatch(name) else None)
            if limit is None or name in members:
                raise _refusal(f"it holds {name!a:.80}, which no export does")
            ratio = member.file_size / max(member.compress_size, 1)
            if member.file_size > limit or ratio > _MAX_RATIO:
                raise _refusal(f"{name!a} unpacks to {member.file_size} bytes")
            members[name] = member
        for name in _MAX_BYTES:
            if name not in members:
                raise _refusal(f"it holds no {name}")
        return members

    def _read(self, name: str) -> bytes:
        assert self._archive is not None
        member = self._members[name]
        with self._archive.open(member) as file:
            contents = file.read(member.file_size + 1)
        if len(contents) != member.file_size:
            raise _refusal(f"{name} is longer or shorter than it says")
        return contents

    def _sealed(self, name: str, seals: dict[str, Any]) -> bytes:
        contents, seal = self._read(name), seals[name]
        if hashlib.sha256(contents).hexdigest() != seal["sha256"]:
            raise _refusal(f"{name} is not the one that was exported")
        return contents


def _refusal(why: str) -> InputError:
    return InputError(why, hint="export the gallery again", code="bad_export")


def _manifest(contents: bytes) -> tuple[str, int | None, dict[str, Any]]:
    manifest = json.loads(contents)
    if manifest["kind"] != KIND:
        raise _refusal("it is an export of something else")
    if manifest["format"] != FORMAT:
        raise GalleryError(
            f"the export has format {manifest['format']!a:.20}, this facegate reads {FORMAT}",
            hint="update facegate",
            code="newer_format",
        )
    model_id, dim = manifest["model"]["id"], manifest["model"]["dim"]
    if not (isinstance(model_id, str) and 0 < len(model_id) <= 200 and model_id.isprintable()):
        raise _refusal("it names no model")
    if dim is not None and not (_is_int(dim) and 1 <= dim <= MAX_DIM):
        raise _refusal(f"its model has {dim!a:.20} dimensions")
    seals: dict[str, Any] = manifest["parts"]
    return model_id, dim, seals


def _matrix(contents: bytes, dim: int | None) -> "Floats":
    import numpy as np

    # Not numpy's reader: it parses headers as Python, in several ways and with as many errors.
    header = _NPY.match(contents)
    if header is None:
        raise _refusal("its array is not float32 of two dimensions")
    shape = (int(header["rows"]), int(header["columns"]))
    rest = len(contents) - header.end()
    if int.from_bytes(header["length"], "little") != header.end() - 10:
        raise _refusal("its array has a header of another length than it says")
    is_whole = rest == 4 * shape[0] * shape[1] and (shape[0] == 0 or shape[1] == dim)
    if shape[0] > MAX_SAMPLES or not is_whole:
        raise _refusal(f"its array has {rest} bytes for shape {shape}")
    matrix: Floats = np.frombuffer(contents, "<f4", offset=header.end()).reshape(shape)
    if len(matrix) and (problem := vectors.fault(matrix, dim)):
        raise _refusal(problem)
    return matrix


def _people(contents: bytes, matrix: "Floats") -> list[Person]:
    found: list[Person] = []
    uids: set[str] = set()
    unused = set(range(len(matrix)))
    for line in contents.decode().splitlines():
        try:
            person = _person(json.loads(line), matrix, unused)
        except RecursionError:
            raise _refusal("its people are nested too deep") from None
        if person.uid in uids:
            raise _refusal(f"person {len(found) + 1} is in it twice")
        uids.add(person.uid)
        found.append(person)
    if unused:
        raise _refusal(f"{len(unused)} templates are nobody's")
    return found


def _person(entry: dict[str, Any], matrix: "Floats", unused: set[int]) -> Person:
    uid, name, samples = entry["uid"], entry["name"], entry["samples"]
    if not isinstance(uid, str) or not _UID.fullmatch(uid):
        raise _refusal("a person has no uid")
    if not isinstance(name, str) or not isinstance(samples, list) or not samples:
        raise _refusal(f"person {uid} has no name or no samples")
    try:
        name = clean_name(name)
    except InvalidNameError as error:
        raise _refusal(f"of person {uid} {error.message}") from None
    rows = [sample["template"] for sample in samples]
    if (
        not all(_is_int(row) for row in rows)
        or not set(rows) <= unused
        or len(set(rows)) < len(rows)
    ):
        raise _refusal(f"person {uid} has templates that are not in it or somebody else's")
    unused.difference_update(rows)
    return Person(
        uid,
        name,
        _time(entry["created"]),
        tuple(_sample(sample, matrix[row]) for sample, row in zip(samples, rows, strict=True)),
        tuple(_time(sample["created"]) for sample in samples),
        tuple(_crop(sample["crop_sha256"], row) for sample, row in zip(samples, rows, strict=True)),
    )


def _sample(entry: dict[str, Any], embedding: "Floats") -> Sample:
    quality, face_no, source = entry["quality"], entry["face_no"], entry["source_hash"]
    is_number = quality is None or _is_int(quality) or isinstance(quality, float)
    if not is_number or not _is_int(face_no) or not isinstance(source, str):
        raise _refusal("a sample has a quality, face number or source of another type")
    sample = Sample(
        embedding=embedding,
        quality=None if quality is None else float(quality),
        source_hash=source,
        face_no=face_no,
        kind=entry["kind"],
    )
    check_facts(sample)
    return sample


def _crop(sha256: object, row: int) -> tuple[int, str] | None:
    if sha256 is None:
        return None
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise _refusal(f"the sum of crop {row} is none")
    return row, sha256


def _time(value: object) -> int:
    # The year 9999 is as far as a datetime goes.
    if not _is_int(value) or not 0 <= value <= 253_402_300_799_999_999:
        raise _refusal("a time in it is none")
    return value


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
