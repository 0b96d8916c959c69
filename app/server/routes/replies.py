"""The answers of the API as types: what its description promises, and what is let out."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

Word = Literal["match", "no match", "unknown", "inconclusive"]
Presentation = Literal["ok", "suspected", "not checked"]
"""What the check for presentation attacks said, ``serve --pad``; never part of a score."""
Rate = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Named(BaseModel):
    """An identity in short."""

    id: int
    name: str


class Near(BaseModel):
    """An identity and how alike it is; scores are for operators."""

    identity: Named
    score: float | None


class FoundFace(BaseModel):
    """A face: box (x1, y1, x2, y2) and five landmarks in pixels of the upright photograph."""

    source: str
    box: Annotated[list[float], Field(min_length=4, max_length=4)]
    landmarks: Annotated[list[list[float]], Field(min_length=5, max_length=5)]
    score: float | None
    quality: float | None


class Detected(BaseModel):
    """The faces of a photograph, the largest first."""

    width: int
    height: int
    faces: list[FoundFace]
    left_out: int


class Verified(BaseModel):
    """Whether two faces are one person's; what is not known, or not told, is null."""

    decision: Word | None
    score: float | None
    threshold: float | None
    fmr: Rate | None
    fmr_at_score: Rate | None
    fmr_ci95: list[float] | None
    model: str
    calibration: str | None
    identity: Named | None
    template: int | None
    faces: list[FoundFace]
    seconds: dict[str, float]
    reason: str | None
    problem: str | None
    presentation: Presentation


class IdentifiedFace(FoundFace):
    """A face and who it is."""

    decision: Word | None
    identity: Named | None
    threshold: float | None
    fpir: Rate | None
    fpir_at_score: Rate | None
    fpir_ci95: list[float] | None
    runner_up: Near | None
    detection_score: float | None
    reason: str | None
    note: str | None
    presentation: Presentation


class Identified(BaseModel):
    """Every face of a photograph, named or not."""

    faces: list[IdentifiedFace]
    left_out: int
    model: str
    seconds: dict[str, float]
    problem: str | None


class LeftOut(BaseModel):
    """A photograph that was not kept, and why."""

    source: str
    code: str
    message: str


class Enrolled(BaseModel):
    """What an enrolment kept; a session says what its frames looked like to the check."""

    identity: Named | None
    samples: int
    kept: int
    left_out: list[LeftOut]
    conflicts: list[Near]
    model: str
    presentation: Presentation = "not checked"


class Person(BaseModel):
    """Somebody enrolled."""

    id: int
    uid: str
    name: str
    samples: int
    created: datetime


class People(BaseModel):
    """A page of people; ``total`` counts all of the collection."""

    total: int
    identities: list[Person]


class Sample(BaseModel):
    """What a template came from."""

    id: int
    quality: float | None
    kind: str
    created: datetime
    has_crop: bool


class PersonWithSamples(Person):
    """Somebody enrolled, and every sample."""

    failed_claims: int
    sample_list: list[Sample]


class Operation(BaseModel):
    """A line of the history."""

    number: int
    kind: str
    at: datetime
    actor: str
    identity: int | None
    text: str
    undone_by: int | None


class Operations(BaseModel):
    """The latest changes, newest first."""

    operations: list[Operation]


class CollectionState(BaseModel):
    """A collection: one gallery. All but the name is null where it cannot be read."""

    name: str
    model: str | None
    identities: int | None
    templates: int | None


class CollectionList(BaseModel):
    """The collections that the key may use."""

    collections: list[CollectionState]


class Histograms(BaseModel):
    """Counts of scores over equal bins between ``low`` and ``high``."""

    low: float
    high: float
    impostor: list[int]
    genuine: list[int]
