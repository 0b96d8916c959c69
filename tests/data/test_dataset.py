from pathlib import Path

import numpy as np
import pytest

from facegate.data.dataset import Dataset, read_dataset
from facegate.data.images import write_image
from facegate.data.splits import as_manifest, place_of, split_table, with_splits
from facegate.errors import InputError


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, np.zeros((4, 4, 3), np.uint8))


def test_a_folder_an_identity_in_the_order_of_names(tmp_path: Path) -> None:
    put(tmp_path, "b/2.png", "b/1.png", "a/1.jpg", ".hidden/1.png", "a/.x.png")
    (tmp_path / "nobody").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("no image")
    dataset = read_dataset(tmp_path)
    assert dataset.identities == ("a", "b")
    assert [file.name for file in dataset.files] == ["1.jpg", "1.png", "2.png"]
    assert dataset.labels.tolist() == [0, 1, 1]
    assert dataset.empty == ("nobody",)


def test_folders_in_a_persons_folder_and_odd_files_are_read_as_enrolment_reads_them(
    tmp_path: Path,
) -> None:
    put(tmp_path, "a/holiday/1.png", "a/2.png", "b/1.png")
    (tmp_path / "a" / "3.tiff").write_bytes(b"II*\0")  # refused and counted, not passed over
    dataset = read_dataset(tmp_path)
    assert [file.name for file in dataset.files] == ["2.png", "3.tiff", "1.png", "1.png"]
    assert dataset.labels.tolist() == [0, 0, 0, 1]


def test_whom_a_manifest_names_without_a_folder_and_the_other_way_round(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "people", "a/1.png", "c/1.png", "d/1.png")
    manifest = tmp_path / "people.csv"
    manifest.write_text("identity,split\na,train\nb,val\n")
    dataset = read_dataset(tmp_path / "people", manifest)
    assert (dataset.identities, dataset.empty) == (("a",), ("b",))
    assert "2 folders are left out: the manifest does not name them (c, …)" in caplog.text


def test_a_manifest_of_identities_names_splits_and_sources(tmp_path: Path) -> None:
    put(tmp_path / "people", "a/1.png", "b/1.png", "c/1.png")
    manifest = tmp_path / "people.csv"
    manifest.write_text("identity,source,split\na,x,train\nb,y,val\n")
    dataset = read_dataset(tmp_path / "people", manifest)
    assert dataset.identities == ("a", "b")
    assert dataset.splits == ("train", "val")
    assert dataset.sources == ("x", "y")
    assert dataset.of_split("val").identities == ("b",)
    assert dataset.of_split("val").labels.tolist() == [0]


