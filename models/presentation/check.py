"""Does a face look like a photograph or a screen held before the camera? A hint, never a proof.

Squares around the face at two scales go through two nets and their probabilities are added, as
``test.py`` and ``generate_patches.py`` of github.com/minivision-ai/Silent-Face-Anti-Spoofing do
it: linear resizing to 80 x 80, BGR, 0..255 without scaling, class 1 of 3 for live. Boxes here are
MTCNN's; theirs came from another detector.
"""

from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from facegate.models.presentation.card import MINIFASNET, CheckCard, CheckNet
from facegate.models.presentation.install import safe_file, weights_of
from facegate.models.values import Floats, Pixels

if TYPE_CHECKING:
    from torch import nn

    from facegate.models.runtime import Net

LIVE = 1
Opinion = Literal["ok", "suspected"]


class PresentationCheck:
    """The check, ready to look at faces. Threads may share it.

    Args:
        card: which check.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ModelMissingError: its weights are not on this machine.
        WeightsError: they are damaged.
    """

    def __init__(self, card: CheckCard = MINIFASNET, *, device: str = "auto") -> None:
        self.card = card
        self._nets = [(net, _ready(card, net, device)) for net in card.nets]

    def live_share(self, photo: Pixels, box: Floats) -> float:
        """Return how much the nets take a face for a live one, 0 to 1; no measured probability.

        Args:
            photo: uint8 (H, W, 3) RGB, the whole photograph or frame.
            box: float (4,), the face in its pixels.
        """
        return float(self._opinions(photo, box)[LIVE])

    def __call__(self, photo: Pixels, box: Floats) -> Opinion:
        """Return ``ok`` where live is the class with the largest sum, else ``suspected``."""
        return "ok" if int(self._opinions(photo, box).argmax()) == LIVE else "suspected"

    def _opinions(self, photo: Pixels, box: Floats) -> NDArray[np.float64]:
        total = np.zeros(3)
        for net, run in self._nets:
            square = patch(photo, box, scale=net.scale, size=net.input_size)
            batch = square[..., ::-1].astype(np.float32).transpose(2, 0, 1)[None]
            logits = run(np.ascontiguousarray(batch))[0].reshape(-1).astype(np.float64)
            shares = np.exp(logits - logits.max())
            total += shares / shares.sum()
        result: NDArray[np.float64] = total / len(self._nets)
        return result


def patch(photo: Pixels, box: Floats, *, scale: float, size: int) -> Pixels:
    """Return a wider square of a photograph around a face, as the nets were trained on.

    Args:
        photo: uint8 (H, W, 3).
        box: float (4,), x1, y1, x2, y2.
        scale: how much wider than the box; less where the photograph is too small.
        size: side of the result in pixels.

    Returns:
        uint8 (size, size, 3). What would lie outside of the photograph is made up by moving
        the window inside.
    """
    x1, y1, x2, y2 = window(photo.shape[1], photo.shape[0], box, scale)
    return resized(photo[y1 : y2 + 1, x1 : x2 + 1], size)


def window(width: int, height: int, box: Floats, scale: float) -> tuple[int, int, int, int]:
    """Return the window of `patch` in whole pixels, its last row and column included."""
    # Whole pixels, as the publisher's detector gives them.
    left, top = int(box[0]), int(box[1])
    box_w, box_h = max(1, int(box[2] - box[0] + 1)), max(1, int(box[3] - box[1] + 1))
    scale = min((height - 1) / box_h, (width - 1) / box_w, scale)
    middle_x, middle_y = left + box_w / 2, top + box_h / 2
    wide, high = box_w * scale, box_h * scale
    x1 = min(max(middle_x - wide / 2, 0.0), width - 1 - wide)
    y1 = min(max(middle_y - high / 2, 0.0), height - 1 - high)
    x1, y1 = max(x1, 0.0), max(y1, 0.0)
    return int(x1), int(y1), int(min(x1 + wide, width - 1)), int(min(y1 + high, height - 1))


def resized(pixels: Pixels, size: int) -> Pixels:
    """Resize linearly, without smoothing first, as OpenCV's ``INTER_LINEAR`` does.

    Smoothing would take away the very patterns of screens and prints.
    """
    rows, columns = (_places(length, size) for length in pixels.shape[:2])
    (r0, r1, down), (c0, c1, right) = rows, columns
    down, right = down[:, None, None], right[None, :, None]
    upper = pixels[r0][:, c0] * (1 - right) + pixels[r0][:, c1] * right
    lower = pixels[r1][:, c0] * (1 - right) + pixels[r1][:, c1] * right
    result: Pixels = np.rint(upper * (1 - down) + lower * down).astype(np.uint8)
    return result


def _places(length: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    at = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
    low = at.astype(np.int64)
    return low, np.minimum(low + 1, length - 1), (at - low).astype(np.float32)


def _ready(card: CheckCard, net: CheckNet, device: str) -> "Net":
    from facegate.models.runtime import torch_net

    key = weights_of(card, net)
    return torch_net(
        key,
        partial(_module, card, net),
        input_shape=(1, 3, net.input_size, net.input_size),
        device=device,
    )


def _module(card: CheckCard, net: CheckNet) -> "nn.Module":
    from facegate.models.nets.build import load_net

    return load_net(net.architecture, safe_file(card, net), dim=net.dim, size=net.input_size)
