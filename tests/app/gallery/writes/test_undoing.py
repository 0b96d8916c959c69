"""After an undo everything is as before the operation; what cannot be undone says why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from facegate.errors import ConflictError, NameTakenError
from facegate.gallery import Gallery, Sample

MakeSamples = Callable[..., list[Sample]]
Show = Callable[[Gallery], object]
Sql = Callable[..., list[tuple[object, ...]]]

CHANGES: dict[str, Callable[[Gallery, MakeSamples], object]] = {
    "enroll somebody": lambda g, make: g.enroll("Dora", make(2, "Dora")),
    "add samples": lambda g, make: g.enroll("Ada", make(5, "Ada")),
    "rename": lambda g, _: g.rename("Ada", "Ada Lovelace"),
    "merge": lambda g, _: g.merge("Bob", "Ada"),
    "remove": lambda g, _: g.remove("Ada"),
    "remove a sample": lambda g, _: g.remove_sample(g.samples("Ada")[1].id),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_state_before_is_back(
    peopled: Gallery, samples: MakeSamples, state: Show, what: str
) -> None:
    before = state(peopled)
    CHANGES[what](peopled, samples)
    assert state(peopled) != before
    done = peopled.undo()
    assert done.text.startswith("took back number 4: ")
    assert state(peopled) == before
    assert peopled.check() == []


def test_a_merge_of_shared_photographs_is_taken_back(
    gallery: Gallery, samples: MakeSamples, state: Show
) -> None:
    gallery.enroll("Ada", samples(3))
    gallery.enroll("Bob", samples(2) + samples(2, "own"))
    before = state(gallery)
    gallery.merge("Bob", "Ada")
    gallery.undo()
    assert state(gallery) == before


def test_undo_goes_back_step_by_step(peopled: Gallery, samples: MakeSamples, state: Show) -> None:
    states = [state(peopled)]
    for change in CHANGES.values():
        change(peopled, samples)
        states.append(state(peopled))
        if change is CHANGES["rename"]:
            peopled.rename("Ada Lovelace", "Ada")
            states.append(state(peopled))
        if change is CHANGES["remove"]:
            peopled.undo()
            states.pop()
    while len(states) > 1:
        assert state(peopled) == states.pop()
        peopled.undo()
    assert state(peopled) == states[0]
    for _ in range(3):
        peopled.undo()
    assert peopled.count() == (0, 0)
    with pytest.raises(ConflictError, match="there is nothing to take back"):
        peopled.undo()


def test_an_older_operation_is_undone_by_number(peopled: Gallery) -> None:
    peopled.rename("Ada", "Adele")
    peopled.rename("Bob", "Robert")
    assert peopled.undo(4).text == "took back number 4: renamed Ada to Adele"
    assert peopled.find("Ada") is not None
    assert peopled.find("Robert") is not None


def test_what_later_operations_stand_on_stays(peopled: Gallery) -> None:
    peopled.merge("Bob", "Ada")
    for number in (1, 2):
        with pytest.raises(
            ConflictError,
            match=r"before number 4 \(merged Bob into Ada: 2 samples\): take number 4 back first",
        ):
            peopled.undo(number)
    peopled.undo(4)
    peopled.undo(1)
    assert peopled.find("Ada") is None


def test_the_undone_and_undos_are_not_undone(peopled: Gallery) -> None:
    peopled.remove("Ada")
    peopled.undo()
    with pytest.raises(ConflictError, match="was taken back already: by number 5"):
        peopled.undo(4)
    with pytest.raises(ConflictError, match="is an undo itself"):
        peopled.undo(5)
    with pytest.raises(ConflictError, match="there is no operation 77"):
        peopled.undo(77)


def test_a_name_taken_since_is_not_taken_away(peopled: Gallery, samples: MakeSamples) -> None:
    peopled.remove("Ada")
    peopled.enroll("Ada", samples(1, "other Ada"))
    with pytest.raises(NameTakenError, match="'Ada' is enrolled already"):
        peopled.undo(4)
    peopled.rename("Bob", "Robert")
    peopled.enroll("Bob", samples(1, "other Bob"))
    with pytest.raises(NameTakenError):
        peopled.undo(6)
    assert peopled.check() == []


def test_an_erase_is_for_ever(peopled: Gallery) -> None:
    peopled.erase("Ada")
    with pytest.raises(ConflictError, match="cannot be taken back: what was erased is gone"):
        peopled.undo()


def test_what_is_30_days_old_is_not_undone(peopled: Gallery, sql: Sql) -> None:
    peopled.rename("Ada", "Adele")
    sql("UPDATE op SET at = at - 31 * 24 * 3600 * 1000000")
    with pytest.raises(ConflictError, match=r"too old to be taken back: .* kept for 30 days"):
        peopled.undo()


def test_what_was_deleted_since_is_not_undone(
    peopled: Gallery, path: Path, sql: Sql, samples: MakeSamples
) -> None:
    """Even where the clock has been set back meanwhile."""
    peopled.remove("Bob")
    peopled.remove_sample(1)
    sql("UPDATE op SET at = at - 31 * 24 * 3600 * 1000000")
    with Gallery.open(path) as later:
        later.enroll("Dora", samples(1, "Dora"))
        sql("UPDATE op SET at = at + 31 * 24 * 3600 * 1000000")
        with pytest.raises(ConflictError, match="too old to be taken back"):
            later.undo(4)
        with pytest.raises(ConflictError, match="what it removed has been deleted since"):
            later.undo(5)
        assert later.check() == []


def test_a_restore_is_not_undone(peopled: Gallery, path: Path, tmp_path: Path) -> None:
    peopled.backup(tmp_path / "copy.db")
    Gallery.restore(tmp_path / "copy.db", path)
    with pytest.raises(ConflictError, match="restore the replaced file instead"):
        peopled.undo()
    # What lies before it cannot be had either, so nobody is told to take the restore back first.
    with pytest.raises(ConflictError, match=r"before number \d+ .*: restore the replaced file"):
        peopled.undo(1)


def test_a_rename_from_an_erased_name_is_not_undone(peopled: Gallery, samples: MakeSamples) -> None:
    peopled.rename("Bob", "Eve")
    peopled.rename("Eve", "Bob")
    peopled.enroll("Eve", samples(1, "Eve"))
    peopled.erase("Eve")
    with pytest.raises(ConflictError, match="its old name was erased"):
        peopled.undo(5)
