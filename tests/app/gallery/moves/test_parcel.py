"""A hostile or broken export is refused in one line and changes nothing."""

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facegate.errors import FacegateError, InputError, NotAGalleryError
from facegate.gallery import Gallery, Sample

MakeSamples = Callable[..., list[Sample]]


@pytest.fixture
def parts(gallery: Gallery, samples: MakeSamples, tmp_path: Path) -> dict[str, bytes]:
    """The members of a good export: Ada (2 samples with crops) and Bob (1)."""
    gallery.enroll("Ada", samples(2, "Ada", crop_px=8))
    gallery.enroll("Bob", samples(1, "Bob"))
    gallery.export(tmp_path / "good.zip")
    gallery.undo()
    gallery.undo()
    with zipfile.ZipFile(tmp_path / "good.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def seal(parts: dict[str, bytes]) -> dict[str, bytes]:
    """Write the sums of changed members into the manifest, as an attacker would."""
    manifest = json.loads(parts["manifest.json"])
    for name in manifest["parts"]:
        manifest["parts"][name] = {
            "sha256": hashlib.sha256(parts[name]).hexdigest(),
            "bytes": len(parts[name]),
        }
    return {**parts, "manifest.json": json.dumps(manifest).encode()}


def write(path: Path, parts: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip of these members."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, contents in parts.items():
            archive.writestr(name, contents)
    return path


def refused(gallery: Gallery, file: Path, why: str) -> None:
    """Check that an import is refused with a reason, and changed nothing."""
    before = (gallery.count(), gallery.history())
    with pytest.raises(InputError, match=why) as caught:
        gallery.import_(file)
    assert str(file) in caught.value.message
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)
    assert (gallery.count(), gallery.history()) == before


def test_the_good_one_is_taken(gallery: Gallery, parts: dict[str, bytes], tmp_path: Path) -> None:
    assert gallery.import_(write(tmp_path / "x.zip", seal(parts))).n_samples == 3


@pytest.mark.parametrize(
    "contents", [b"", b"PK", b"text" * 500, b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(500)]
)
def test_no_zip(gallery: Gallery, tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(contents)
    refused(gallery, tmp_path / "x.zip", "it is no whole export|it holds no manifest")


def test_a_folder_and_a_missing_file(gallery: Gallery, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.zip"):
        with pytest.raises(NotAGalleryError):
            gallery.import_(path)


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "crops/../x.png", "crops/01.png", "crops/9999999999.png", "a.txt"],
)
def test_a_member_of_another_name(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    refused(gallery, write(tmp_path / "x.zip", {**parts, name: b"x"}), "which no export does")


def test_a_member_twice(gallery: Gallery, parts: dict[str, bytes], tmp_path: Path) -> None:
    file = write(tmp_path / "x.zip", parts)
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("manifest.json", parts["manifest.json"])
    refused(gallery, file, "which no export does")


@pytest.mark.parametrize("name", ["manifest.json", "identities.jsonl", "templates.npy"])
def test_a_missing_member(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    del parts[name]
    refused(gallery, write(tmp_path / "x.zip", parts), f"it holds no {name}")


@pytest.mark.parametrize("name", ["manifest.json", "identities.jsonl", "crops/7.png"])
def test_a_bomb_is_not_unpacked(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    parts[name] = b" " * 50_000_000
    refused(gallery, write(tmp_path / "x.zip", parts), "unpacks to 50000000 bytes")


def test_a_member_that_lies_about_its_size(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path
) -> None:
    parts["manifest.json"] += b" " * 2000
    file = write(tmp_path / "x.zip", parts)
    size = len(parts["manifest.json"]).to_bytes(4, "little")
    contents = file.read_bytes()
    assert contents.count(size) >= 2
    file.write_bytes(contents.replace(size, (100).to_bytes(4, "little")))
    refused(gallery, file, "cannot be imported")


@pytest.mark.parametrize("name", ["identities.jsonl", "templates.npy", "crops/0.png"])
def test_a_changed_member_is_noticed(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    changed = bytearray(parts[name])
    changed[len(changed) // 2] ^= 1
    parts[name] = bytes(changed)
    refused(gallery, write(tmp_path / "x.zip", parts), "is not the (one that was )?exported")


def test_a_missing_crop(gallery: Gallery, parts: dict[str, bytes], tmp_path: Path) -> None:
    del parts["crops/1.png"]
    refused(gallery, write(tmp_path / "x.zip", parts), "crop 1 is damaged")


def test_another_format_and_another_kind(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path
) -> None:
    manifest = json.loads(parts["manifest.json"])
    parts["manifest.json"] = json.dumps({**manifest, "kind": "tax return"}).encode()
    refused(gallery, write(tmp_path / "a.zip", parts), "an export of something else")
    parts["manifest.json"] = json.dumps({**manifest, "format": 2}).encode()
    with pytest.raises(
        FacegateError, match="the export has format 2, this facegate reads 1"
    ) as got:
        gallery.import_(write(tmp_path / "b.zip", parts))
    assert got.value.exit_status == 2


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"null", b"{}", b'{"kind"', b"[" * 100_000, b"\xff\xfe", b"9" * 10_000],
)
def test_a_manifest_that_is_none(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, manifest: bytes
) -> None:
    parts["manifest.json"] = manifest
    refused(gallery, write(tmp_path / "x.zip", parts, zipfile.ZIP_STORED), "cannot be imported")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", ""), ("id", 7), ("id", "a\nb"), ("id", "x" * 300),
        ("dim", 0), ("dim", 10**9), ("dim", "16"), ("dim", True), ("dim", None), ("dim", 8),
    ],
)  # fmt: skip
def test_a_model_that_is_none(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, key: str, value: object
) -> None:
    manifest = json.loads(parts["manifest.json"])
    manifest["model"][key] = value
    parts["manifest.json"] = json.dumps(manifest).encode()
    refused(gallery, write(tmp_path / "x.zip", parts), "cannot be imported")


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        npy(np.eye(3, 16)),
        npy(np.eye(3, 16, dtype=np.float32).T.copy().T),
        npy(np.eye(3, 8, dtype=np.float32)),
        npy(np.eye(4, 16, dtype=np.float32)),
        npy(np.eye(2, 16, dtype=np.float32)),
        npy(np.zeros((3, 16), np.float32)),
        npy(np.full((3, 16), np.nan, np.float32)),
        npy(np.full((3, 16), np.inf, np.float32)),
        npy(np.ones(48, np.float32)),
        npy(np.array([print] * 3, dtype=object), allow_pickle=True),
        npy(np.eye(3, 16, dtype=np.float32))[:-4],
        npy(np.eye(3, 16, dtype=np.float32)) + b"more",
        npy(np.eye(3, 16, dtype=np.float32)).replace(b"(3, 16)", b"(-3, 16)"[:7]),
        npy(np.eye(3, 16, dtype=np.float32)).replace(b"(3, 16), }  ", b"(9**9, 16), }"[:12]),
        b"",
        b"\x93NUMPY\x01\x00\xff\xff",
    ],
)
def test_an_array_that_is_none(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, array: bytes
) -> None:
    parts["templates.npy"] = array
    refused(gallery, write(tmp_path / "x.zip", seal(parts)), "cannot be imported")


