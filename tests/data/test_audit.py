from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegate.data.audit import audit, gini
from facegate.data.dataset import read_dataset
from facegate.data.duplicates import difference_hash, near_pairs, same_pictures
from facegate.data.images import write_image


def picture(seed: int, side: int = 40) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC))


def put(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, pixels)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for person in range(4):
        for image in range(3):
            put(tmp_path / f"p{person}" / f"{image}.png", picture(10 * person + image))
    return tmp_path


def test_clean_data_has_figures_and_no_finding(people: Path) -> None:
    found = audit(read_dataset(people))
    assert found.findings == []
    assert found.figures["people"] == 4
    assert found.figures["images"] == 12
    assert found.figures["gini"] == 0
    assert found.figures["short_side_px"] == {"below 64": 12}


def test_what_is_wrong_is_counted_and_named(people: Path) -> None:
    (people / "p0" / "broken.png").write_bytes(b"no image")
    (people / "p9").mkdir()
    put(people / "p1" / "same.jpg", picture(20, side=64))  # p2's first picture, larger
    put(people / "p3" / "twice.webp", picture(30))
    found = audit(read_dataset(people))
    assert found.figures["unreadable"] == 1
    assert found.figures["people_without_image"] == 1
    assert found.lists["duplicates_across_people"] == [["p1/same.jpg", "p2/0.png"]]
    assert found.lists["duplicates_within_people"] == [["p3/0.png", "p3/twice.webp"]]
    assert len(found.findings) == 3
    assert found.as_json()["findings"] == found.findings


def test_a_photograph_of_somebody_else_is_suspect(people: Path) -> None:
    put(people / "p0" / "3.png", np.zeros((40, 40, 3), np.uint8))

    def embed(pixels: np.ndarray) -> np.ndarray:
        other = pixels.max() == 0
        return np.array([0.0, 1.0] if other else [1.0, 0.0], np.float32)

    found = audit(read_dataset(people), embed=embed)
    assert [suspect["image"] for suspect in found.lists["likely_wrong_labels"]] == ["p0/3.png"]
    assert any("unlike the rest" in text for text in found.findings)


def test_images_without_a_face_are_named(people: Path) -> None:
    put(people / "p0" / "flat.png", np.zeros((40, 40, 3), np.uint8))
    found = audit(read_dataset(people), embed=lambda p: np.ones(1, np.float32) if p.any() else None)
    assert found.figures["without_face"] == 1
    assert found.lists["images_without_face"] == ["p0/flat.png"]
    assert found.findings == ["1 image shows no upright face: left out of training"]


def test_one_person_cannot_be_learnt_from(tmp_path: Path) -> None:
    put(tmp_path / "only" / "1.png", picture(1))
    put(tmp_path / "only" / "2.png", picture(2))
    [finding] = audit(read_dataset(tmp_path)).findings
    assert "fewer than two people" in finding


def test_a_hash_survives_size_light_and_compression(
    astronaut: np.ndarray, grace: np.ndarray
) -> None:
    small = np.asarray(Image.fromarray(astronaut).resize((128, 128)))
    darker = (astronaut * 0.7).astype(np.uint8)
    one, two, three, other = map(difference_hash, (astronaut, small, darker, grace))
    pairs = near_pairs([one, two, three, other])
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 2]]


def test_near_pairs_agree_with_counting_bits() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, 60, np.uint64)
    hashes = np.concatenate([base, base ^ np.uint64(0b1011), base[:300:7] ^ np.uint64(0b11111)])
    expected = [
        [i, j]
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if int(hashes[i] ^ hashes[j]).bit_count() <= 4
    ]
    assert sorted(near_pairs(hashes).tolist()) == expected


def test_gini_of_one_who_has_all() -> None:
    assert gini([0] * 99 + [50]) == pytest.approx(0.99)
    assert gini([]) == 0


def test_only_one_picture_is_the_same_picture(astronaut: np.ndarray, grace: np.ndarray) -> None:
    def face(pixels: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
        cut = Image.fromarray(pixels).crop(box).resize((64, 64), Image.Resampling.BILINEAR)
        return np.asarray(cut)

    one, other = face(astronaut, (150, 20, 300, 170)), face(grace, (180, 60, 360, 240))
    moved = face(astronaut, (156, 24, 306, 174))
    rough = np.asarray(Image.fromarray(one).resize((40, 40)).resize((64, 64)))
    dim = (one * 0.8).astype(np.uint8)
    flat = np.full_like(one, 90)
    images = np.stack([one, other, rough, dim, flat, flat, moved])
    assert same_pictures(images).tolist() == [[0, 2], [0, 3], [2, 3]]
    assert same_pictures(images[:2]).tolist() == []
