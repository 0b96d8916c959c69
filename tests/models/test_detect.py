import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import facegate.models.detect as module
from facegate.models.detect import Detector
from facegate.models.values import Pixels

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "detect"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark against the oracle, whose pictures and counts are used here too."""
    for name in ("collages", "oracle"):
        spec = importlib.util.spec_from_file_location(name, BENCHMARK / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(device="cpu")


@pytest.fixture(scope="module")
def oracle() -> Any:
    from facenet_pytorch import MTCNN

    return MTCNN(min_face_size=24, device="cpu")


def check(bench: ModuleType, detector: Detector, oracle: Any, pictures: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about facenet-pytorch's ragged arrays
        total = bench.compare(detector, oracle, pictures)
    assert total.matched >= 0.99 * total.oracle_boxes, total.deviations
    assert total.landmarks_agree >= 0.99 * total.oracle_boxes, total.deviations
    assert abs(total.our_boxes - total.oracle_boxes) <= 0.01 * total.oracle_boxes
    return total


def test_it_finds_what_facenet_pytorch_finds_on_the_portraits(
    bench: ModuleType, detector: Detector, oracle: Any, astronaut: Pixels, grace: Pixels
) -> None:
    both = np.hstack([astronaut[:500], grace[:500]])
    small = both[::3, ::3]
    odd = grace[3:, 5:]
    pictures = {"ada": astronaut, "grace": grace, "both": both, "small": small, "odd": odd}
    # Cut at every border: the face is partly outside, and so are its box and landmarks.
    pictures |= {
        "left": astronaut[:, 200:],
        "right": astronaut[:, :240],
        "top": astronaut[90:],
        "bottom": grace[:260],
        "sideways": np.rot90(astronaut),
        "upside down": grace[::-1],
    }
    whole = [(name, np.ascontiguousarray(pixels)) for name, pixels in pictures.items()]
    total = check(bench, detector, oracle, whole)
    assert total.oracle_boxes >= 8
    assert total.worst_landmark < 1e-3


def test_it_finds_what_facenet_pytorch_finds_on_photographs(
    bench: ModuleType, detector: Detector, oracle: Any, test_data: Path
) -> None:
    total = check(bench, detector, oracle, sys.modules["collages"].photographs(test_data, 100, 3))
    assert total.pictures == 100


def test_it_finds_what_facenet_pytorch_finds_on_collages(
    bench: ModuleType, detector: Detector, oracle: Any, test_data: Path
) -> None:
    total = check(bench, detector, oracle, sys.modules["collages"].collages(test_data, 20, 3))
    assert total.oracle_boxes > 100


def nothing_in(detector: Detector, pixels: Pixels) -> bool:
    boxes, landmarks, scores = detector.detect(pixels)
    assert boxes.shape == (0, 4)
    assert landmarks.shape == (0, 5, 2)
    assert scores.shape == (0,)
    assert boxes.dtype == landmarks.dtype == scores.dtype == np.float32
    return True


@pytest.mark.parametrize(
    "shape", [(34, 1280), (1280, 34), (1, 4000), (4000, 1), (23, 23), (24, 24), (1, 1), (100, 80)]
)
@pytest.mark.parametrize("colour", [0, 255, 90])
def test_nothing_is_found_in_an_empty_picture_of_any_shape(
    detector: Detector, shape: tuple[int, int], colour: int
) -> None:
    assert nothing_in(detector, np.full((*shape, 3), colour, np.uint8))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(height=st.integers(1, 150), width=st.integers(1, 150), seed=st.integers(0, 9))
def test_noise_of_any_shape_is_no_crash(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    boxes, landmarks, scores = Detector(device="cpu").detect(pixels)
    assert len(boxes) == len(landmarks) == len(scores)
    assert np.isfinite(boxes).all()
    assert np.isfinite(landmarks).all()


@pytest.mark.parametrize("side", [24, 30, 40])
def test_a_face_of_so_many_pixels_is_found(
    detector: Detector, astronaut: Pixels, side: int
) -> None:
    from PIL import Image

    # Her box is 89 pixels wide and 116 high.
    scale = side / 100
    small = Image.fromarray(astronaut).resize((round(512 * scale),) * 2, Image.Resampling.BOX)
    boxes, _, _ = detector.detect(np.asarray(small))
    assert len(boxes) == 1
    assert abs(float(boxes[0, 0]) / scale - 179) < 25


def test_a_large_photograph_is_searched_at_part_of_its_size(
    detector: Detector, astronaut: Pixels
) -> None:
    from PIL import Image

    large = np.asarray(Image.fromarray(astronaut).resize((4096, 4096)))
    boxes, landmarks, _ = detector.detect(large)
    whole_boxes, whole_landmarks, _ = detector.detect(astronaut)
    np.testing.assert_allclose(boxes[:1] / 8, whole_boxes, atol=5)
    np.testing.assert_allclose(landmarks[:1] / 8, whole_landmarks, atol=3)


def test_threads_share_a_detector(detector: Detector, astronaut: Pixels, grace: Pixels) -> None:
    from concurrent.futures import ThreadPoolExecutor

    pictures = [astronaut, grace, astronaut[:300], grace[100:]] * 3
    alone = [detector.detect(pixels)[0] for pixels in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pixels: detector.detect(pixels)[0], pictures))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "pixels", [np.zeros((40, 40), np.uint8), np.zeros((40, 40, 3)), np.zeros((40, 40, 4), np.uint8)]
)
def test_pixels_of_another_kind_are_refused(detector: Detector, pixels: Any) -> None:
    with pytest.raises(ValueError, match=r"pixels must be uint8 \(H, W, 3\), got"):
        detector.detect(pixels)


def test_a_smallest_face_below_the_field_of_pnet_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 12, got 10"):
        Detector(min_face_px=10, device="cpu")


def test_of_a_poster_full_of_faces_the_best_boxes_are_judged(
    detector: Detector, astronaut: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    face = np.asarray(Image.fromarray(astronaut[60:220, 160:290]).resize((48, 60)))
    poster = np.tile(face, (6, 6, 1))
    all_of_it = detector.detect(poster)[2]
    judged: list[int] = []
    run = module._run

    def counted(net: Any, sums: Any, boxes: Any, side: int, batch: int) -> Any:
        judged.append(len(boxes))
        return run(net, sums, boxes, side, batch)

    monkeypatch.setattr(module, "_run", counted)
    monkeypatch.setattr(module, "MOST_PROPOSED", 60)
    monkeypatch.setattr(module, "MOST_REFINED", 20)
    scores = detector.detect(poster)[2]
    assert judged == [60, 20]
    assert 5 < len(scores) < len(all_of_it)
