"""Moving to another model: all samples or none, and back."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facegate.errors import ConflictError, InputError, ModelMismatchError
from facegate.gallery import Gallery, Sample
from facegate.models import zoo
from facegate.models.values import Floats, Pixels

MakeSamples = Callable[..., list[Sample]]
Show = Callable[[Gallery], object]


class Means:
    """A stand-in for an embedder: 32 means over parts of the crop, and what it was called for."""

    def __init__(self, size: int = 16) -> None:
        self.model_id = "means-ba9876543210"
        self.card: Any = SimpleNamespace(
            name="means", input_size=size, dim=32, alignment="landmarks", margin=None, template=None
        )
        self.calls = 0

    def __call__(self, crops: Pixels) -> Floats:
        self.calls += 1
        parts = crops.reshape(len(crops), 32, -1).astype(np.float32).mean(axis=2)
        unit: Floats = parts / np.linalg.norm(parts, axis=1, keepdims=True)
        return unit


@pytest.fixture
def cropped(gallery: Gallery, samples: MakeSamples) -> Gallery:
    """Ada (3 samples) and Bob (2), all with crops of 16 pixels."""
    gallery.enroll("Ada", samples(3, "Ada", crop_px=16))
    gallery.enroll("Bob", samples(2, "Bob", crop_px=16))
    return gallery


def test_every_crop_is_embedded_anew(cropped: Gallery, path: Path, model_id: str) -> None:
    net, told = Means(), list[int]()
    old = set(cropped.all_templates()[0].tolist())
    done = cropped.reembed(net, done=told.append)
    assert done.text == f"moved from model {model_id} to {net.model_id}"
    assert sum(told) == 5
    assert (cropped.model_id, cropped.dim, cropped.count()) == (net.model_id, 32, (2, 5))
    assert cropped.check() == []
    for name in ("Ada", "Bob"):
        ids, matrix = cropped.templates(name)
        pixels = np.stack(
            [np.asarray(Image.open(io.BytesIO(crop))) for _, crop in cropped.crops(name)]
        )
        np.testing.assert_array_equal(matrix, net(pixels))
        assert not set(ids.tolist()) & old
        assert cropped.search(matrix)[0][0].identity.name == name
    with Gallery.open(path, model_id=net.model_id) as again:
        assert again.count() == (2, 5)


def test_it_is_undone(cropped: Gallery, state: Show, model_id: str, samples: MakeSamples) -> None:
    before = state(cropped)
    cropped.reembed(Means())
    cropped.undo()
    assert cropped.model_id == model_id
    assert state(cropped) == before
    assert cropped.check() == []
    probe = samples(1, "Ada")[0].embedding[None]
    assert cropped.search(probe)[0][0].identity.name == "Ada"
    cropped.reembed(Means())
    cropped.undo()
    assert state(cropped) == before


def test_enrolments_after_it_block_its_undo(cropped: Gallery, samples: MakeSamples) -> None:
    cropped.reembed(Means())
    cropped.enroll("Cleo", samples(1, "Cleo", dim=32))
    with pytest.raises(ConflictError, match="before number 4"):
        cropped.undo(3)
    with pytest.raises(ConflictError, match="before number 3"):
        cropped.undo(1)


def test_other_processes_learn_of_it(cropped: Gallery, path: Path, samples: MakeSamples) -> None:
    probe = samples(1, "Ada")[0]
    with Gallery.open(path) as other:
        other.search(probe.embedding[None])
        cropped.reembed(Means())
        for use in (
            lambda: other.search(probe.embedding[None]),
            lambda: other.templates("Ada"),
            lambda: other.enroll("Dora", [probe]),
        ):
            with pytest.raises(ModelMismatchError, match="holds templates of model means"):
                use()
        assert other.count() == (2, 5)


def test_without_crops_it_says_why_not(cropped: Gallery, state: Show, samples: MakeSamples) -> None:
    cropped.enroll("Cleo", samples(1, "Cleo"))
    before, net = state(cropped), Means()
    with pytest.raises(
        ConflictError,
        match=r"1 of 6 samples have no kept crop, one of them of 'Cleo': .* --keep-crops",
    ):
        cropped.reembed(net)
    assert net.calls == 0
    assert state(cropped) == before
    cropped.remove("Cleo")
    cropped.reembed(net)
    assert cropped.check() == []


def test_crops_of_another_size_are_refused(cropped: Gallery, state: Show) -> None:
    before = state(cropped)
    with pytest.raises(ConflictError, match="has 16 x 16 pixels, model means takes 24 x 24"):
        cropped.reembed(Means(24))
    assert state(cropped) == before


def test_crops_cut_for_another_alignment_are_refused(
    cropped: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Means()
    for change in ({"alignment": "box"}, {"margin": 3}, {"template": ((1.0, 2.0),) * 5}):
        old = SimpleNamespace(**{**vars(net.card), "name": "old", **change})
        monkeypatch.setattr(zoo, "card", lambda _name, old=old: old)
        (what,) = change
        with pytest.raises(ConflictError, match=f"do not suit means, their {what} differ"):
            cropped.reembed(net)
    close = SimpleNamespace(**{**vars(net.card), "template": ((1.0, 2.0),) * 5})
    net.card.template = ((1.04, 2.0),) * 5
    monkeypatch.setattr(zoo, "card", lambda _name: close)
    cropped.reembed(net)


def test_the_same_model_is_no_move(cropped: Gallery, model_id: str) -> None:
    net = Means()
    net.model_id = model_id
    with pytest.raises(ConflictError, match=f"holds templates of {model_id} already"):
        cropped.reembed(net)


def test_a_crop_that_cannot_be_read_stops_it(
    cropped: Gallery, state: Show, sql: Callable[..., object]
) -> None:
    sql("UPDATE photo SET image = x'89504e470d0a1a0a00' WHERE sample_id = 2")
    before = state(cropped)
    with pytest.raises(InputError, match="the crop of sample 2"):
        cropped.reembed(Means())
    assert state(cropped) == before


def test_samples_enrolled_meanwhile_are_moved_too(
    cropped: Gallery, path: Path, samples: MakeSamples
) -> None:
    class Slow(Means):
        def __call__(self, crops: Pixels) -> Floats:
            if not self.calls:
                with Gallery.open(path) as other:
                    other.enroll("Cleo", samples(2, "Cleo", crop_px=16))
                    other.remove_sample(other.samples("Ada")[0].id)
            return super().__call__(crops)

    net = Slow()
    cropped.reembed(net)
    assert net.calls == 2
    assert cropped.count() == (3, 6)
    assert cropped.check() == []


def test_an_id_asked_for_twice_moves_once(cropped: Gallery) -> None:
    net = Means()
    first = cropped.reembed(net, op_uid="mine")
    assert cropped.reembed(net, op_uid="mine") == first
