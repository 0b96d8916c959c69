"""The gallery's own promises: what enrolling does, ids, idempotency, models, settings."""

import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facegate.errors import (
    ConflictError,
    InputError,
    InvalidNameError,
    ModelMismatchError,
    NotAGalleryError,
    ReadOnlyGalleryError,
    UnknownIdentityError,
)
from facegate.gallery import Gallery, Sample

MakeSamples = Callable[..., list[Sample]]


def test_a_new_gallery_is_empty_and_the_owners_alone(gallery: Gallery, path: Path) -> None:
    assert gallery.count() == (0, 0)
    assert gallery.dim is None
    assert (gallery.identities(), gallery.history(), gallery.check()) == ([], [], [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_journal_is_the_owners_alone(peopled: Gallery, path: Path) -> None:
    assert stat.S_IMODE(Path(f"{path}-journal").stat().st_mode) == 0o600


def test_what_was_enrolled_comes_back(gallery: Gallery, samples: MakeSamples) -> None:
    given = samples(3, "ada", crop_px=4)
    done = gallery.enroll("  Ada   Lovelace ", given)
    assert (done.identity.name, done.n_added, done.n_known) == ("Ada Lovelace", 3, 0)
    assert done.identity.n_samples == 3
    assert gallery.count() == (1, 3)
    assert gallery.dim == 16
    ids, matrix = gallery.templates("ada lovelace")
    assert len(set(ids.tolist())) == 3
    assert np.array_equal(matrix, np.stack([s.embedding for s in given]))
    kept = gallery.samples("Ada Lovelace")
    assert [s.source_hash for s in kept] == [s.source_hash for s in given]
    assert all(s.has_crop and s.quality == 0.5 and s.kind == "photo" for s in kept)
    assert [crop for _, crop in gallery.crops("Ada Lovelace")] == [s.crop for s in given]


def test_known_samples_are_passed_over(gallery: Gallery, samples: MakeSamples) -> None:
    first = gallery.enroll("Ada", samples(2))
    again = gallery.enroll("ADA", samples(3))
    assert (again.n_added, again.n_known) == (1, 2)
    assert again.identity.id == first.identity.id
    assert again.identity.name == "Ada"
    nothing = gallery.enroll("Ada", samples(3))
    assert (nothing.n_added, nothing.n_known) == (0, 3)
    assert len(gallery.history()) == 2


def test_a_sample_given_twice_is_added_once(gallery: Gallery, samples: MakeSamples) -> None:
    done = gallery.enroll("Ada", samples(1) * 3)
    assert (done.n_added, done.n_known) == (1, 2)


def test_two_people_may_come_from_one_photograph(gallery: Gallery, samples: MakeSamples) -> None:
    (one,) = samples(1)
    gallery.enroll("Ada", [one])
    assert gallery.enroll("Bob", [one]).n_added == 1


def test_sources_are_known(gallery: Gallery, samples: MakeSamples) -> None:
    (one,) = samples(1)
    gallery.enroll("Ada", [one])
    assert gallery.known_sources() == {(one.source_hash, 0)}
    assert gallery.has_source(one.source_hash)
    assert gallery.has_source(one.source_hash, "ada")
    assert not gallery.has_source(one.source_hash, "Bob")
    assert not gallery.has_source("ff" * 32)
    gallery.enroll("Bob", samples(1, "bob"))
    assert not gallery.has_source(one.source_hash, "Bob")


def test_an_operation_asked_for_twice_is_done_once(gallery: Gallery, samples: MakeSamples) -> None:
    first = gallery.enroll("Ada", samples(2), op_uid="op-1")
    second = gallery.enroll("Ada", samples(2), op_uid="op-1")
    assert second == first
    assert second.n_added == 2
    renamed = gallery.rename("Ada", "Bob", op_uid="op-2")
    assert gallery.rename("Ada", "Bob", op_uid="op-2") == renamed
    assert gallery.remove("Bob", op_uid="op-3") == gallery.remove("Bob", op_uid="op-3")
    assert len(gallery.history()) == 3
    assert gallery.find_operation("op-2") == renamed
    assert gallery.find_operation("op-4") is None


def test_an_id_is_not_used_for_two_kinds(gallery: Gallery, samples: MakeSamples) -> None:
    gallery.enroll("Ada", samples(1), op_uid="op-1")
    with pytest.raises(ConflictError, match="used before, for: enroll"):
        gallery.remove("Ada", op_uid="op-1")


@pytest.mark.parametrize("uid", ["", "a b", "ü", "x" * 65, "a\n"])
def test_an_impossible_operation_id_is_refused(gallery: Gallery, uid: str) -> None:
    with pytest.raises(InputError, match="cannot be the id of an operation"):
        gallery.remove("Ada", op_uid=uid)


@pytest.mark.parametrize("actor", ["", "a\x1bb", "x" * 129])
def test_an_impossible_actor_is_refused(gallery: Gallery, actor: str) -> None:
    with pytest.raises(InputError, match="cannot be an actor"):
        gallery.remove("Ada", actor=actor)


def test_ids_are_never_given_twice(gallery: Gallery, samples: MakeSamples) -> None:
    seen: set[int] = set()
    for round_ in range(4):
        identity = gallery.enroll("Ada", samples(2, str(round_))).identity.id
        ids = set(gallery.templates("Ada")[0].tolist())
        assert not ids & seen
        assert identity == round_ + 1
        seen |= ids
        gallery.erase("Ada")


def test_another_models_gallery_is_refused_with_both_names(
    peopled: Gallery, path: Path, model_id: str
) -> None:
    with pytest.raises(ModelMismatchError) as caught:
        Gallery.open(path, model_id="other-net-ba9876543210")
    assert model_id in caught.value.message
    assert "other-net-ba9876543210" in caught.value.message
    Gallery.open(path, model_id=model_id).close()


def test_embeddings_of_other_dimensions_are_refused(peopled: Gallery, samples: MakeSamples) -> None:
    with pytest.raises(ValueError, match=r"shape \(N, 16\), got \(1, 8\)"):
        peopled.enroll("Dora", samples(1, dim=8))
    (other,) = samples(1, dim=8)
    with pytest.raises(ValueError, match=r"shape \(N, 16\), got \(1, 8\)"):
        peopled.search(other.embedding[None])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"embedding": np.full(16, np.nan, np.float32)}, "not finite and of unit length"),
        ({"embedding": np.full(16, np.inf, np.float32)}, "not finite and of unit length"),
        ({"embedding": np.zeros(16, np.float32)}, "not finite and of unit length"),
        ({"embedding": np.ones(16, np.float32)}, "not finite and of unit length"),
        ({"source_hash": ""}, "source_hash must be"),
        ({"source_hash": "a\0b"}, "source_hash must be"),
        ({"source_hash": "x" * 129}, "source_hash must be"),
        ({"face_no": -1}, "face_no must be"),
        ({"face_no": 2**63}, "face_no must be"),
        ({"kind": "film"}, "kind must be"),
        ({"quality": float("nan")}, "quality must be"),
        ({"quality": 1.5}, "quality must be"),
        ({"crop": b"GIF89a"}, "crop must be a PNG"),
        ({"crop": b"\x89PNG\r\n\x1a\n" + bytes(5 * 2**20)}, "crop must be a PNG"),
    ],
)
def test_an_impossible_sample_is_refused_and_nothing_written(
    gallery: Gallery, samples: MakeSamples, change: dict[str, object], why: str
) -> None:
    import dataclasses

    good, bad = samples(2)
    bad = dataclasses.replace(bad, **change)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match=why):
        gallery.enroll("Ada", [good, bad])
    assert gallery.count() == (0, 0)
    assert gallery.history() == []


