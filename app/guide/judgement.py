"""What is wrong with a frame, and where the head in it points."""

from facegate.guide.advice import Direction, Instruction, View
from facegate.models.values import Face
from facegate.quality import Pose

# What a frame must have. Sizes in pixels between the eyes, light as mean luminance 0 to 1.
MIN_EYES_PX = 30.0
MAX_FACE = 0.80  # height of the face in the frame's height
MIN_SHARPNESS = 0.30
MIN_LIGHT, MAX_LIGHT = 0.13, 0.86
# Area, as a share of the largest face, and detection score from which another one is in the way:
# folds of cloth are small or score 0.7 to 0.85, people nearly 1.
SECOND_FACE, SECOND_SCORE = 0.2, 0.9
# Directions in degrees from the person's own straight look. A five-point estimate is good to
# about 4 degrees, so the bands leave gaps between them; and it reads a turn as some 80 % of what it
# is, because the landmarks of a turned face are drawn towards those of a straight one.
STRAIGHT_YAW, STRAIGHT_PITCH = 8.5, 5.5
TURNED_YAW, UP_PITCH, DOWN_PITCH = 11.0, 8.0, 6.0  # the detector reads down less than up
MAX_YAW, MAX_PITCH = 38.0, 30.0


def look_for_problem(view: View) -> Instruction | None:
    """Return what is wrong with a frame whoever is in it, the most helpful first, or None."""
    if not view.faces:
        return Instruction.NO_FACE
    main = view.faces[0]
    others = [face for face in view.faces[1:] if face.score >= SECOND_SCORE]
    if any(face.area >= SECOND_FACE * main.area for face in others):
        return Instruction.ONE_PERSON
    quality = view.quality
    if quality is None or view.embedding is None:
        return Instruction.STRAIGHT  # its landmarks form no upright face
    if quality.size_px < MIN_EYES_PX:
        return Instruction.CLOSER
    if (main.box[3] - main.box[1]) > MAX_FACE * view.height:
        return Instruction.FURTHER
    if not _inside(main, view):
        return Instruction.CENTRE
    if quality.brightness < MIN_LIGHT:
        return Instruction.TOO_DARK
    if quality.brightness > MAX_LIGHT:
        return Instruction.TOO_BRIGHT
    if quality.sharpness < MIN_SHARPNESS:
        return Instruction.BLURRED
    return None


def direction_of(pose: Pose) -> Direction | None:
    """Return the direction of a pose relative to the straight look, or None between two."""
    if abs(pose.yaw) > MAX_YAW or abs(pose.pitch) > MAX_PITCH:
        return None
    if abs(pose.yaw) <= STRAIGHT_YAW and abs(pose.pitch) <= STRAIGHT_PITCH:
        return Direction.STRAIGHT
    if abs(pose.yaw) >= TURNED_YAW and abs(pose.yaw) >= abs(pose.pitch):
        return Direction.LEFT if pose.yaw > 0 else Direction.RIGHT
    bound = UP_PITCH if pose.pitch > 0 else DOWN_PITCH
    if abs(pose.pitch) >= bound and abs(pose.pitch) > abs(pose.yaw):
        return Direction.UP if pose.pitch > 0 else Direction.DOWN
    return None


def _inside(face: Face, view: View) -> bool:
    """Return whether a face is whole: landmarks well inside, box hardly cut by the border."""
    x, y = face.landmarks[:, 0], face.landmarks[:, 1]
    edge = 0.03 * min(view.width, view.height)
    marks_inside = x.min() > edge and y.min() > edge
    marks_inside &= x.max() < view.width - edge and y.max() < view.height - edge
    x1, y1, x2, y2 = (float(v) for v in face.box)
    cut = (x1 <= 0) + (x2 >= view.width) + (y1 <= 0) + (y2 >= view.height)
    return bool(marks_inside) and cut == 0
