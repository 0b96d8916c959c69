import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from facegate.evaluation.cache import FOUND, NO_FACE, EmbeddingCache, road_files, road_sum
from facegate.models.values import Floats


def sum_of(number: int) -> str:
    return f"{number:064x}"


def vector(number: int) -> Floats:
    return np.random.default_rng(number).normal(size=5).astype(np.float32)


def test_what_was_kept_is_found_again_to_the_last_bit(tmp_path: Path) -> None:
    cache = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    cache.add([(sum_of(1), FOUND, vector(1)), (sum_of(2), NO_FACE, None)])
    assert cache.path.stat().st_mode & 0o077 == 0
    again = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    assert len(again) == 2
    found, missed = again.get(sum_of(1)), again.get(sum_of(2))
    assert found is not None
    assert found.embedding is not None
    assert np.array_equal(found.embedding, vector(1))
    assert missed is not None
    assert (missed.status, missed.embedding) == (NO_FACE, None)
    assert again.get(sum_of(3)) is None


def test_models_and_variants_are_kept_apart(tmp_path: Path) -> None:
    EmbeddingCache("m-1", "photo", 5, folder=tmp_path).add([(sum_of(1), FOUND, vector(1))])
    assert len(EmbeddingCache("m-2", "photo", 5, folder=tmp_path)) == 0
    assert len(EmbeddingCache("m-1", "aligned", 5, folder=tmp_path)) == 0


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_record_is_cut_off_and_the_rest_is_kept(tmp_path: Path, cut: int) -> None:
    cache = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    cache.add([(sum_of(k), FOUND, vector(k)) for k in range(3)])
    contents = cache.path.read_bytes()
    cache.path.write_bytes(contents[:-cut] if cut < 57 else contents[:-57])
    torn = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    assert len(torn) == 2
    torn.add([(sum_of(9), FOUND, vector(9))])
    whole = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    assert len(whole) == 3
    assert whole.get(sum_of(9)) is not None


def test_a_flipped_bit_loses_one_record_only(tmp_path: Path) -> None:
    cache = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    cache.add([(sum_of(k), FOUND, vector(k)) for k in range(3)])
    contents = bytearray(cache.path.read_bytes())
    contents[64 + 57 + 40] ^= 1
    cache.path.write_bytes(contents)
    damaged = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    assert len(damaged) == 2
    assert damaged.get(sum_of(1)) is None


def test_a_file_of_something_else_is_begun_anew(tmp_path: Path) -> None:
    cache = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    cache.path.write_bytes(b"something else")
    cache = EmbeddingCache("m-1", "photo", 5, folder=tmp_path)
    cache.add([(sum_of(1), FOUND, vector(1))])
    assert len(EmbeddingCache("m-1", "photo", 5, folder=tmp_path)) == 1


def test_the_sum_of_the_road_does_not_change_by_itself() -> None:
    assert road_sum() == road_sum()
    assert len(road_sum()) == 8


def test_all_code_between_a_photograph_and_its_embedding_is_in_the_sum() -> None:
    for name in ("facegate.data.images", "facegate.evaluation.road", "facegate.models.pipeline"):
        import_module(name)
    # What the road does not run through, though it is imported along the way.
    beside = ("metrics", "shelf", "training", "losses", "presentation")
    road = {"facegate.data.images", "facegate.evaluation.road"} | {
        name
        for name, module in sys.modules.items()
        if name.startswith(("facegate.models.", "facegate.data.decoding."))
        and name.split(".")[2] not in beside
        and Path(module.__file__ or "").name != "__init__.py"
    }
    summed = {path.resolve() for path in road_files()}
    missing = {
        name for name in road if Path(sys.modules[name].__file__ or "").resolve() not in summed
    }
    assert len(road) > 20
    assert not missing


def test_a_place_that_takes_nothing_is_noted_once_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache("m-1", "photo", 5, folder=tmp_path / "file" / "cache")
    for number in range(3):
        cache.add([(sum_of(number), FOUND, vector(number))])
    assert len(cache) == 3
    assert caplog.text.count("embeddings are not kept in") == 1