def test_a_manifest_of_paths(tmp_path: Path) -> None:
    put(tmp_path, "x/1.png", "y/2.png", "3.png")
    manifest = tmp_path / "list.csv"
    manifest.write_text("path,identity\nx/1.png,ann\n3.png,ann\ny/2.png,bob\n")
    dataset = read_dataset(tmp_path, manifest)
    assert dataset.identities == ("ann", "bob")
    assert dataset.counts.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("who,split\na,train\n", "has no column 'identity'"),
        ("identity,split\n", "has no line"),
        ("identity,split\na,test\n", "names a split 'test'"),
        ("path,identity\n../1.png,a\n", "line 2 .* leads outside the folder"),
        ("path,identity\n/etc/passwd,a\n", "line 2 .* leads outside the folder"),
        ("path,identity,split\na/1.png,a,train\na/2.png,a,val\n", "a in a second split"),
        ("identity,split\na,train\na,val\n", "line 3 .* puts a in a second split"),
        ("path,identity\na/1.png,a\na/2.png, \n", "line 3 .* names no identity"),
        ("identity,spilt\na,train\n", "has a column 'spilt': did you mean 'split'"),
        ("Identity,split\na,train\n", "has a column 'Identity': did you mean 'identity'"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    put(tmp_path, "a/1.png", "a/2.png")
    manifest = tmp_path / "list.csv"
    manifest.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_dataset(tmp_path, manifest)


def test_blanks_after_the_commas_of_a_header_hide_no_column(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    manifest = tmp_path / "people.csv"
    manifest.write_text("identity, split , source\na, train, x\nb, val, y\n")
    dataset = read_dataset(tmp_path, manifest)
    assert dataset.splits == ("train", "val")
    assert dataset.sources == ("x", "y")


def test_a_manifest_of_other_people_says_so(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png")
    manifest = tmp_path / "people.csv"
    manifest.write_text("identity\nx\n")
    with pytest.raises(InputError, match=r"nobody whom .*people\.csv names has an image"):
        read_dataset(tmp_path, manifest)
    with pytest.raises(InputError, match=r"none\.csv cannot be read \(no such file"):
        read_dataset(tmp_path, tmp_path / "none.csv")


def test_no_folder_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        read_dataset(tmp_path / "none")
    with pytest.raises(InputError, match="holds no folder of a person"):
        read_dataset(tmp_path)


def crowd(counts: dict[str, int], sources: dict[str, str] | None = None) -> Dataset:
    """Return identities with so many images each; nothing of it is on a disk."""
    keys = sorted(counts)
    return Dataset(
        files=tuple(Path(key) / f"{n}.png" for key in keys for n in range(counts[key])),
        labels=np.repeat(np.arange(len(keys)), [counts[key] for key in keys]),
        identities=tuple(keys),
        splits=("",) * len(keys),
        sources=tuple((sources or {}).get(key, "") for key in keys),
    )


def test_every_source_and_class_of_images_is_dealt_eight_to_one_to_one() -> None:
    counts = {f"person {n:04d}": (1, 1, 1, 3, 7, 30)[n % 6] for n in range(1200)}
    sources = {key: "ab"[n % 5 == 0] for n, key in enumerate(counts)}
    found = with_splits(crowd(counts, sources))
    strata: dict[tuple[str, int], list[str]] = {}
    for key, split in zip(found.identities, found.splits, strict=True):
        strata.setdefault((sources[key], counts[key]), []).append(split)
    assert len(strata) == 8
    for splits in strata.values():
        for split in ("val", "cal"):
            assert abs(splits.count(split) - len(splits) / 10) < 1
    for split in ("val", "cal"):
        assert found.splits.count(split) == 120


def test_small_strata_owe_their_share_to_the_next() -> None:
    counts = {f"{n:02d}": 1 + n for n in range(20)}
    found = with_splits(crowd(counts))
    assert [found.splits.count(split) for split in ("train", "val", "cal")] == [16, 2, 2]


def test_who_is_added_moves_few_and_the_order_of_names_nobody() -> None:
    counts = {f"p{n}": 3 for n in range(300)}
    before = dict(zip(crowd(counts).identities, with_splits(crowd(counts)).splits, strict=True))
    more = crowd({**counts, "a new one": 3, "zoe": 1})
    after = dict(zip(more.identities, with_splits(more).splits, strict=True))
    assert sum(after[key] != split for key, split in before.items()) <= 2


def test_another_salt_deals_anew() -> None:
    keys = [f"person {number}" for number in range(1000)]
    places = [place_of(key, salt="one") for key in keys]
    assert places != [place_of(key, salt="other") for key in keys]
    assert all(0 <= place < 1 for place in places)
    found = crowd(dict.fromkeys(keys, 2))
    assert with_splits(found).splits != with_splits(found, salt="other").splits


def test_splits_are_kept_as_a_manifest(tmp_path: Path) -> None:
    put(tmp_path / "people", *(f"p {n}, jr/1.png" for n in range(30)))
    found = with_splits(read_dataset(tmp_path / "people"))
    (tmp_path / "splits.csv").write_text(as_manifest(found))
    put(tmp_path / "people", "later/1.png")
    again = read_dataset(tmp_path / "people", tmp_path / "splits.csv")
    assert (again.identities, again.splits) == (found.identities, found.splits)


def test_half_a_split_column_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    manifest = tmp_path / "list.csv"
    manifest.write_text("identity,split\na,train\nb,\n")
    with pytest.raises(InputError, match="b has no split, though others have"):
        with_splits(read_dataset(tmp_path, manifest))


def test_nobody_to_train_on_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png")
    manifest = tmp_path / "list.csv"
    manifest.write_text("identity,split\na,val\n")
    with pytest.raises(InputError, match="no identity is left to train on"):
        with_splits(read_dataset(tmp_path, manifest))


def test_the_table_counts_people_and_images_by_source(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "a/2.png", "b/1.png")
    manifest = tmp_path / "list.csv"
    manifest.write_text("identity,source,split\na,x,train\nb,y,cal\n")
    assert split_table(read_dataset(tmp_path, manifest)) == {
        "train": {"identities": 1, "images": 2, "images of x": 2},
        "cal": {"identities": 1, "images": 1, "images of y": 1},
    }
