"""An erase leaves nothing of a person in the file; what was removed follows after 30 days."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from facegate.errors import (
    ConflictError,
    DiskFullError,
    GalleryBusyError,
    UnknownIdentityError,
)
from facegate.gallery import Gallery, Sample
from facegate.gallery.store import Store

MakeSamples = Callable[..., list[Sample]]
Sql = Callable[..., list[tuple[object, ...]]]


def markers(name: str, given: list[Sample]) -> Iterator[bytes]:
    """Bytes that a file must not hold once the person is gone."""
    for form in (name, name.lower(), name.casefold()):
        yield form.encode()
    for sample in given:
        yield sample.source_hash.encode()
        vec = sample.embedding.astype("<f4").tobytes()
        yield from (vec[:16], vec[24:40], vec[-16:])
        if sample.crop is not None:
            middle = len(sample.crop) // 2
            yield from (sample.crop[middle : middle + 24], sample.crop[-40:-16])


def traces(path: Path, wanted: list[bytes]) -> list[tuple[str, bytes]]:
    """Return which markers are in which files of the gallery's folder."""
    return [
        (file.name, marker)
        for file in path.parent.iterdir()
        for contents in [file.read_bytes()]
        for marker in wanted
        if marker in contents
    ]


def test_the_search_for_traces_finds_what_is_there(
    gallery: Gallery, path: Path, samples: MakeSamples
) -> None:
    given = samples(2, "Ada", crop_px=8)
    gallery.enroll("Ada Lovelace", given)
    gallery.close()
    wanted = list(markers("Ada Lovelace", given))
    assert len({marker for _, marker in traces(path, wanted)}) >= len(set(wanted))


def test_nothing_of_a_person_is_left_in_any_file(
    gallery: Gallery, path: Path, samples: MakeSamples
) -> None:
    given = samples(4, "Ada", crop_px=24)
    gallery.enroll("Grace Hopper", samples(3, "Grace", crop_px=24))
    gallery.enroll("Ada Lovelase", given[:2])
    gallery.rename("Ada Lovelase", "Countess Lovelace")
    gallery.enroll("Augusta King", given[2:])
    gallery.merge("Augusta King", "Countess Lovelace")
    gallery.remove("Countess Lovelace")
    gallery.undo()
    done = gallery.erase("countess lovelace")
    assert done.text == "erased identity 2"
    gallery.close()
    wanted = list(markers("Countess Lovelace", given))
    wanted += [b"Ada Lovelase", b"ada lovelase", b"Augusta King", b"augusta king"]
    assert traces(path, wanted) == []
    with Gallery.open(path) as again:
        assert again.check() == []
        assert [p.name for p in again.identities()] == ["Grace Hopper"]
        lines = " ".join(o.text for o in again.history())
        assert "erased identity 2" in lines
        assert "Lovel" not in lines
        assert "King" not in lines


def test_no_trace_is_left_after_much_traffic(
    gallery: Gallery, path: Path, samples: MakeSamples
) -> None:
    """SQLite's own overwriting leaves copies of rows that moved between pages."""
    with gallery._store.idle() as db:
        db.execute("PRAGMA synchronous = OFF")
    rng = random.Random(5)
    living: dict[str, list[Sample]] = {}
    dead: list[bytes] = []
    for step in range(80):
        name = f"Person {rng.randrange(10**12)}"
        given = samples(rng.randint(1, 6), f"{step}", dim=128)
        gallery.enroll(name, given)
        living[name] = given
        if step % 3 == 2:
            chosen = rng.choice(list(living))
            gallery.remove(chosen)
            gallery.undo()
        if step % 4 == 3:
            chosen = rng.choice(list(living))
            gallery.erase(chosen)
            dead += markers(chosen, living.pop(chosen))
    gallery.close()
    assert len(dead) > 200
    assert traces(path, dead) == []


def test_the_file_is_rewritten(
    gallery: Gallery, path: Path, samples: MakeSamples, sql: Sql
) -> None:
    gallery.enroll("Ada", samples(1, "Ada"))
    small = path.stat().st_size
    gallery.enroll("Bob", samples(200, "Bob", crop_px=64))
    assert path.stat().st_size > small + 200 * 64 * 64 * 3
    gallery.erase("Bob")
    assert path.stat().st_size <= small
    assert sql("PRAGMA freelist_count") == [(0,)]


def test_earlier_bearers_of_the_name_go_too(
    gallery: Gallery, path: Path, samples: MakeSamples
) -> None:
    first, second = samples(2, "first"), samples(2, "second")
    gallery.enroll("Ada", first)
    gallery.remove("Ada")
    gallery.enroll("Ada", second)
    gallery.erase("Ada")
    gallery.close()
    assert traces(path, [*markers("AdaX", first), *markers("AdaX", second)]) == []


def test_who_was_removed_can_be_erased(peopled: Gallery) -> None:
    peopled.remove("Ada")
    assert peopled.erase("Ada").text == "erased identity 1"
    with pytest.raises(UnknownIdentityError):
        peopled.erase("Ada")


