"""How good a picture of a face is, measured on its crop and landmarks.

Four measures, each 0 to 1 or in pixels, each for one way in which a face on a camera goes wrong:
sharpness, light, size, frontality. The idea of separate, named components is that of ISO/IEC
29794-5 (face image quality) and its open implementation OFIQ; so are the forms of the size and
frontality measures. What they buy is measured in ``benchmarks/camera``.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegate.capture.opencv import quiet_cv2
from facegate.models.values import Face, Floats, Pixels

# An average adult head in units of its eye distance: how far the tip of the nose lies below the
# eyes and in front of them. 0.57 is that of the usual five-point template for aligned faces;
# 0.48 is 30 mm on a head with 63 mm between the eyes.
NOSE_DOWN, NOSE_OUT = 0.57, 0.48

# Where a measure starts to count as fully good. Below, the overall quality falls with it.
GOOD_SHARPNESS = 0.55
GOOD_SIZE_PX = 40.0
DARK, BRIGHT = 0.22, 0.80  # mean luminance of a face that is still well lit


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head points, in degrees, as a camera sees it; all zero when it faces the camera.

    Attributes:
        yaw: positive when the head is turned to the person's own left, the image's right.
        pitch: positive when the person looks up.
        roll: positive when the head leans clockwise in the image.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures of one face.

    Attributes:
        sharpness: 0 (smeared) to 1 (crisp edges everywhere); about 0.6 for a good photograph.
        brightness: mean luminance of the face, 0 (black) to 1 (white).
        size_px: distance between the eyes in pixels of the photograph, as if seen from the front.
        frontality: 1 facing the camera, 0 in profile.
        overall: 0 to 1, the product of what each measure leaves.
        pose: where the head points.
    """

    sharpness: float
    brightness: float
    size_px: float
    frontality: float
    overall: float
    pose: Pose


def measure(crop: Pixels, face: Face) -> Quality:
    """Measure one face.

    The overall quality is a product, so that one fault is enough to lower it: a sharp, large
    face in the dark is as useless as a blurred one in good light.

    Args:
        crop: the face warped upright, uint8 (S, S, 3) RGB, as ``Pipeline.crop`` gives it.
        face: the same face in the photograph; its landmarks give size and pose.
    """
    grey = _middle(crop)
    sharp = sharpness(grey)
    light = float(grey.mean()) / 255.0
    head = pose(face.landmarks)
    size = eye_distance(face.landmarks, head)
    front = frontality(head)
    overall = (
        min(1.0, sharp / GOOD_SHARPNESS)
        * light_share(light)
        * min(1.0, size / GOOD_SIZE_PX)
        * front
    )
    return Quality(sharp, light, size, front, float(overall), head)


def sharpness(grey: NDArray[np.float32]) -> float:
    """Return how much of a grey image's detail a blur would take away, 0 to 1.

    The image is blurred along each axis and the loss of neighbouring differences is compared
    with the differences before: a sharp image loses most of them, a blurred one has little left
    to lose. As a ratio it hardly depends on the light's strength, unlike a variance of edges.
    Source: Crété and others, The Blur Effect, SPIE Electronic Imaging 2007, with a kernel of
    7 in place of 9 for crops of 112 pixels.

    Args:
        grey: float32 (H, W), any scale.
    """
    cv2 = quiet_cv2()

    shares = []
    for axis, kernel in ((0, (1, 7)), (1, (7, 1))):
        blurred = cv2.blur(grey, kernel, borderType=cv2.BORDER_REPLICATE)
        before = np.abs(np.diff(grey, axis=axis))
        after = np.abs(np.diff(blurred, axis=axis))
        total = float(before.sum())
        lost = float(np.maximum(before - after, 0.0).sum())
        shares.append(lost / total if total > 1e-6 else 0.0)
    return min(shares)


def light_share(brightness: float) -> float:
    """Return 1 for a well lit face, falling to 0 towards black and towards white.

    The mean of luminance over the face is a component of ISO/IEC 29794-5; the bounds between
    which it is good (``DARK``, ``BRIGHT``) and the straight lines beyond them are our own.

    Args:
        brightness: mean luminance of the face, 0 to 1.
    """
    if brightness < DARK:
        return max(0.0, brightness / DARK)
    if brightness > BRIGHT:
        return max(0.0, (1.0 - brightness) / (1.0 - BRIGHT))
    return 1.0


def frontality(head: Pose) -> float:
    """Return 1 for a head that faces the camera, falling to 0 in profile.

    cos² of yaw times cos² of pitch: the form that ISO/IEC 29794-5 gives the components of head
    pose. Roll does not count: the warp takes it away.
    """
    if abs(head.yaw) >= 90 or abs(head.pitch) >= 90:
        return 0.0
    return math.cos(math.radians(head.yaw)) ** 2 * math.cos(math.radians(head.pitch)) ** 2


def eye_distance(landmarks: Floats, head: Pose) -> float:
    """Return the distance between the eyes in pixels, as if the head faced the camera.

    What is seen of it is divided by cos(yaw), as the inter-eye distance of ISO/IEC 29794-5 is;
    beyond 60 degrees of yaw no further, for the estimate is worth little there.

    Args:
        landmarks: float32 (5, 2) in pixels, in the order of ``Face.landmarks``.
        head: where the head points.
    """
    seen = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    return seen / max(math.cos(math.radians(min(abs(head.yaw), 60.0))), 0.5)


def pose(landmarks: Floats) -> Pose:
    """Estimate where a head points from its five landmarks.

    The tip of the nose stands out of the plane of eyes and mouth: seen from the side it leaves
    the middle line, seen from below it comes nearer to the eyes. Solved under scaled orthographic
    projection for an average head; the idea is that of Gee and Cipolla, Determining the Gaze of
    Faces in Images, 1994. Mouth corners give the middle line but not the pitch: a smile lifts
    them. Noses differ, so pitch carries an error of some degrees that is constant for a person:
    compare a pitch with the same person's straight look.

    Args:
        landmarks: float32 (5, 2) in pixels, y down, in the order of ``Face.landmarks``.
    """
    points = np.asarray(landmarks, np.float64)
    across, down = points[1] - points[0], (points[3] + points[4] - points[0] - points[1]) / 2
    eyes_seen = float(np.hypot(*across))
    if eyes_seen < 1e-6:
        return Pose(90.0, 0.0, 0.0)
    roll = math.degrees(math.atan2(across[1], across[0]))
    right = across / eyes_seen
    below = np.array([-right[1], right[0]])
    nose = points[2] - (points[0] + points[1]) / 2
    nose_x, nose_y = float(nose @ right), float(nose @ below)
    slope = float(down @ right) / max(float(down @ below), 1e-6)
    yaw = math.atan2(nose_x - slope * nose_y, NOSE_OUT * eyes_seen)
    eyes = eyes_seen / max(math.cos(yaw), 0.3)
    reach, ahead = math.hypot(NOSE_DOWN, NOSE_OUT), math.atan2(NOSE_OUT, NOSE_DOWN)
    pitch = math.acos(float(np.clip(nose_y / eyes / reach, -1.0, 1.0))) - ahead
    return Pose(math.degrees(yaw), math.degrees(pitch), roll)


def _middle(crop: Pixels) -> NDArray[np.float32]:
    """Return the grey middle of a crop, where there is face and little background, 112 scale."""
    cv2 = quiet_cv2()

    grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)
    if grey.shape[0] != 112:
        grey = cv2.resize(grey, (112, 112), interpolation=cv2.INTER_AREA)
    return np.asarray(grey[16:104, 16:96], np.float32)