def edited(
    parts: dict[str, bytes], change: Callable[[list[dict[str, Any]]], object]
) -> dict[str, bytes]:
    """Return the members with the people changed and the sums right."""
    people = [json.loads(line) for line in parts["identities.jsonl"].splitlines()]
    change(people)
    lines = "".join(json.dumps(person) + "\n" for person in people)
    return seal({**parts, "identities.jsonl": lines.encode()})


CHANGES: list[Callable[[list[dict[str, Any]]], object]] = [
    lambda p: p[0].update(name="a\0b"),
    lambda p: p[0].update(name=""),
    lambda p: p[0].update(name="x" * 1000),
    lambda p: p[0].update(name="a\u202eb"),
    lambda p: p[0].update(name=None),
    lambda p: p[0].update(uid="17"),
    lambda p: p[0].update(uid=None),
    lambda p: p[0].update(uid=p[1]["uid"]),
    lambda p: p[0].update(created=-1),
    lambda p: p[0].update(created=1e3),
    lambda p: p[0].update(created=2**63),
    lambda p: p[0].pop("created"),
    lambda p: p[0].update(samples=[]),
    lambda p: p[0].update(samples=None),
    lambda p: p[0].update(samples={"template": 0}),
    lambda p: p[0]["samples"].pop(),
    lambda p: p[0]["samples"].append(p[0]["samples"][0]),
    lambda p: p[0]["samples"][0].update(template=2),
    lambda p: p[0]["samples"][0].update(template=-1),
    lambda p: p[0]["samples"][0].update(template=99),
    lambda p: p[0]["samples"][0].update(template=True),
    lambda p: p[0]["samples"][0].update(template="0"),
    lambda p: p[0]["samples"][0].update(template=[0]),
    lambda p: p[0]["samples"][0].update(source_hash="a\0b"),
    lambda p: p[0]["samples"][0].update(source_hash="../../x"),
    lambda p: p[0]["samples"][0].update(source_hash=5),
    lambda p: p[0]["samples"][0].update(face_no=-1),
    lambda p: p[0]["samples"][0].update(face_no=2**63),
    lambda p: p[0]["samples"][0].update(face_no=1.5),
    lambda p: p[0]["samples"][0].update(kind="film"),
    lambda p: p[0]["samples"][0].update(kind=["photo"]),
    lambda p: p[0]["samples"][0].update(quality=float("nan")),
    lambda p: p[0]["samples"][0].update(quality=1e999),
    lambda p: p[0]["samples"][0].update(quality="good"),
    lambda p: p[0]["samples"][0].update(quality=10**400),
    lambda p: p[0]["samples"][0].update(created="now"),
    lambda p: p[0]["samples"][0].update(crop_sha256="00"),
    lambda p: p[0]["samples"][0].update(crop_sha256="0" * 64),
    lambda p: p[0]["samples"][0].update(crop_sha256=7),
    lambda p: p.append(p[0]),
    lambda p: p.pop(),
    lambda p: p.append([1, 2]),  # type: ignore[arg-type]  # wrong on purpose
    lambda p: p.append(None),  # type: ignore[arg-type]  # wrong on purpose
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_people_who_are_none(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, number: int
) -> None:
    refused(
        gallery, write(tmp_path / "x.zip", edited(parts, CHANGES[number])), "cannot be imported"
    )


@pytest.mark.parametrize("line", [b"{", b"\xff", b"[" * 200_000, b'{"uid": ' + b"9" * 5000 + b"}"])
def test_a_line_that_is_none(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path, line: bytes
) -> None:
    parts["identities.jsonl"] += line
    file = write(tmp_path / "x.zip", seal(parts), zipfile.ZIP_STORED)
    refused(gallery, file, "cannot be imported")


def test_a_crop_that_is_no_picture(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path
) -> None:
    parts["crops/0.png"] = b"GIF89a" * 20
    total = hashlib.sha256(parts["crops/0.png"]).hexdigest()
    file = write(
        tmp_path / "x.zip",
        edited(parts, lambda p: p[0]["samples"][0].update(crop_sha256=total)),
    )
    refused(gallery, file, "crop 0 is no PNG")


def test_the_same_model_with_other_dimensions(
    parts: dict[str, bytes], tmp_path: Path, samples: MakeSamples, model_id: str
) -> None:
    with Gallery.open(tmp_path / "8.db", model_id=model_id, create=True) as small:
        small.enroll("Ada", samples(1, dim=8))
        refused(small, write(tmp_path / "x.zip", parts), "have 16 numbers, the gallery's have 8")


def test_two_people_of_one_name_become_one(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path
) -> None:
    done = gallery.import_(
        write(tmp_path / "x.zip", edited(parts, lambda p: p[0].update(name="BOB")))
    )
    assert (done.n_identities, done.n_joined, done.n_samples) == (1, 1, 3)
    assert gallery.check() == []


def test_random_damage_never_gets_through(
    gallery: Gallery, parts: dict[str, bytes], tmp_path: Path
) -> None:
    whole = write(tmp_path / "x.zip", seal(parts)).read_bytes()
    rng, statuses = random.Random(3), set[int]()
    for _ in range(200):
        broken = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.2:
            del broken[rng.randrange(len(broken)) :]
        (tmp_path / "y.zip").write_bytes(broken)
        try:
            done = gallery.import_(tmp_path / "y.zip")
        except FacegateError as error:
            statuses.add(error.exit_status)
        else:
            # Fields of a zip that nobody reads, such as times.
            assert done.n_samples == 3
            gallery.undo()
    assert statuses == {2}
    assert gallery.count() == (0, 0)
    assert gallery.check() == []
