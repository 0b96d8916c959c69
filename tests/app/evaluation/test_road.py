import doctest
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facegate.data.images import read_photo
from facegate.errors import InputError
from facegate.evaluation import road
from facegate.evaluation.road import aligned_crop, embed_photos
from facegate.models.embedder import Embedder
from facegate.models.pipeline import Pipeline

Pictures = dict[str, Path]


def test_doctests() -> None:
    assert doctest.testmod(road).failed == 0


def test_a_second_run_computes_nothing(
    squares: Pipeline, crowd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = sorted(crowd.glob("p0*/*.png"))
    steps: list[int] = []
    first = embed_photos(squares, photos, aligned=True, progress=steps.append)
    assert sum(steps) == len(photos)
    assert first.found.all()
    monkeypatch.setattr(Pipeline, "embed", None)
    second = embed_photos(squares, photos, aligned=True)
    assert np.array_equal(first.rows, second.rows)


def test_a_stopped_run_goes_on(squares: Pipeline, crowd: Path) -> None:
    photos = sorted(crowd.glob("*/*.png"))[:80]
    seen: list[int] = []

    def stop_after_half(step: int) -> None:
        seen.append(step)
        if len(seen) == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_photos(squares, photos, aligned=True, progress=stop_after_half)
    squares.timings.clear()
    counted: list[int] = []
    real = squares.embedder._net

    class Counting:
        device, precision = "cpu", "f32"

        def __call__(self, batch: np.ndarray) -> object:
            counted.append(len(batch))
            return real(batch)

    squares.embedder._net = Counting()  # type: ignore[assignment]
    assert embed_photos(squares, photos, aligned=True).found.all()
    assert sum(counted) == 80 - 32  # one batch of 32 was kept before the stop


def test_what_cannot_be_used_is_a_failure_with_its_reason(
    facegate_home: Path, squares: Pipeline, pictures: Pictures, tmp_path: Path
) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("not an image")
    photos = [pictures["ada-1"], pictures["nobody"], text, pictures["sideways"]]
    embedded = embed_photos(squares, photos)
    assert embedded.found.tolist()[:3] == [True, False, False]
    assert {failure.path: failure.code for failure in embedded.failures}[text] == "not_an_image"
    assert embedded.failures[0].code == "no_face"
    again = embed_photos(squares, photos)
    assert again.found.tolist() == embedded.found.tolist()
    assert {f.code for f in again.failures} == {f.code for f in embedded.failures}


def test_aligned_crops_lose_their_border(squares: Pipeline, crowd: Path) -> None:
    photo = read_photo(crowd / "p00" / "0.png")
    crop = aligned_crop(photo, squares.embedder.card)
    assert np.array_equal(crop, photo.pixels[8:120, 8:120])


def test_aligned_crops_are_moved_to_another_template(squares: Pipeline, crowd: Path) -> None:
    photo = read_photo(crowd / "p00" / "0.png")
    card = squares.embedder.card
    assert card.template is not None
    shifted = replace(card, template=tuple((x, y + 8) for x, y in card.template))
    crop = aligned_crop(photo, shifted)
    assert np.abs(crop[16:96].astype(int) - photo.pixels[16:96, 8:120]).mean() < 3


def test_aligned_crops_of_a_model_that_wants_boxes_or_of_another_size_are_refused(
    squares: Pipeline, crowd: Path, pictures: Pictures
) -> None:
    card = squares.embedder.card
    boxes = replace(card, alignment="box", template=None, margin=14)
    with pytest.raises(InputError, match="wants the box"):
        aligned_crop(read_photo(crowd / "p00" / "0.png"), boxes)
    with pytest.raises(InputError, match="aligned crops are 128 x 128"):
        aligned_crop(read_photo(pictures["ada-1"]), card)


def test_another_model_has_a_cache_of_its_own(
    squares: Pipeline, crowd: Path, tmp_path: Path
) -> None:
    photos = sorted(crowd.glob("p00/*.png"))
    embed_photos(squares, photos, aligned=True)
    embedder = squares.embedder
    other = Pipeline(Embedder(embedder.card, embedder._net, f"{embedder.model_id}x"))
    assert embed_photos(other, photos, aligned=True).found.all()
    assert other.timings["embed"] > 0


def test_the_next_model_need_not_look_for_the_face_again(
    facegate_home: Path, squares: Pipeline, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [pictures["ada-1"], pictures["nobody"]]
    first = embed_photos(squares, photos)
    embedder = squares.embedder
    other = Pipeline(Embedder(embedder.card, embedder._net, f"{embedder.model_id}y"))
    monkeypatch.setattr(Pipeline, "find", None)
    second = embed_photos(other, photos)
    assert np.array_equal(first.rows, second.rows)
    assert [failure.code for failure in second.failures] == ["no_face"]
