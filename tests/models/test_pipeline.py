from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from facenet_pytorch.models.utils.detect_face import extract_face
from PIL import Image

from facegate.data.images import Photo, read_photo
from facegate.errors import NotUprightError
from facegate.models import pipeline as module
from facegate.models.align import ARCFACE_TEMPLATE, warp
from facegate.models.pipeline import Pipeline, turn_points
from facegate.models.values import Floats, Found, Pixels


class Embedder:
    """Stands for a model: the mean colour of a crop, as a unit vector."""

    model_id = "colour-0123456789ab"

    def __init__(self, alignment: str) -> None:
        self.card: Any = SimpleNamespace(
            input_size=112,
            alignment=alignment,
            template=tuple(map(tuple, ARCFACE_TEMPLATE.tolist())),
            margin=14,
        )

    def __call__(self, crops: Pixels) -> Floats:
        means = crops.astype(np.float32).mean(axis=(1, 2))
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def make(alignment: str = "landmarks") -> Pipeline:
    embedder: Any = Embedder(alignment)
    return Pipeline(embedder, device="cpu")


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return make()


def photo_of(pixels: Pixels) -> Photo:
    return read_photo(np.ascontiguousarray(pixels), name="a.jpg")


def test_a_portrait_is_one_face_of_one_unit_vector(pipeline: Pipeline, astronaut: Pixels) -> None:
    pipeline.timings.clear()
    photo = photo_of(astronaut)
    found = pipeline.find(photo)
    assert (len(found.faces), found.n_left_out, found.rotation) == (1, 0, 0)
    crop = pipeline.crop(photo, found.faces[0])
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8
    embedding = pipeline.embed(crop[None])
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, rtol=1e-6)
    assert pipeline.model_id == "colour-0123456789ab"
    assert set(pipeline.timings) == {"detect", "align", "embed"}
    assert all(seconds > 0 for seconds in pipeline.timings.values())


def test_faces_come_by_falling_area_with_clipped_boxes(
    pipeline: Pipeline, astronaut: Pixels, grace: Pixels
) -> None:
    # Grace's face is the larger; ada's is cut off at the left border.
    both = np.hstack([astronaut[:500, 205:], grace[:500]])
    found = pipeline.find(photo_of(both))
    assert len(found.faces) == 2
    assert found.faces[0].box[0] > 307 > found.faces[1].box[2]
    assert found.faces[0].area > found.faces[1].area
    for face in found.faces:
        x1, y1, x2, y2 = face.box
        assert 0 <= x1 < x2 <= both.shape[1]
        assert 0 <= y1 < y2 <= both.shape[0]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_photograph_is_found_with_rotate_and_cropped_the_same(
    pipeline: Pipeline, astronaut: Pixels, grace: Pixels, turns: int
) -> None:
    for portrait in (astronaut, grace):
        straight = photo_of(portrait)
        face = pipeline.find(straight).faces[0]
        wanted = pipeline.crop(straight, face)
        lying = photo_of(np.rot90(portrait, -turns))
        found = pipeline.find(lying, rotate=True)
        assert found.rotation == 90 * turns
        crop = pipeline.crop(lying, found.faces[0], rotation=found.rotation)
        assert np.abs(crop.astype(int) - wanted).mean() < 0.1
        # Boxes and landmarks lie in the photograph as it was given.
        height, width = portrait.shape[:2]
        back = turn_points(face.landmarks, width, height, -90 * turns)
        np.testing.assert_allclose(found.faces[0].landmarks, back, atol=0.01)
        x1, y1, x2, y2 = found.faces[0].box
        assert x1 < back[:, 0].min() < back[:, 0].max() < x2
        assert y1 < back[:, 1].min() < back[:, 1].max() < y2


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photograph_is_never_cropped_unasked(
    pipeline: Pipeline, astronaut: Pixels, grace: Pixels, turns: int
) -> None:
    for portrait in (astronaut, grace):
        lying = photo_of(np.rot90(portrait, turns))
        for face in pipeline.find(lying).faces:
            with pytest.raises(NotUprightError, match=r"a\.jpg is not upright.*--rotate auto"):
                pipeline.crop(lying, face)


