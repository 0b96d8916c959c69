"""Whether a face that was found stands upright, or its landmarks were guessed on one that lies.

In a photograph on its side or upside down MTCNN still finds a third of the faces, and marks
upright-looking eyes and mouth on most of them: no geometry gives that away, and the embedding would
be of nothing. But ONet likes the same face better when it is turned the right way. So it is shown
the face in all four turns, twice: as the box has it, which tells lying faces from tilted ones,
and as the landmarks have it, which tells tilted faces from lying ones.
"""

import math

import numpy as np

from facegate.models.align import sample, similarity
from facegate.models.runtime import SideBySide
from facegate.models.values import Floats, Pixels

_SIDE = 48  # of ONet's input
_GROWN = 1.15  # of the box: ONet sees hair and chin, which have an up and a down
_MOST_ROLL = 60.0  # degrees, by the landmarks

# Where landmarks lie in such a box, as parts of its side; the mean over 250 people.
_PLACES: Floats = np.array(
    [[0.356, 0.406], [0.658, 0.403], [0.505, 0.586], [0.375, 0.726], [0.641, 0.723]], np.float32
)


def stands(
    onet: SideBySide,
    pixels: Pixels,
    box: Floats,
    landmarks: Floats,
    score: float,
    *,
    rotation: int = 0,
) -> bool:
    """Say whether a face is upright, give or take 60 degrees, after turning the photograph.

    The rule was set on 750 people of no test (benchmarks/detect): 0.2 % of the upright faces are
    refused and 2 % of those tilted by 45 degrees; of photographs turned by 90, 180 and 270 degrees
    3 % still show a face that seems upright, where landmarks alone leave 31 %.

    Args:
        onet: MTCNN's third net.
        pixels: uint8 (H, W, 3), as given.
        box, landmarks: in pixels, as the face lies there.
        score: the detector's.
        rotation: degrees to turn the photograph counter-clockwise, a multiple of 90.
    """
    turn = similarity(_PLACES, landmarks)
    roll = math.degrees(math.atan2(turn[1, 0], turn[0, 0])) - rotation
    if abs((roll + 180) % 360 - 180) > _MOST_ROLL:
        return False
    score = min(score, 1 - 1e-6)
    return turn_margin(onet, pixels, box, landmarks, rotation=rotation) >= -math.log(
        score / (1 - score)
    )


def turn_margin(
    onet: SideBySide, pixels: Pixels, box: Floats, landmarks: Floats, *, rotation: int = 0
) -> float:
    """Return by how much ONet prefers this turn of a face to the best of the other three.

    The sum of two differences of logits, by the box and by the landmarks; see `stands`.
    """
    centre = (box[:2] + box[2:]) / 2
    step = float((box[2:] - box[:2]).max()) * _GROWN / _SIDE
    corner = centre - step * _SIDE / 2 + step / 2 - 0.5
    by_box = sample(pixels, np.array([[step, 0, corner[0]], [0, step, corner[1]]]), _SIDE)
    by_landmarks = sample(pixels, similarity(_PLACES * _SIDE - np.float32(0.5), landmarks), _SIDE)
    # The box turns with the photograph; the landmarks have taken every turn out already.
    turns = [np.rot90(by_box, rotation // 90 + k) for k in range(4)]
    turns += [np.rot90(by_landmarks, k) for k in range(4)]
    crops = np.zeros((2, 4, _SIDE, _SIDE, 4), np.float32)
    crops[..., :3] = np.stack(turns).reshape(2, 4, _SIDE, _SIDE, 3) * np.float32(1 / 128)
    logits = np.stack([output[:, -1] for (output,) in onet.run_all(crops)])
    return float((logits[:, 0] - logits[:, 1:].max(axis=1)).sum())
