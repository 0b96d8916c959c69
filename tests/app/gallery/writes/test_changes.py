"""Rename, merge, remove: what they do, what they refuse, and how history tells it."""

from collections.abc import Callable

import pytest

from facegate.errors import ConflictError, NameTakenError, UnknownIdentityError
from facegate.gallery import Gallery, Sample

MakeSamples = Callable[..., list[Sample]]


def test_a_rename_keeps_the_person(peopled: Gallery) -> None:
    before = peopled.identity("Ada")
    done = peopled.rename("ada", "Ada Lovelace")
    assert done.text == "renamed Ada to Ada Lovelace"
    after = peopled.identity("Ada Lovelace")
    assert (after.id, after.uid, after.n_samples) == (before.id, before.uid, 3)
    assert peopled.find("Ada") is None


def test_a_name_may_change_its_case(peopled: Gallery) -> None:
    peopled.rename("Ada", "ADA")
    assert peopled.identity("ada").name == "ADA"


def test_a_taken_name_is_refused_with_the_hint_to_merge(peopled: Gallery) -> None:
    with pytest.raises(
        NameTakenError, match="'Bob' is enrolled already: use 'facegate gallery merge'"
    ):
        peopled.rename("Ada", "BOB")
    with pytest.raises(ConflictError, match="'Ada' has that name already"):
        peopled.rename("ada", "Ada")
    with pytest.raises(UnknownIdentityError):
        peopled.rename("Nobody", "Somebody")


def test_a_merge_moves_the_samples(peopled: Gallery) -> None:
    moved = peopled.templates("Bob")[0].tolist()
    done = peopled.merge("Bob", "Ada")
    assert done.text == "merged Bob into Ada: 2 samples"
    assert peopled.find("Bob") is None
    assert peopled.identity("Ada").n_samples == 5
    assert set(moved) < set(peopled.templates("Ada")[0].tolist())
    assert peopled.count() == (2, 6)
    assert peopled.check() == []


def test_a_photograph_of_both_is_kept_once(gallery: Gallery, samples: MakeSamples) -> None:
    gallery.enroll("Ada", samples(3))
    gallery.enroll("Bob", samples(2) + samples(1, "own"))
    assert gallery.merge("Bob", "Ada").text == "merged Bob into Ada: 1 sample"
    assert gallery.count() == (1, 4)
    assert gallery.check() == []


def test_a_merge_needs_two_people(peopled: Gallery) -> None:
    with pytest.raises(ConflictError, match="cannot be merged into itself"):
        peopled.merge("ada", "Ada")
    with pytest.raises(UnknownIdentityError):
        peopled.merge("Ada", "Nobody")
    with pytest.raises(UnknownIdentityError):
        peopled.merge("Nobody", "Ada")


def test_a_removed_name_is_free(peopled: Gallery, samples: MakeSamples) -> None:
    old = peopled.identity("Ada")
    assert peopled.remove("Ada").text == "removed Ada: 3 samples"
    assert peopled.count() == (2, 3)
    new = peopled.enroll("Ada", samples(3, "Ada"))
    assert new.n_added == 3
    assert new.identity.id != old.id


def test_one_sample_can_be_removed(peopled: Gallery) -> None:
    first = peopled.samples("Ada")[0]
    assert peopled.remove_sample(first.id).text == "removed a sample of Ada"
    assert first not in peopled.samples("Ada")
    assert peopled.count() == (3, 5)
    assert peopled.check() == []
    with pytest.raises(ConflictError, match="there is no sample 1"):
        peopled.remove_sample(first.id)
    with pytest.raises(ConflictError, match="there is no sample 99"):
        peopled.remove_sample(99)
    (only,) = peopled.samples("Cleo")
    with pytest.raises(ConflictError, match="is the only one of 'Cleo'"):
        peopled.remove_sample(only.id)


def test_a_removed_photograph_can_be_enrolled_again(peopled: Gallery, samples: MakeSamples) -> None:
    peopled.remove_sample(peopled.samples("Ada")[0].id)
    assert peopled.enroll("Ada", samples(3, "Ada")).n_added == 1


def test_history_is_readable(peopled: Gallery) -> None:
    peopled.rename("Bob", "Robert")
    peopled.merge("Robert", "Ada")
    peopled.remove("Cleo")
    peopled.undo()
    assert [(o.seq, o.text) for o in peopled.history()] == [
        (7, "took back number 6: removed Cleo: 1 sample"),
        (6, "removed Cleo: 1 sample"),
        (5, "merged Robert into Ada: 2 samples"),
        (4, "renamed Bob to Robert"),
        (3, "enrolled Cleo: 1 sample"),
        (2, "enrolled Robert: 2 samples"),
        (1, "enrolled Ada: 3 samples"),
    ]
    assert [o.seq for o in peopled.history(2)] == [7, 6]
    assert [o.seq for o in peopled.history(identity="Ada")] == [5, 1]
    assert peopled.history()[1].undone_by == 7
