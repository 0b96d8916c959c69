"""MTCNN's cascade: PNet proposes, RNet sorts out, ONet sorts out and marks five points.

It finds what facenet-pytorch 2.5.3's ``MTCNN.detect`` finds, several times faster: all levels of
the pyramid lie on canvases of one size, each stage is one batch over all scales, crops are cut
from one table of sums, and no loop goes over boxes.

Source: Zhang et al. 2016 (see `facegate.models.nets.mtcnn`); the order of steps and the roundings
are those of facenet-pytorch's ``detect_face``, which is the oracle of the tests.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from facegate.models.detection.area import AreaSums
from facegate.models.detection.boxes import (
    intersection_over_smaller,
    intersection_over_union,
    probability,
    shift,
    square,
    suppress,
)
from facegate.models.detection.canvas import FIELD, HEIGHT, WIDTH, draw, lay_out
from facegate.models.detection.mtcnn_weights import mtcnn_net
from facegate.models.detection.proposals import propose
from facegate.models.runtime import SideBySide
from facegate.models.upright import stands
from facegate.models.values import Floats, Pixels

FACTOR = 0.709
"""From one level of the pyramid to the next: half the area."""

MOST_PIXELS = 6_000_000
"""Larger photographs are searched at a half, a third … of their size, so that time is bounded."""

MOST_PROPOSED, MOST_REFINED = 12_000, 3_000
"""Boxes that RNet and ONet judge, the best first, so that a poster of thousands of faces takes
seconds too. A face has about 12 and 5 of them, six megapixels of leaves or gravel some 7,000 and
250: a photograph of fewer than 500 faces stays below."""

_RNET_BATCH = 16
_ONET_BATCH = 4  # more at once falls out of the caches, and a core would wait for the other

Detections = tuple[Floats, Floats, Floats]
"""Boxes (N, 4), landmarks (N, 5, 2), scores (N,), each float32, best score first."""


class Detector:
    """Finds faces and their five landmarks. Threads may share it."""

    def __init__(
        self,
        *,
        device: str = "auto",
        min_face_px: float = 24,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
    ) -> None:
        """Load the three nets.

        Args:
            device: "auto", "cpu" or "cuda".
            min_face_px: the smallest face looked for, in pixels of its side; at least 12. Time
                grows with (side of the photograph / min_face_px) squared.
            thresholds: least probability in each stage; the defaults are facenet-pytorch's.

        Raises:
            DeviceError: the device is not there.
        """
        if min_face_px < FIELD:
            raise ValueError(f"min_face_px must be at least {FIELD}, got {min_face_px}")
        self.min_face_px = min_face_px
        self._thresholds = thresholds
        self._pnet = mtcnn_net("pnet", input_shape=(1, HEIGHT, WIDTH, 4), device=device)
        self._rnet = mtcnn_net("rnet", input_shape=(_RNET_BATCH, 24, 24, 4), device=device)
        self._onet = mtcnn_net("onet", input_shape=(_ONET_BATCH, 48, 48, 4), device=device)
        self.device = self._pnet.device

    def detect(self, pixels: Pixels) -> Detections:
        """Return every face in ``pixels``, uint8 (H, W, 3) RGB.

        Boxes and landmarks are in pixels of ``pixels`` and may leave it. An image with a side
        shorter than ``min_face_px`` holds no face. In one of more than 6 megapixels the smallest
        face looked for is 2, 3 … times ``min_face_px``. Of more than 500 faces some are left out.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"pixels must be uint8 (H, W, 3), got {pixels.dtype} {pixels.shape}")
        shrink = math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / MOST_PIXELS))
        if shrink > 1:
            boxes, landmarks, scores = self._cascade(_reduced(pixels, shrink))
            return boxes * np.float32(shrink), landmarks * np.float32(shrink), scores
        return self._cascade(pixels)

    def is_upright(
        self, pixels: Pixels, box: Floats, landmarks: Floats, score: float, *, rotation: int = 0
    ) -> bool:
        """Say whether a face that was found really stands upright in a photograph.

        Args:
            pixels: uint8 (H, W, 3).
            box, landmarks, score: of the face in them.
            rotation: degrees to turn the photograph counter-clockwise before it is judged.
        """
        return stands(self._onet, pixels, box, landmarks, score, rotation=rotation)

    def _cascade(self, pixels: Pixels) -> Detections:
        height, width = pixels.shape[:2]
        scales = _scales(min(height, width), self.min_face_px)
        if not scales:
            return _nothing()
        sums = AreaSums(pixels)
        boxes = self._propose(sums, scales)[:MOST_PROPOSED]
        boxes = self._refine(sums, boxes)
        return self._mark(sums, boxes)

    def _propose(self, sums: AreaSums, scales: Sequence[float]) -> Floats:
        sizes = [(int(sums.height * s + 1), int(sums.width * s + 1)) for s in scales]
        layout = lay_out(tuple(sizes))
        heads = np.concatenate([head for (head,) in self._pnet.run_all(draw(sums, layout))])
        least = self._thresholds[0]
        return propose(heads, layout, np.array(scales, np.float32), threshold=least)

    def _refine(self, sums: AreaSums, boxes: Floats) -> Floats:
        boxes, outputs = _run(self._rnet, sums, boxes, 24, _RNET_BATCH)
        boxes, outputs, scores = _passed(boxes, outputs, self._thresholds[1])
        best_first = np.argsort(-scores, kind="stable")
        kept = suppress(boxes, best_first, intersection_over_union, 0.7)[:MOST_REFINED]
        return square(shift(boxes[kept], outputs[kept, :4]))

    def _mark(self, sums: AreaSums, boxes: Floats) -> Detections:
        boxes, outputs = _run(self._onet, sums, boxes, 48, _ONET_BATCH)
        boxes, outputs, scores = _passed(boxes, outputs, self._thresholds[2])
        # ONet gives five x, then five y, as parts of the box.
        sizes = boxes[:, None, 2:] - boxes[:, None, :2] + np.float32(1)
        parts = outputs[:, 4:14].reshape(-1, 2, 5).transpose(0, 2, 1)
        landmarks = sizes * parts + boxes[:, None, :2] - np.float32(1)
        boxes = shift(boxes, outputs[:, :4])
        # Near-copies of a face tie at 1 to the last bit. Which of them stays is up to the sort, so
        # it is facenet-pytorch's: numpy's default, read from its end.
        best_first = np.argsort(scores)[::-1]
        kept = suppress(boxes, best_first, intersection_over_smaller, 0.7)
        return boxes[kept], landmarks[kept], scores[kept]


