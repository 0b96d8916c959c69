"""The answers about the server itself and its guided enrolments, as types."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from facegate.server.routes.replies import FoundFace, Near, Presentation

Look = Literal["straight", "left", "right", "up", "down"]


class Model(BaseModel):
    """A model that is known."""

    name: str
    title: str
    licence: str
    training_data: str
    installed: bool


class Models(BaseModel):
    """Every model."""

    models: list[Model]


class Consent(BaseModel):
    """The text in force, and whether it must be accepted."""

    needed: bool
    asked: bool
    version: int
    text: str


class MeasuredThreshold(BaseModel):
    """A score at a measured rate, with the comparisons behind it."""

    fmr: float
    score: float
    impostors: int
    genuine: int


class SettingsState(BaseModel):
    """What holds for everybody who uses the server."""

    fmr: float
    fpir: float
    consent: Consent
    version: str
    model: str
    thresholds: list[MeasuredThreshold]
    max_photo_bytes: int
    keep_days: int
    presentation_check: str | None


class Health(BaseModel):
    """That the server answers."""

    status: Literal["ok"]


class Me(BaseModel):
    """Who asks, and what they may do."""

    who: str
    scopes: list[str]
    collection: str | None


class KeyState(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[str]
    collection: str | None
    created: datetime
    expires: datetime | None
    used: datetime | None


class KeyList(BaseModel):
    """Every key."""

    keys: list[KeyState]


class KeyMade(KeyState):
    """A new key; the only answer that holds the key itself."""

    key: str


class SessionBegun(BaseModel):
    """What every frame of a session must name."""

    id: str
    nonce: str
    limit_s: float
    frames: int


class HeadPose(BaseModel):
    """Where a head points, in degrees from the person's own straight look."""

    yaw: float
    pitch: float
    roll: float


class FrameQuality(BaseModel):
    """The measures of a frame's face."""

    sharpness: float
    brightness: float
    size_px: float
    overall: float


class FrameSeen(BaseModel):
    """What the coach says about a frame: box, pose, quality, and one instruction."""

    frame: int
    state: Literal["going", "done", "failed"]
    instruction: str
    text: str
    wanted: Look | None
    covered: list[Look]
    progress: float
    face: FoundFace | None
    faces: int
    pose: HeadPose | None
    quality: FrameQuality | None
    refused: str | None
    kept: list[int]
    wanted_frames: int
    left_out: dict[str, int]
    conflicts: list[Near]
    seconds_left: float
    presentation: Presentation