def test_a_photograph_of_nobody_has_no_faces_in_any_turn(pipeline: Pipeline) -> None:
    photo = photo_of(np.full((200, 300, 3), 90, np.uint8))
    for rotate in (False, True):
        found = pipeline.find(photo, rotate=rotate)
        assert (found.faces, found.n_left_out, found.rotation) == ((), 0, 0)


def test_a_turn_in_which_nobody_more_can_be_upright_is_the_last(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, astronaut: Pixels
) -> None:
    tried: list[int] = []
    find = pipeline._find_turned

    def counted(photo: Photo, rotation: int) -> Found:
        tried.append(rotation)
        return find(photo, rotation)

    monkeypatch.setattr(pipeline, "_find_turned", counted)
    assert pipeline.find(photo_of(astronaut), rotate=True).rotation == 0
    assert tried == [0, 90, 180, 270]
    monkeypatch.setattr(module, "MOST_FACES", 1)
    tried.clear()
    lying = photo_of(np.rot90(astronaut, -1))
    assert pipeline.find(lying, rotate=True).rotation == 90
    assert tried == [0, 90]


def test_a_reduced_photograph_gives_places_in_the_full_one(
    pipeline: Pipeline, astronaut: Pixels
) -> None:
    full = photo_of(astronaut)
    half = np.asarray(Image.fromarray(astronaut).reduce(2))
    half.setflags(write=False)
    reduced = Photo(half, "a.jpg", full.sha256, 512, 512)
    whole, part = (pipeline.find(photo).faces[0] for photo in (full, reduced))
    np.testing.assert_allclose(part.box, whole.box, atol=12)
    np.testing.assert_allclose(part.landmarks, whole.landmarks, atol=3)
    crops = [pipeline.crop(full, whole), pipeline.crop(reduced, part)]
    assert np.abs(crops[0].astype(int) - crops[1]).mean() < 12


def test_at_most_64_faces_are_given_by_score_and_the_rest_counted(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, astronaut: Pixels
) -> None:
    corner = np.arange(70, dtype=np.float32)[:, None] * 5
    boxes = np.concatenate([corner, corner, corner + 20, corner + 20], axis=1)
    landmarks = np.zeros((70, 5, 2), np.float32)
    scores = np.linspace(1, 0.7, 70, dtype=np.float32)
    monkeypatch.setattr(
        pipeline.detector, "detect", lambda pixels: (boxes, landmarks, scores), raising=True
    )
    found = pipeline.find(photo_of(astronaut))
    assert (len(found.faces), found.n_left_out) == (module.MOST_FACES, 6)
    assert min(face.score for face in found.faces) == pytest.approx(scores[63])


def test_landmark_crops_are_warps_to_the_cards_template(
    pipeline: Pipeline, astronaut: Pixels
) -> None:
    photo = photo_of(astronaut)
    face = pipeline.find(photo).faces[0]
    wanted = warp(astronaut, face.landmarks, ARCFACE_TEMPLATE, 112)
    np.testing.assert_array_equal(pipeline.crop(photo, face), wanted)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_box_crops_are_those_of_facenet_pytorch(astronaut: Pixels, turns: int) -> None:
    boxes = make("box")
    face = boxes.find(photo_of(astronaut)).faces[0]
    oracle = extract_face(Image.fromarray(astronaut), face.box, 112, 14)
    lying = photo_of(np.rot90(astronaut, -turns))
    found = boxes.find(lying, rotate=True)
    crop = boxes.crop(lying, found.faces[0], rotation=found.rotation)
    np.testing.assert_array_equal(crop, oracle.permute(1, 2, 0).numpy().astype(np.uint8))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90])
def test_points_turn_as_pixels_do(degrees: int) -> None:
    picture = np.zeros((7, 11), np.uint8)
    picture[2, 9] = 1
    turned = np.rot90(picture, degrees // 90)
    (x, y) = turn_points(np.array([9.0, 2.0], np.float32), 11, 7, degrees)
    assert turned[int(y), int(x)] == 1