def test_who_was_merged_is_erased_with_the_other(peopled: Gallery) -> None:
    peopled.merge("Bob", "Ada")
    with pytest.raises(ConflictError, match="'Bob' was merged into 'Ada': erase 'Ada'"):
        peopled.erase("Bob")
    peopled.erase("Ada")
    assert peopled.count() == (1, 1)
    assert peopled.check() == []


def test_an_undone_merge_keeps_the_other(peopled: Gallery) -> None:
    peopled.merge("Bob", "Ada")
    peopled.undo()
    peopled.erase("Ada")
    assert peopled.identity("Bob").n_samples == 2


def test_another_persons_former_name_is_struck(
    gallery: Gallery, path: Path, samples: MakeSamples
) -> None:
    gallery.enroll("Mary Shelley", samples(1, "1"))
    gallery.rename("Mary Shelley", "Percy")
    gallery.enroll("Mary Shelley", samples(1, "2"))
    gallery.erase("Mary Shelley")
    gallery.close()
    assert traces(path, [b"Mary Shelley", b"mary shelley"]) == []


def test_a_repeated_enrolment_does_not_bring_back_the_erased(
    gallery: Gallery, samples: MakeSamples
) -> None:
    gallery.enroll("Ada", samples(1), op_uid="mine")
    gallery.erase("Ada")
    with pytest.raises(ConflictError, match="was done and its identity erased since"):
        gallery.enroll("Ada", samples(1), op_uid="mine")
    assert gallery.count() == (0, 0)


def test_what_was_removed_is_deleted_after_30_days(
    path: Path, model_id: str, samples: MakeSamples, sql: Sql
) -> None:
    given = samples(3, "Ada")
    with Gallery.open(path, model_id=model_id, create=True) as gallery:
        gallery.enroll("Ada Lovelace", given)
        gallery.enroll("Bob", samples(3, "Bob"))
        gallery.remove("Ada Lovelace")
        removed = gallery.samples("Bob")[0]
        gallery.remove_sample(removed.id)
        gallery.enroll("Eve", samples(1, "Eve"))
        gallery.merge("Eve", "Bob")
    sql("UPDATE op SET at = at - 31 * 24 * 3600 * 1000000")
    with Gallery.open(path) as gallery:
        assert traces(path, [b"Ada Lovelace"])
        gallery.enroll("Cleo", samples(1, "Cleo"))
        assert gallery.count() == (2, 4)
        assert gallery.check() == []
        with pytest.raises(ConflictError, match="too old"):
            gallery.undo(3)
    assert traces(path, [*markers("Ada Lovelace", given), removed.source_hash.encode()]) == []


def test_what_was_removed_is_kept_until_then(
    path: Path, model_id: str, samples: MakeSamples, sql: Sql
) -> None:
    with Gallery.open(path, model_id=model_id, create=True) as gallery:
        gallery.enroll("Ada", samples(3))
        gallery.remove("Ada")
    sql("UPDATE op SET at = at - 29 * 24 * 3600 * 1000000")
    with Gallery.open(path) as gallery:
        gallery.enroll("Cleo", samples(1, "Cleo"))
        gallery.undo(2)
        assert gallery.identity("Ada").n_samples == 3


def test_a_rewrite_that_fails_is_reported_and_done_later(
    peopled: Gallery, monkeypatch: pytest.MonkeyPatch, samples: MakeSamples
) -> None:
    def full(_store: Store) -> None:
        raise DiskFullError("the disk is full", hint="free some space")

    monkeypatch.setattr(Store, "sweep", full)
    with pytest.raises(
        DiskFullError, match="rows are deleted, but the file could not be rewritten"
    ):
        peopled.erase("Ada")
    assert peopled.find("Ada") is None
    assert [f.code for f in peopled.check()] == ["unswept"]
    peopled.enroll("Dora", samples(1))  # works all the same
    monkeypatch.undo()
    peopled.enroll("Eve", samples(1, "Eve"))
    assert peopled.check() == []


def test_a_reader_in_the_way_of_the_rewrite_is_reported(
    peopled: Gallery, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Store.sweep

    def hindered(store: Store) -> None:
        with Gallery.open(path, read_only=True) as reader, reader._store.reading():
            reader.path.stat()
            sweep(store)

    monkeypatch.setattr(Store, "sweep", hindered)
    with pytest.raises(GalleryBusyError, match="may hold traces"):
        peopled.erase("Ada")
    monkeypatch.undo()
    peopled.set_setting("x", "y")
    assert peopled.check() == []


def test_the_index_forgets_the_erased(peopled: Gallery, samples: MakeSamples) -> None:
    rows = np.stack([s.embedding for s in samples(1, "Ada")])
    assert peopled.search(rows)[0][0].identity.name == "Ada"
    peopled.erase("Ada")
    assert all(c.identity.name != "Ada" for c in peopled.search(rows, k=9)[0])
