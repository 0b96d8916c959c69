from pathlib import Path

import numpy as np
import pytest

from facegate.data.dataset import read_dataset
from facegate.data.images import write_image
from facegate.data.splits import split_of, split_table, with_splits
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
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    put(tmp_path, "a/1.png", "a/2.png")
    manifest = tmp_path / "list.csv"
    manifest.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_dataset(tmp_path, manifest)


def test_no_folder_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        read_dataset(tmp_path / "none")
    with pytest.raises(InputError, match="holds no image of anybody"):
        read_dataset(tmp_path)


def test_nobody_moves_when_people_are_added(tmp_path: Path) -> None:
    put(tmp_path, *(f"p{number}/1.png" for number in range(200)))
    before = with_splits(read_dataset(tmp_path))
    put(tmp_path, *(f"q{number}/1.png" for number in range(50)))
    after = with_splits(read_dataset(tmp_path))
    places = dict(zip(after.identities, after.splits, strict=True))
    assert all(places[k] == s for k, s in zip(before.identities, before.splits, strict=True))


def test_hashes_deal_eight_to_one_to_one() -> None:
    splits = [split_of(f"person {number}") for number in range(20_000)]
    shares = {name: splits.count(name) / len(splits) for name in set(splits)}
    assert shares == pytest.approx({"train": 0.8, "val": 0.1, "cal": 0.1}, abs=0.01)


def test_another_salt_deals_anew() -> None:
    keys = [f"person {number}" for number in range(1000)]
    assert [split_of(k) for k in keys] != [split_of(k, salt="other") for k in keys]


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