def _nothing() -> Detections:
    return (
        np.empty((0, 4), np.float32),
        np.empty((0, 5, 2), np.float32),
        np.empty(0, np.float32),
    )


def _scales(short_side: int, min_face_px: float) -> list[float]:
    """Return the scale of each level of the pyramid, until the short side is below 12 pixels."""
    scale = 12.0 / min_face_px
    side = short_side * scale
    scales = []
    while side >= FIELD:
        scales.append(scale)
        scale *= FACTOR
        side *= FACTOR
    return scales


def _reduced(pixels: Pixels, factor: int) -> Pixels:
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).reduce(factor))


def _run(
    net: SideBySide, sums: AreaSums, boxes: Floats, side: int, batch: int
) -> tuple[Floats, Floats]:
    """Run a net on what lies in each box, in batches of one size.

    Returns the boxes that have pixels inside the photograph, and a row of the output for each.
    """
    whole = np.trunc(boxes).astype(np.int64)
    # facenet-pytorch counts pixels from one here: a box begins one pixel before its corner.
    left, top = np.maximum(whole[:, 0], 1) - 1, np.maximum(whole[:, 1], 1) - 1
    width = np.minimum(whole[:, 2], sums.width) - left
    height = np.minimum(whole[:, 3], sums.height) - top
    inside = (width > 0) & (height > 0)
    boxes, rectangles = boxes[inside], np.stack([top, left, height, width], axis=1)[inside]

    def crops() -> Iterator[Floats]:
        # With no boxes at all one batch of nothing runs, for the shape of the output.
        for start in range(0, max(1, len(rectangles)), batch):
            part = rectangles[start : start + batch]
            padded = np.zeros((batch, side, side * 4), np.float32)
            sums.crop(part, padded[: len(part)])
            yield padded.reshape(batch, side, side, 4)

    outputs = [output for (output,) in net.run_all(crops())]
    return boxes, np.concatenate(outputs)[: len(boxes)]


def _passed(boxes: Floats, outputs: Floats, least: float) -> tuple[Floats, Floats, Floats]:
    """Return the boxes and outputs whose probability is above ``least``, and that probability."""
    scores = probability(outputs[:, -1])
    passed = scores > least
    return boxes[passed], outputs[passed], scores[passed]
