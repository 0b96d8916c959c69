import zipfile
from pathlib import Path

import numpy as np
import pytest

from facegate.data.crops import Archives, Member, find_unlabelled, load_crops
from facegate.data.images import write_image
from facegate.errors import ImageError, InputError


def flat(path: Path, value: int, side: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.full((side, side, 3), value, np.uint8))
    return path


def zipped(target: Path, *files: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            archive.write(file, f"faces/{file.name}")
        archive.writestr("readme.txt", "no image")
        for name in ("__MACOSX/._1.png", "faces/.hidden.png", "faces/@eaDir/1.png", "d.png/"):
            archive.writestr(name, "no image either")
    return target


def test_images_come_from_folders_and_zip_files(tmp_path: Path) -> None:
    one = flat(tmp_path / "in" / "deep" / "1.png", 10)
    flat(tmp_path / "in" / "@eaDir" / "1.png", 10)
    nameless = flat(tmp_path / "elsewhere" / "3.png", 30).rename(tmp_path / "elsewhere" / "3")
    (tmp_path / "in" / "link").symlink_to(nameless.parent)
    (nameless.parent / "loop").symlink_to(tmp_path / "in")
    archive = zipped(tmp_path / "faces.zip", flat(tmp_path / "2.png", 20))
    places = find_unlabelled([tmp_path / "in", archive])
    assert places == [one, tmp_path / "in" / "link" / "3", Member(archive, "faces/2.png")]
    crops = load_crops(places, 8)
    assert crops.pixels.dtype == np.uint8
    assert crops.pixels[:, 0, 0, 0].tolist() == [10, 30, 20]


def test_what_cannot_be_read_is_left_out_with_its_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG nothing more")
    places = [flat(tmp_path / "1.png", 1), broken, flat(tmp_path / "3.png", 3)]
    crops = load_crops(places, 8)
    assert crops.rows.tolist() == [0, 2]
    assert crops.pixels[:, 0, 0, 0].tolist() == [1, 3]
    [(index, reason)] = crops.left_out
    assert index == 1
    assert "broken.png" in reason


def test_a_member_that_is_gone_or_damaged_is_left_out(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "faces.zip", flat(tmp_path / "2.png", 20))
    contents = bytearray(archive.read_bytes())
    contents[60] ^= 0xFF
    archive.write_bytes(contents)
    places = [Member(archive, "faces/2.png"), Member(archive, "faces/9.png")]
    assert [index for index, _ in load_crops(places, 8).left_out] == [0, 1]
    with Archives() as archives, pytest.raises(ImageError, match=r"faces/9\.png cannot be read"):
        archives.read(places[1])


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_inside_a_compressed_member_is_left_out(tmp_path: Path, method: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    write_image(tmp_path / "1.png", noise)
    archive = tmp_path / "faces.zip"
    with zipfile.ZipFile(archive, "w", method) as made:
        made.write(tmp_path / "1.png", "1.png")
    contents = bytearray(archive.read_bytes())
    contents[40:400] = bytes(byte ^ 0x5A for byte in contents[40:400])
    archive.write_bytes(contents)
    [(_, reason)] = load_crops([Member(archive, "1.png")], 8).left_out
    assert "1.png cannot be read from its zip file" in reason


def test_other_sizes_are_brought_to_the_side(tmp_path: Path) -> None:
    crops = load_crops([flat(tmp_path / "1.png", 7, side=20)], 8)
    assert crops.pixels.shape == (1, 8, 8, 3)
    assert (crops.pixels == 7).all()


def test_progress_hears_of_every_image(tmp_path: Path) -> None:
    heard: list[int] = []
    load_crops([flat(tmp_path / f"{n}.png", n) for n in range(5)], 8, progress=heard.append)
    assert sum(heard) == 5


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "faces.zip"
    file.write_text("no")
    with pytest.raises(InputError, match="neither a folder nor a zip file"):
        find_unlabelled([file])


def test_places_without_an_image_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", zipped(tmp_path / "empty.zip")):
        with pytest.raises(InputError, match="holds no image"):
            find_unlabelled([place])
