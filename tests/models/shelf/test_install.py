"""Models come onto the shelf whole or not at all."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from facegate.errors import CardError, InputError, MachineError, ModelMissingError, WeightsError
from facegate.models.card import Card
from facegate.models.card_file import load_card, write_card
from facegate.models.shelf.install import add, install, verify
from facegate.models.shelf.placing import STALE_S
from facegate.models.zoo import card, cards, load_embedder


@pytest.fixture
def files(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model's folder that a test may change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "files"))


@pytest.fixture
def known(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> Card:
    """The tiny model as one that facegate knows and that is not installed."""
    packaged = tmp_path / "package"
    contents = (files / "tiny.onnx").read_bytes()
    stated = replace(
        load_card(files / "tiny.toml"),
        sha256=hashlib.sha256(contents).hexdigest(),
        size_bytes=len(contents),
        url="https://example.org/tiny.onnx",
    )
    write_card(packaged / "tiny.toml", stated)
    for place in ("facegate.models.zoo", "facegate.models.shelf.weights"):
        monkeypatch.setattr(f"{place}.CARDS", packaged)
    return stated


def left_over(home: Path) -> list[str]:
    folder = home / "models"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_known_model_is_taken_from_a_folder(known: Card, files: Path, empty_home: Path) -> None:
    assert install("tiny", source=files) == known
    assert left_over(empty_home) == ["tiny"]
    assert sorted(path.name for path in (empty_home / "models" / "tiny").iterdir()) == [
        "installed.json",
        "tiny.onnx",
    ]
    assert load_embedder("tiny").dim == 48
    assert verify("tiny") == verify() == []


def test_what_is_installed_and_sound_is_left_alone(known: Card, files: Path) -> None:
    install("tiny", source=files)
    shutil.rmtree(files)
    assert install("tiny", source=files) == known


def test_damage_is_found_by_verify_and_mended_by_install(
    known: Card, files: Path, empty_home: Path
) -> None:
    install("tiny", source=files)
    file = empty_home / "models" / "tiny" / "tiny.onnx"
    stamp = file.stat()
    file.write_bytes(file.read_bytes()[::-1])
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    (finding,) = verify()
    assert finding.model == "tiny"
    assert str(known.sha256) in finding.message
    assert finding.hint == "run `facegate models install tiny`"
    install("tiny", source=files)
    assert verify() == []


def test_a_wrong_file_is_refused_and_nothing_is_kept(
    known: Card, files: Path, empty_home: Path
) -> None:
    size = len((files / "tiny.onnx").read_bytes())
    (files / "tiny.onnx").write_bytes(b"x" * size)
    found = hashlib.sha256(b"x" * size).hexdigest()
    with pytest.raises(WeightsError, match=rf"sha256 {found}, not {known.sha256}, and is not ke"):
        install("tiny", source=files)
    assert left_over(empty_home) == []


def test_half_a_file_is_refused(known: Card, files: Path, empty_home: Path) -> None:
    (files / "tiny.onnx").write_bytes((files / "tiny.onnx").read_bytes()[:-9])
    with pytest.raises(WeightsError, match=r"bytes and sha256 .*, and is not kept"):
        install("tiny", source=files)
    assert left_over(empty_home) == []


def test_a_sum_that_the_card_lacks_is_recorded(
    known: Card, files: Path, empty_home: Path, tmp_path: Path
) -> None:
    write_card(tmp_path / "package" / "tiny.toml", replace(known, sha256=None, size_bytes=None))
    assert card("tiny").sha256 is None
    assert install("tiny", source=files).sha256 == known.sha256
    assert card("tiny") == cards()["tiny"] == known


def test_what_the_folder_lacks_is_named(known: Card, tmp_path: Path, empty_home: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere holds no tiny.onnx: the card names that file"):
        install("tiny", source=tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"file is no folder"):
        install("tiny", source=tmp_path / "file")
    (tmp_path / "odd" / "tiny.onnx").mkdir(parents=True)
    with pytest.raises(InputError, match=r"tiny.onnx is no regular file"):
        install("tiny", source=tmp_path / "odd")
    assert left_over(empty_home) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_is_refused_at_once(known: Card, tmp_path: Path) -> None:
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes" / "tiny.onnx")
    with pytest.raises(InputError, match=r"is no regular file"):
        install("tiny", source=tmp_path / "pipes")


def test_more_than_a_gigabyte_is_not_copied(known: Card, tmp_path: Path) -> None:
    with (tmp_path / "tiny.onnx").open("wb") as file:
        file.truncate(1_000_000_001)
    with pytest.raises(InputError, match=r"has 1000000001 bytes: at most 1000000000 are taken"):
        install("tiny", source=tmp_path)


def test_a_download_is_shown_summed_and_installed(
    known: Card, files: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = (files / "tiny.onnx").read_bytes()
    shown: list[object] = []

    def chunks(_part: object, url: str) -> Iterator[bytes]:
        shown.append(url)
        yield contents[:100]
        yield contents[100:]

    @contextmanager
    def progress(label: str, total: int | None) -> Iterator[object]:
        shown.append((label, total))
        yield shown.append

    monkeypatch.setattr("facegate.models.shelf.download._chunks", chunks)
    install("tiny", progress=progress)  # type: ignore[arg-type]
    size = len(contents)
    assert shown == [("tiny.onnx", size), "https://example.org/tiny.onnx", 100, size - 100]
    assert left_over(empty_home) == ["tiny"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ModelMissingError("offline")])
def test_an_interrupted_download_leaves_nothing(
    known: Card, empty_home: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def chunks(_part: object, _url: str) -> Iterator[bytes]:
        yield b"abc"
        raise error

    monkeypatch.setattr("facegate.models.shelf.download._chunks", chunks)
    with pytest.raises(type(error)):
        install("tiny")
    assert left_over(empty_home) == []


def test_a_card_without_address_needs_a_folder(known: Card, tmp_path: Path) -> None:
    write_card(tmp_path / "package" / "tiny.toml", replace(known, url=None))
    with pytest.raises(InputError, match=r"no address for tiny.onnx: use --from DIR"):
        install("tiny")


def test_what_a_killed_installation_left_is_swept_away_later(
    known: Card, files: Path, empty_home: Path
) -> None:
    old, new = (empty_home / "models" / f".tiny.{n}.part" for n in "12")
    for folder in (old, new):
        folder.mkdir(parents=True)
    before = time.time() - STALE_S - 9
    os.utime(old, (before, before))
    install("tiny", source=files)
    assert left_over(empty_home) == [".tiny.2.part", "tiny"]


def test_a_home_that_cannot_be_written_is_said(
    known: Card, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("FACEGATE_HOME", str(tmp_path / "file"))
    with pytest.raises(MachineError, match=r"could not be written .*: check the permissions"):
        install("tiny", source=files)


def test_a_full_disk_is_said_and_leaves_nothing(
    known: Card, files: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match=r"No space left on device.: free some space") as caught:
        install("tiny", source=files)
    assert caught.value.code == "disk_full"
    assert left_over(empty_home) == []


def test_figures_kept_on_a_card_outlive_a_repair(
    known: Card, files: Path, empty_home: Path
) -> None:
    install("tiny", source=files)
    folder = empty_home / "models" / "tiny"
    write_card(folder / "card.toml", replace(known, measured={"a": 1}))
    (folder / "tiny.onnx").write_bytes(b"")
    install("tiny", source=files)
    assert card("tiny").measured == {"a": 1}


def test_a_model_of_the_user_is_added(files: Path, empty_home: Path) -> None:
    kept = add(files / "tiny.onnx", files / "tiny.toml")
    contents = (files / "tiny.onnx").read_bytes()
    assert kept.sha256 == hashlib.sha256(contents).hexdigest()
    assert kept.size_bytes == len(contents)
    assert card("tiny") == kept
    shutil.rmtree(files)
    assert load_embedder("tiny").dim == 48


def test_the_same_model_may_get_another_card(files: Path, empty_home: Path) -> None:
    add(files / "tiny.onnx", files / "tiny.toml")
    before = load_embedder("tiny").model_id
    write_card(files / "tiny.toml", replace(load_card(files / "tiny.toml"), colour="BGR"))
    add(files / "tiny.onnx", files / "tiny.toml")
    assert load_embedder("tiny").model_id != before
    assert left_over(empty_home) == ["tiny"]


def test_another_model_does_not_take_the_name(files: Path, empty_home: Path) -> None:
    kept = add(files / "tiny.onnx", files / "tiny.toml")
    with (files / "tiny.onnx").open("ab") as file:
        file.write(b"\x22\x00")  # an empty doc string of the graph's: another file, a valid one
    with pytest.raises(CardError, match=r"another model is called tiny: give this one another"):
        add(files / "tiny.onnx", files / "tiny.toml")
    assert card("tiny") == kept
    assert left_over(empty_home) == ["tiny"]


def test_a_name_of_facegates_own_is_taken(files: Path, empty_home: Path) -> None:
    write_card(files / "tiny.toml", replace(load_card(files / "tiny.toml"), name="mobilefacenet"))
    with pytest.raises(CardError, match=r"name of a model that facegate knows: give yours another"):
        add(files / "tiny.onnx", files / "tiny.toml")


def test_a_card_of_another_file_is_refused(files: Path, empty_home: Path) -> None:
    (files / "tiny.onnx").rename(files / "other.onnx")
    with pytest.raises(CardError, match=r"is of tiny.onnx, not of other.onnx"):
        add(files / "other.onnx", files / "tiny.toml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 47}, "gives 48 numbers a face, its card says dim 47: correct the card"),
        ({"input_size": 80}, "does not take input of shape"),
        ({"std": (1e9, 1e9, 1e9), "mean": (1e12,) * 3}, "the same vector for two different people"),
        ({"sha256": "ab" * 32}, f"not {'ab' * 32}, and is not kept"),
    ],
)
def test_a_model_that_is_not_what_its_card_says_is_not_kept(
    files: Path, empty_home: Path, change: dict[str, object], message: str
) -> None:
    stated = replace(load_card(files / "tiny.toml"), **change)  # type: ignore[arg-type]
    write_card(files / "tiny.toml", stated)
    with pytest.raises(WeightsError, match=message):
        add(files / "tiny.onnx", files / "tiny.toml")
    assert left_over(empty_home) == []


@pytest.mark.parametrize("contents", [b"", b"garbage", b"\x08\x09" * 99])
def test_what_is_no_net_is_not_kept(files: Path, empty_home: Path, contents: bytes) -> None:
    (files / "tiny.onnx").write_bytes(contents)
    with pytest.raises(WeightsError):
        add(files / "tiny.onnx", files / "tiny.toml")
    assert left_over(empty_home) == []


def test_two_installations_at_once_leave_one_whole_model(
    known: Card, files: Path, empty_home: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        cards_of_all = list(pool.map(lambda _number: install("tiny", source=files), range(8)))
    assert cards_of_all == [known] * 8
    assert left_over(empty_home) == ["tiny"]
    assert verify("tiny") == []


def test_verify_of_what_is_not_installed_says_so(known: Card) -> None:
    assert verify() == []
    with pytest.raises(ModelMissingError, match=r"tiny is not installed"):
        verify("tiny")
    with pytest.raises(InputError, match=r"did you mean tiny"):
        verify("tinny")


def test_a_damaged_record_is_a_finding(known: Card, files: Path, empty_home: Path) -> None:
    install("tiny", source=files)
    (empty_home / "models" / "tiny" / "installed.json").write_text("{")
    (finding,) = verify()
    assert "installed.json is damaged" in finding.message
