from pathlib import Path

import numpy as np
import pytest

from facegate.data.protocols.lfw import read_lfw
from facegate.errors import InputError

SMALL = "2 1\nA\t1\t2\nA\t1\tB_C\t1\nB_C\t1\t2\nB_C\t2\tD\t1\n"


def small(tmp_path: Path, text: str = SMALL, suffix: str = ".webp") -> tuple[Path, Path]:
    folder = tmp_path / "lfw"
    for name, number in (("A", 1), ("A", 2), ("B_C", 1), ("B_C", 2), ("D", 1)):
        path = folder / name / f"{name}_{number:04d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    pairs = tmp_path / "pairs.txt"
    pairs.write_text(text)
    return pairs, folder


@pytest.mark.parametrize("suffix", [".webp", ".jpg", ".JPG"])
def test_reads_folds_people_and_any_ending(tmp_path: Path, suffix: str) -> None:
    found = read_lfw(*small(tmp_path, suffix=suffix))
    assert [path.stem for path in found.photos] == [
        "A_0001",
        "A_0002",
        "B_C_0001",
        "B_C_0002",
        "D_0001",
    ]
    assert found.person.tolist() == [0, 0, 1, 1, 2]
    assert found.same.tolist() == [True, False, True, False]
    assert found.fold is not None
    assert found.fold.tolist() == [0, 0, 1, 1]
    assert (found.a.tolist(), found.b.tolist()) == ([0, 0, 2, 3], [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not begin with its number"),
        ("A\t1\t2\n", "does not begin with its number"),
        ("2 1\nA\t1\t2\n", "lists 1 pairs, its first line promises 4"),
        ("1 1\nA\t1\tB_C\t1\nA\t1\t2\n", "line 2 .* not where its kind belongs"),
        ("1 1\nA\tx\t2\nA\t1\tD\t1\n", "line 2 .* is no pair"),
        ("1 1\nA\t1\nA\t1\tD\t1\n", "line 2 .* is no pair"),
        ("1 1\nA\t1\t3\nA\t1\tD\t2\n", "2 photographs .* such as A/A_0003"),
    ],
)
def test_another_or_a_cut_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_lfw(*small(tmp_path, text))


def test_the_official_file(test_data: Path) -> None:
    found = read_lfw(test_data / "lfw" / "pairs.txt", test_data / "lfw")
    assert len(found.photos) == 7701
    assert found.fold is not None
    for fold in range(10):
        assert np.count_nonzero(found.same[found.fold == fold]) == 300
    assert (found.person[found.a] == found.person[found.b]).tolist() == found.same.tolist()