def test_an_enrolment_without_samples_is_a_mistake(gallery: Gallery) -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        gallery.enroll("Ada", [])


def test_embeddings_of_mixed_shapes_are_a_mistake(gallery: Gallery, samples: MakeSamples) -> None:
    with pytest.raises(ValueError, match="the same shape"):
        gallery.enroll("Ada", [*samples(1), *samples(1, dim=8)])


def test_a_bad_name_is_refused(gallery: Gallery, samples: MakeSamples) -> None:
    with pytest.raises(InvalidNameError):
        gallery.enroll("a\0b", samples(1))


def test_an_unknown_name_is_answered_with_the_nearest(peopled: Gallery) -> None:
    with pytest.raises(
        UnknownIdentityError, match="nobody is enrolled as 'Adda': did you mean 'Ada'"
    ):
        peopled.identity("Adda")
    with pytest.raises(UnknownIdentityError, match="see 'facegate gallery list'"):
        peopled.templates("Zacharias")
    assert peopled.find("Adda") is None


def test_a_person_is_found_by_number(peopled: Gallery) -> None:
    bob = peopled.identity("Bob")
    assert peopled.identity_by_id(bob.id) == bob
    peopled.remove("Bob")
    for number in (bob.id, 99):
        with pytest.raises(UnknownIdentityError, match=f"there is no identity {number}"):
            peopled.identity_by_id(number)


