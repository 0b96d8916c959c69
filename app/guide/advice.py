"""What the coach is shown and what it says; its words are here and nowhere else."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from facegate.guide.selection import Kept
from facegate.models.values import Face, Floats
from facegate.quality import Pose, Quality


class Direction(StrEnum):
    """Where a person is asked to look; left and right are the person's own."""

    STRAIGHT = "straight"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


DIRECTIONS = tuple(Direction)


class Instruction(StrEnum):
    """What a person should do next. Those that name a fault are also reasons of refusal."""

    NO_FACE = "no_face"
    ONE_PERSON = "one_person"
    CLOSER = "closer"
    FURTHER = "further"
    CENTRE = "centre"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    OTHER_PERSON = "other_person"
    STRAIGHT = "straight"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    HOLD_STILL = "hold_still"
    DONE = "done"
    NOT_ENOUGH = "not_enough"


TEXTS = {
    Instruction.NO_FACE: "Look into the camera",
    Instruction.ONE_PERSON: "One person only, please",
    Instruction.CLOSER: "Come a little closer",
    Instruction.FURTHER: "Move back a little",
    Instruction.CENTRE: "Move to the middle of the picture",
    Instruction.TOO_DARK: "Too dark: switch a light on",
    Instruction.TOO_BRIGHT: "Too bright: turn away from the light",
    Instruction.BLURRED: "Blurred: hold still, or wipe the lens",
    Instruction.OTHER_PERSON: "This is another person",
    Instruction.STRAIGHT: "Look straight into the camera",
    Instruction.LEFT: "Turn your head a little to your left",
    Instruction.RIGHT: "Turn your head a little to your right",
    Instruction.UP: "Look up a little",
    Instruction.DOWN: "Look down a little",
    Instruction.HOLD_STILL: "Hold still",
    Instruction.DONE: "Done, thank you",
    Instruction.NOT_ENOUGH: "That was not enough",
}

# Why too few frames could be kept, for each reason of refusal: what failed, and what helps.
TOO_FEW = {
    "no_face": "no face was seen",
    "one_person": "there were several people in the picture",
    "closer": "the face was too far away",
    "further": "the face was too close",
    "centre": "the face was not whole in the picture",
    "too_dark": "it was too dark",
    "too_bright": "it was too bright",
    "blurred": "the picture was blurred",
    "other_person": "the face changed to another person's",
}


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One frame as the coach sees it.

    Attributes:
        time_s: seconds on the frames' own clock; never falls.
        width, height: of the frame in pixels.
        faces: all faces found, the largest first.
        quality: of the largest face; None where its landmarks form no upright face.
        embedding: of the largest face, float32 (D,), unit length, or None likewise.
        item: whatever the caller wants back if the frame is kept.
    """

    time_s: float
    width: int
    height: int
    faces: tuple[Face, ...]
    quality: Quality | None = None
    embedding: Floats | None = None
    item: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Advice:
    """What the coach says to a frame.

    Attributes:
        instruction, text: what to do next, as a word and as a sentence.
        kept: the frame, if it is among the candidates now.
        refused: why the frame was refused, a word, or empty.
        progress: 0 to 1.
        covered: directions that are done.
        wanted: the direction asked for.
        pose: of the largest face, relative to the person's own straight look.
        state: ``going``, ``done`` or ``failed``.
    """

    instruction: Instruction
    text: str
    kept: Kept | None
    refused: str
    progress: float
    covered: frozenset[Direction]
    wanted: Direction | None
    pose: Pose | None
    state: Literal["going", "done", "failed"]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """How an enrolment ended: kept frames, or a reason code and a sentence."""

    kept: tuple[Kept, ...]
    code: str
    message: str


def why_too_few(n_good: int, refused: Counter[str]) -> tuple[str, str]:
    """Return code and sentence for an enrolment that saw too little: its commonest fault."""
    few = f"{n_good or 'no'} good frame{'' if n_good == 1 else 's'}"
    faults = [(n, reason) for reason, n in refused.items() if reason in TOO_FEW]
    if not faults:
        return "too_short", f"it was too short ({few})"
    reason = max(faults)[1]
    return reason, f"{TOO_FEW[reason]} ({few})"
