import logging
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.data.folders import find_people, find_photos, loose_photos
from facegate.data.images import read_photo
from facegate.errors import ImageError, InputError

JPEG = b"\xff\xd8\xff\xe0 not whole, but a JPEG by its first bytes"


def fill(folder: Path, *names: str, contents: bytes = JPEG) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(contents)


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_photos(folder)]


def test_photographs_are_sorted_by_path(tmp_path: Path) -> None:
    fill(tmp_path, "b/2.jpg", "b/10.png", "a.webp", "c.jpg", "b/a/x.JPEG", "b.jpg")
    found = find_photos(tmp_path)
    assert found == sorted(found)
    assert len(found) == 6


@given(st.lists(st.text("ab./", min_size=1, max_size=6), max_size=8))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_any_tree_is_walked_in_order(
    tmp_path_factory: pytest.TempPathFactory, tree: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    for name in tree:
        parts = [f"d{part}" for part in name.split("/")]
        target = folder.joinpath(*parts[:-1], f"{parts[-1]}.jpg")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(JPEG)
    found = find_photos(folder)
    assert found == sorted(folder.rglob("*.jpg"))


def test_content_decides_where_the_ending_is_silent(tmp_path: Path) -> None:
    fill(tmp_path, "IMG_0001", "photo.txt", "photo.jpg.download")
    fill(tmp_path, "notes.txt", "data.csv", contents=b"a,b\n")
    fill(tmp_path, "film.mp4", contents=b"\0\0\0\x18ftypisom")
    assert names(tmp_path) == ["IMG_0001", "photo.jpg.download", "photo.txt"]


def test_a_webp_named_jpg_is_found(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", contents=b"RIFF\0\0\0\0WEBPVP8 ")
    assert names(tmp_path) == ["a.jpg"]


def test_damaged_and_refused_images_are_listed_so_that_they_can_be_named(tmp_path: Path) -> None:
    fill(tmp_path, "empty.jpg", contents=b"")
    fill(tmp_path, "text.png", contents=b"text")
    fill(tmp_path, "a.gif", "b.tiff", "c.heic")
    (tmp_path / "broken.jpg").symlink_to("nothing.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    assert len(names(tmp_path)) == 7
    for path in find_photos(tmp_path):
        with pytest.raises(ImageError):
            read_photo(path)


def test_hidden_files_and_litter_are_passed_over(tmp_path: Path) -> None:
    fill(
        tmp_path,
        ".hidden.jpg",
        "._IMG.jpg",
        ".DS_Store",
        "__MACOSX/a.jpg",
        "Thumbs.db",
        ".git/a.jpg",
        "@eaDir/a.jpg",
        "sub/._a.jpg",
        "sub/a.jpg",
    )
    assert names(tmp_path) == ["sub/a.jpg"]


def test_a_hidden_folder_that_was_named_is_read(tmp_path: Path) -> None:
    fill(tmp_path, ".mine/a.jpg")
    assert names(tmp_path / ".mine") == ["a.jpg"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    (tmp_path / "b" / "other").symlink_to(tmp_path / "a")
    assert names(tmp_path) == ["a/1.jpg", "b/2.jpg"]


def test_a_file_with_two_names_is_listed_once(tmp_path: Path) -> None:
    fill(tmp_path, "b.jpg")
    (tmp_path / "a.jpg").symlink_to("b.jpg")
    os.link(tmp_path / "b.jpg", tmp_path / "c.jpg")
    fill(tmp_path, "d.jpg")  # equal contents, another file
    assert names(tmp_path) == ["a.jpg", "d.jpg"]


def test_a_link_out_of_the_folder_is_followed(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/1.jpg", "here/2.jpg")
    (tmp_path / "here" / "more").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "here") == ["2.jpg", "more/1.jpg"]


def test_deep_trees_are_walked(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):
        deep = deep / "d"
    fill(deep, "a.jpg")
    assert len(find_photos(tmp_path)) == 1


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a.jpg", "locked/b.jpg")
    listed = os.listdir

    def listdir(folder: Path) -> list[str]:  # root may read everything, so chmod would not do
        if folder.name == "locked":
            raise PermissionError
        return listed(folder)

    monkeypatch.setattr(os, "listdir", listdir)
    assert names(tmp_path) == ["a.jpg", "locked"]


def test_photographs_beside_the_folders_of_people_are_nobodys(tmp_path: Path) -> None:
    fill(tmp_path, "Ada/1.jpg", "2.jpg", ".3.jpg", "._4.jpg")
    (tmp_path / "notes.txt").write_text("text")
    assert loose_photos(tmp_path) == [tmp_path / "2.jpg"]


@pytest.mark.parametrize("name", ["nowhere", "a\0b", "x" * 5000, "file/below"])
def test_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    for find in (find_photos, find_people):
        with pytest.raises(InputError, match="there is no folder"):
            find(os.path.join(tmp_path, name))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    with pytest.raises(InputError, match="is not a folder"):
        find_photos(tmp_path / "a.jpg")


def test_people_are_folders(tmp_path: Path) -> None:
    fill(tmp_path, "Bob/1.jpg", "Ada Lovelace/2.jpg", "Ada Lovelace/1990/1.jpg", "loose.jpg")
    fill(tmp_path, ".cache/x.jpg", "Empty/readme.txt", contents=b"text")
    people = find_people(tmp_path)
    assert [name for name, _ in people] == ["Ada Lovelace", "Bob", "Empty"]
    assert [[path.name for path in paths] for _, paths in people] == [
        ["1.jpg", "2.jpg"],
        ["1.jpg"],
        [],
    ]


def test_two_people_may_share_a_photograph(tmp_path: Path) -> None:
    fill(tmp_path, "Ada/1.jpg")
    (tmp_path / "Bob").mkdir()
    (tmp_path / "Bob" / "1.jpg").symlink_to(tmp_path / "Ada" / "1.jpg")
    assert [len(paths) for _, paths in find_people(tmp_path)] == [1, 1]


def test_a_folder_of_loose_photographs_is_no_folder_of_people(tmp_path: Path) -> None:
    fill(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(InputError, match="one folder a person"):
        find_people(tmp_path)


def test_a_search_that_lasts_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, "Ada/1.jpg", "Ada/2.jpg", "Eve/1.jpg")
    with caplog.at_level(logging.INFO, "facegate.data.folders"):
        find_people(tmp_path)
        assert not caplog.messages
        monkeypatch.setattr("facegate.data.folders.FIRST_NOTE_S", 0.0)
        find_people(tmp_path)
        only, last = caplog.messages  # the next note would come ten seconds later
        monkeypatch.setattr("facegate.data.folders.NEXT_NOTE_S", 0.0)
        find_photos(tmp_path / "Ada")
    start = f"looking for photographs in {tmp_path}"
    assert only == f"{start}: 0 among 1 file so far; Ctrl-C stops it"
    assert last == f"found 3 photographs in {tmp_path}"
    assert caplog.messages[-2] == f"{start}/Ada: 1 among 3 files so far; Ctrl-C stops it"


def test_a_file_without_contents_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of /proc look like empty files, and reading them waits for ever."""
    fill(tmp_path, "kmsg", contents=b"")
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was opened"))
    assert names(tmp_path) == []