def test_a_gallery_stays_the_same_file_after_chdir(
    path: Path, model_id: str, samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    monkeypatch.chdir(path.parent)
    with Gallery.open(path.name, model_id=model_id, create=True) as gallery:
        monkeypatch.chdir("/")
        gallery.enroll("Ada", samples(1))
    with Gallery.open(path) as gallery:
        assert gallery.count() == (1, 1)


def test_people_come_in_pages_in_the_order_of_names(gallery: Gallery, samples: MakeSamples) -> None:
    for name in ("cleo", "Ada", "Bob", "ada b", "Ádám"):
        gallery.enroll(name, samples(1, name))
    assert [p.name for p in gallery.identities()] == ["Ada", "ada b", "Bob", "cleo", "Ádám"]
    assert [p.name for p in gallery.identities(1, 2)] == ["ada b", "Bob"]
    assert [p.name for p in gallery.identities(search="ADA")] == ["Ada", "ada b"]
    assert gallery.identities(search="%") == []


def test_settings_are_remembered_and_forgotten(gallery: Gallery, path: Path) -> None:
    assert gallery.setting("calibration") is None
    gallery.set_setting("calibration", '{"a": 1}')
    gallery.set_setting("calibration", '{"a": 2}')
    with Gallery.open(path, read_only=True) as other:
        assert other.setting("calibration") == '{"a": 2}'
    gallery.set_setting("calibration", None)
    assert gallery.setting("calibration") is None
    with pytest.raises(ValueError, match="the gallery's own setting"):
        gallery.set_setting("model", "x")


def test_a_reader_writes_nothing(peopled: Gallery, path: Path, samples: MakeSamples) -> None:
    with Gallery.open(path, read_only=True) as reader:
        with pytest.raises(ReadOnlyGalleryError, match="opened for reading only"):
            reader.enroll("Dora", samples(1))
        probe = samples(1, "Ada")[0].embedding[None]
        assert reader.search(probe)[0][0].identity.name == "Ada"


def test_create_needs_a_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a model_id"):
        Gallery.open(tmp_path / "new.db", create=True)
    with pytest.raises(NotAGalleryError, match="there is no gallery"):
        Gallery.open(tmp_path / "new.db", model_id="m")
    assert list(tmp_path.iterdir()) == []


def test_create_opens_what_is_there(peopled: Gallery, path: Path, model_id: str) -> None:
    with Gallery.open(path, model_id=model_id, create=True) as same:
        assert same.count() == (3, 6)
        assert same.uid == peopled.uid


def test_a_closed_gallery_says_so(gallery: Gallery) -> None:
    gallery.close()
    gallery.close()
    with pytest.raises(ValueError, match="the gallery is closed"):
        gallery.count()


def test_the_last_operation_is_known(gallery: Gallery, samples: MakeSamples) -> None:
    assert gallery.last_operation is None
    gallery.enroll("Ada", samples(1), op_uid="mine", actor="key-7")
    last = gallery.last_operation
    assert last is not None
    assert (last.uid, last.actor, last.text) == ("mine", "key-7", "enrolled Ada: 1 sample")


def test_what_sqlite_cannot_take_is_nobodys(peopled: Gallery) -> None:
    big = 10**20
    with pytest.raises(UnknownIdentityError, match=f"there is no identity {big}"):
        peopled.identity_by_id(big)
    with pytest.raises(ConflictError, match=f"there is no operation {big}"):
        peopled.undo(big)
    with pytest.raises(ConflictError, match=f"there is no sample {big}"):
        peopled.remove_sample(big)
    assert len(peopled.history(big)) == 3
    assert len(peopled.identities(limit=big)) == 3
    assert peopled.identities(offset=big) == []
    assert peopled.identities(search="\udcff") == []
