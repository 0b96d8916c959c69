"""The index answers exactly what the definition gives, after any commit of any process."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facegate.errors import ModelMismatchError
from facegate.gallery import Gallery, Sample, index

MakeSamples = Callable[..., list[Sample]]


def oracle(gallery: Gallery, probe: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
    """The definition in loops: best template of each person, best people first."""
    best: dict[str, float] = {}
    for person in gallery.identities():
        for template in gallery.templates(person.name)[1]:
            score = sum(float(a) * float(b) for a, b in zip(template, probe, strict=True))
            best[person.name] = max(score, best.get(person.name, -2.0))
    return sorted(best.items(), key=lambda item: -item[1])[:k]


def check_against_oracle(gallery: Gallery, probes: list[Sample], k: int) -> None:
    """Compare a search with the definition."""
    rows = np.stack([p.embedding for p in probes])
    for found, probe in zip(gallery.search(rows, k=k), rows, strict=True):
        wanted = oracle(gallery, probe, k)
        assert [c.identity.name for c in found] == [name for name, _ in wanted]
        np.testing.assert_allclose(
            [c.score for c in found], [score for _, score in wanted], atol=1e-5
        )
        for candidate in found:
            ids, matrix = gallery.templates(candidate.identity.name)
            (row,) = np.flatnonzero(ids == candidate.template)
            assert candidate.score == pytest.approx(float(matrix[row] @ probe), abs=1e-5)


@pytest.mark.parametrize("k", [1, 2, 5, 100])
def test_a_search_is_the_definition(gallery: Gallery, samples: MakeSamples, k: int) -> None:
    for number in range(20):
        gallery.enroll(f"person {number}", samples(1 + number % 4, f"p{number}"))
    check_against_oracle(gallery, samples(10, "probe"), k)


def test_one_person_with_many_templates_does_not_hide_the_next(
    gallery: Gallery, samples: MakeSamples
) -> None:
    (probe,) = samples(1, "probe")
    crowd = []
    for number, other in enumerate(samples(300, "crowd")):
        near = probe.embedding + 0.1 * other.embedding
        unit = (near / np.linalg.norm(near)).astype(np.float32)
        crowd.append(Sample(unit, None, f"crowd{number}", 0))
    gallery.enroll("Many", crowd)
    gallery.enroll("Far", [Sample(-probe.embedding, None, "far", 0)])
    (found,) = gallery.search(probe.embedding[None], k=2)
    assert [c.identity.name for c in found] == ["Many", "Far"]
    assert found[1].score == pytest.approx(-1.0, abs=1e-5)


def test_equal_scores_come_in_the_order_of_templates(
    gallery: Gallery, samples: MakeSamples
) -> None:
    (one,) = samples(1)
    for name in ("C", "A", "B"):
        gallery.enroll(name, [one])
    (found,) = gallery.search(one.embedding[None], k=3)
    assert [c.identity.name for c in found] == ["C", "A", "B"]


def test_an_empty_gallery_finds_nobody(gallery: Gallery, samples: MakeSamples) -> None:
    rows = np.stack([s.embedding for s in samples(2)])
    assert gallery.search(rows) == [[], []]
    assert gallery.search(rows[:0]) == []
    gallery.enroll("Ada", samples(1))
    assert len(gallery.search(rows)[0]) == 1
    gallery.remove("Ada")
    assert gallery.search(rows) == [[], []]


@pytest.mark.parametrize(
    "rows", [np.zeros((1, 16)), np.full((1, 16), np.nan), np.ones((1, 16)), np.ones(16)]
)
def test_a_probe_that_is_no_embedding_is_refused(
    peopled: Gallery, rows: NDArray[np.float32]
) -> None:
    with pytest.raises(ValueError, match="embedding"):
        peopled.search(rows)


def test_a_reader_sees_every_change_of_another_connection(
    peopled: Gallery, path: Path, samples: MakeSamples
) -> None:
    probes = samples(4, "probe") + samples(1, "Dora")
    with Gallery.open(path, read_only=True) as reader:
        rows = np.stack([p.embedding for p in probes])
        for change in (
            lambda: None,
            lambda: peopled.enroll("Dora", samples(2, "Dora")),
            lambda: peopled.enroll("Dora", samples(3, "Dora")),
            lambda: peopled.rename("Dora", "Eve"),
            lambda: peopled.merge("Bob", "Eve"),
            peopled.undo,
            lambda: peopled.remove("Ada"),
            peopled.undo,
            lambda: peopled.erase("Cleo"),
            lambda: peopled.remove_sample(peopled.samples("Ada")[0].id),
        ):
            change()
            check_against_oracle(reader, probes, 5)
            assert reader.search(rows, k=5) == peopled.search(rows, k=5)


def test_small_changes_do_not_rebuild(
    peopled: Gallery, samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.stack([p.embedding for p in samples(1)])
    peopled.search(rows)
    monkeypatch.setattr(index, "_load", lambda _db: pytest.fail("rebuilt"))
    peopled.enroll("Dora", samples(2, "Dora"))
    peopled.merge("Dora", "Ada")
    peopled.remove("Bob")
    assert len(peopled.search(rows, k=9)[0]) == 2


def test_a_restored_gallery_is_followed(
    peopled: Gallery, path: Path, tmp_path: Path, samples: MakeSamples
) -> None:
    rows = np.stack([p.embedding for p in samples(1, "Ada")])
    with Gallery.open(path, read_only=True) as reader:
        peopled.backup(tmp_path / "copy.db")
        peopled.remove("Ada")
        assert reader.search(rows)[0][0].identity.name != "Ada"
        Gallery.restore(tmp_path / "copy.db", path)
        assert reader.search(rows)[0][0].identity.name == "Ada"
        assert peopled.search(rows)[0][0].identity.name == "Ada"


def test_a_replaced_file_is_followed(
    peopled: Gallery, path: Path, tmp_path: Path, model_id: str, samples: MakeSamples
) -> None:
    rows = np.stack([p.embedding for p in samples(1, "Zoe")])
    with Gallery.open(tmp_path / "other.db", model_id=model_id, create=True) as other:
        other.enroll("Zoe", samples(1, "Zoe"))
    assert peopled.search(rows)[0][0].identity.name != "Zoe"
    os.replace(tmp_path / "other.db", path)
    assert peopled.search(rows)[0][0].identity.name == "Zoe"
    peopled.enroll("Yan", samples(1, "Yan"))
    assert peopled.count() == (2, 2)


def test_a_file_of_another_model_is_not_searched(
    peopled: Gallery, path: Path, tmp_path: Path, samples: MakeSamples
) -> None:
    rows = np.stack([p.embedding for p in samples(1)])
    peopled.search(rows)
    Gallery.open(tmp_path / "other.db", model_id="another", create=True).close()
    os.replace(tmp_path / "other.db", path)
    with pytest.raises(ModelMismatchError, match="holds templates of model another"):
        peopled.search(rows)


def test_a_damaged_template_is_left_out_and_named(
    peopled: Gallery,
    samples: MakeSamples,
    sql: Callable[..., object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    sql("UPDATE template SET vec = zeroblob(64) WHERE id = 1")
    rows = np.stack([p.embedding for p in samples(3, "Ada")])
    found = peopled.search(rows)
    assert found[0][0].score < 0.99
    assert found[1][0].score > 0.99
    assert "template 1 of Ada is damaged and not used" in caplog.text


def test_searches_and_changes_of_many_threads_agree(gallery: Gallery, samples: MakeSamples) -> None:
    gallery.enroll("start", samples(1, "start"))
    stop, wrong = threading.Event(), list[str]()

    def search() -> None:
        rows = np.stack([s.embedding for s in samples(1, "start")])
        while not stop.is_set():
            best = gallery.search(rows, k=3)[0][0]
            if best.identity.name != "start" or best.score < 0.999:
                wrong.append(str(best))

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(30):
        gallery.enroll(f"p{number}", samples(2, f"p{number}"))
        if number % 3 == 2:
            gallery.remove(f"p{number - 1}")
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    check_against_oracle(gallery, samples(3, "probe"), 4)


def test_a_small_search_leaves_the_number_of_threads_as_it_was(
    gallery: Gallery, samples: MakeSamples
) -> None:
    import faiss

    gallery.enroll("Ada", samples(3, "ada"))
    before = faiss.omp_get_max_threads()
    check_against_oracle(gallery, samples(1, "probe"), 1)
    assert faiss.omp_get_max_threads() == before
