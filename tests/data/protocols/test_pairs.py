import doctest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.data.protocols import pairs
from facegate.data.protocols.pairs import connected, read_pairs
from facegate.errors import InputError


def folder_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not looked at")
    return tmp_path


def listed(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text(text, "utf-8")
    return path


def test_doctests() -> None:
    assert doctest.testmod(pairs).failed == 0


def test_reads_pairs_folds_and_groups(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.png", "c.webp")
    found = read_pairs(
        listed(
            tmp_path,
            "image_a,image_b,same,fold,group\n"
            "a/1.jpg,a/2.jpg,1,0,old\n"
            "a/2.jpg,b/1.png,no,1,young\n"
            "c.webp,a/1.jpg,FALSE,1,young\n",
        ),
        folder,
    )
    assert [path.relative_to(folder).as_posix() for path in found.photos] == [
        "a/1.jpg",
        "a/2.jpg",
        "c.webp",
        "b/1.png",
    ]
    assert found.same.tolist() == [True, False, False]
    assert found.fold is not None
    assert found.fold.tolist() == [0, 1, 1]
    assert found.group == ("old", "young", "young")
    assert found.person[0] == found.person[1]
    assert len(set(found.person.tolist())) == 3
    assert [found.photos[k].name for k in (found.a[2], found.b[2])] == ["c.webp", "1.jpg"]


def test_folds_and_groups_are_optional_and_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "1.jpg", "2.jpg")
    found = read_pairs(listed(tmp_path, "\ufeffimage_a,image_b,same\n1.jpg,2.jpg,1\n"), folder)
    assert found.fold is None
    assert found.group is None


def test_spaces_after_commas_and_line_breaks_of_all_kinds_are_no_matter(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "1.jpg", "zwei \u2028 drei.jpg", "4.jpg")
    text = "image_a, image_b, same\r\n1.jpg, zwei \u2028 drei.jpg, 1\r\n\r\n1.jpg, 4.jpg, 0\r\n"
    path = tmp_path / "pairs.csv"
    path.write_bytes(text.encode())
    found = read_pairs(path, folder)
    assert [photo.name for photo in found.photos] == ["1.jpg", "zwei \u2028 drei.jpg", "4.jpg"]
    assert found.same.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column image_a and image_b and same"),
        ("image_a,image_b\n1.jpg,2.jpg\n", "has no column same"),
        ("image_a,image_b,same\n", "lists no pair"),
        ("image_a,image_b,same\n1.jpg,2.jpg,maybe\n", "line 2 .* same = 'maybe'"),
        ("image_a,image_b,same,fold\n1.jpg,2.jpg,1,x\n", "line 2 .* fold = 'x'"),
        ("image_a,image_b,same\n1.jpg,3.jpg,1\n", "1 photographs .* are missing, such as"),
        ("image_a,image_b,same\n1.jpg\n", "are missing|same = ''"),
        (f"image_a,image_b,same\n1.jpg,{'x' * 300}.jpg,1\n", "1 photographs .* are missing"),
        ("image_a,image_b,same\n1.jpg,a\0b,1\n", "1 photographs .* are missing"),
        (f"image_a,image_b,same{'x' * 200_000}\n", "is no CSV file"),
        ("image_a,image_b,same\n\n1.jpg,2.jpg,1\n\n2.jpg,1.jpg,0\n", "line 5 .* make one person"),
        (
            "image_a,image_b,same\n1.jpg,2.jpg,1\n2.jpg,1.jpg,0\n",
            "line 3 .* make one person",
        ),
        ("image_a,image_b,same\n1.jpg,1.jpg,0\n", "line 2 .* make one person"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    folder = folder_of(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(InputError, match=message):
        read_pairs(listed(tmp_path, text), folder)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_pairs(tmp_path / "none.csv", tmp_path)
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="no text file"):
        read_pairs(tmp_path / "image.csv", tmp_path)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_connected_agrees_with_spreading_from_each_photograph(edges: list[tuple[int, int]]) -> None:
    group = connected(10, edges)
    for start in range(10):
        reached, waiting = {start}, [start]
        while waiting:
            here = waiting.pop()
            for a, b in edges:
                for one, other in ((a, b), (b, a)):
                    if one == here and other not in reached:
                        reached.add(other)
                        waiting.append(other)
        assert set(np.flatnonzero(group == group[start]).tolist()) == reached
