"""One guided enrolment over the wire: the coach of ``facegate.guide`` before a browser's camera."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from facegate.data.images import read_photo
from facegate.enrolment import conflicts_of
from facegate.guide import Advice, Coach, View
from facegate.guided import LEAST_FACE_PX, view_of
from facegate.models.pipeline import Pipeline
from facegate.reader import Reader
from facegate.results import EmbeddedFace, Enrolment, Near, face_json
from facegate.server.collections import Collection
from facegate.server.presentation import NOT_CHECKED, Presentation, worst
from facegate.server.reasons import Refusal

LATE_S = 5.0
"""Beyond its limit: the coach's time runs from the first frame, and it says what was missing."""
SAVE_S = 60.0
"""How long a finished session waits to be saved, and a saved one for whoever got no answer."""
MAX_FRAME = 2_000_000
MAX_FRAME_PIXELS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """What the coach gives back for a kept frame: its number, and its face."""

    number: int
    face: EmbeddedFace


@dataclass(slots=True, eq=False)
class Session:
    """One person before a browser's camera, once.

    Attributes:
        id, nonce: name it; both are needed for every frame.
        owner: the client that began it.
        until: when it ends, on the server's clock.
        n_frames: frames looked at; their numbers rise from 1.
        opinions: what the check for presentation attacks said, with counts.
        is_saving: the worker is writing it; saved: what was written.
    """

    id: str
    nonce: str
    owner: str
    actor: str
    collection: Collection
    name: str
    coach: Coach
    clock: Callable[[], float]
    until: float
    presentation: Presentation
    n_frames: int = 0
    opinions: Counter[str] = field(default_factory=Counter)
    last: int = 0
    has_consent: bool = False
    near: tuple[Near, ...] = ()
    is_over: bool = False
    is_saving: bool = False
    saved: Enrolment | None = None
    reader: Reader | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def see(self, frame: bytes, number: int) -> dict[str, Any]:
        """Judge one frame and return what the page needs; runs in the worker's thread.

        Raises:
            ImageError: the frame is no picture. Refusal: the session is over.
        """
        self.check_open()
        photo = read_photo(
            frame, name="the frame", max_bytes=MAX_FRAME, max_pixels=MAX_FRAME_PIXELS
        )
        # The server's clock, not the browser's: a replay cannot claim to have taken its time.
        view = view_of(self._reader(), photo, self.clock())
        advice = self.coach.see(replace(view, item=_Frame(number, view.item)))
        self.n_frames += 1
        if advice.state == "done" and not self.near:
            self.near = self._conflicts()
            self.until = self.clock() + SAVE_S
        words = self.presentation.of(photo, view.faces[:1])
        self.opinions.update(words)
        return {**self._as_json(number, view, advice), "presentation": worst(words)}

    def save(self, *, is_duplicate_fine: bool) -> Enrolment:
        """Write the kept frames in one transaction; runs in the worker's thread.

        Raises:
            Refusal: ``not_ready``, or ``conflict`` where somebody enrolled looks like this one.
        """
        if self.coach.state == "going":
            raise Refusal("not_ready", "the enrolment has not finished", "send more frames")
        verdict = self.coach.finish()
        if verdict.code:
            self.is_over = True
            raise Refusal(
                "not_ready",
                f"{self.name} was not enrolled: {verdict.message}",
                "begin again, alone and in good light",
            )
        self.near = self._conflicts()
        if self.near and not is_duplicate_fine:
            raise Refusal(
                "conflict",
                f"this face looks like {self.near[0].identity.name}, who is enrolled",
                "ask whether it is the same person; save again with allow_duplicate if not",
            )
        recognizer = self.collection.recognizer
        recognizer.actor = self.actor
        faces = [kept.item.face for kept in verdict.kept]
        return recognizer.enroll_faces(self.name, faces, kind="frame", op_uid=self.id)

    def opinion(self) -> str:
        """Return what the check for presentation attacks said about most of the frames."""
        n_faces = self.opinions.total()
        if 2 * self.opinions["suspected"] > n_faces:
            return "suspected"
        return "ok" if self.opinions["ok"] else NOT_CHECKED

    def time_left(self) -> float:
        """Return the seconds until nobody may send anything more."""
        return max(0.0, self.until - self.clock())

    def check_open(self) -> None:
        """Refuse a session that is over or out of time."""
        if self.is_over or self.saved is not None or self.clock() > self.until:
            self.is_over = True
            raise Refusal("session_over", "this enrolment is over", "begin a new one")

    def _reader(self) -> Reader:
        if self.reader is None:
            embedder = self.collection.recognizer.reader.pipeline.embedder
            pipeline = Pipeline(embedder, device=embedder.device, min_face_px=LEAST_FACE_PX)
            self.reader = Reader(pipeline)
        return self.reader

    def _seconds_left(self) -> float:
        late = LATE_S if self.coach.state == "going" else 0.0
        return max(0.0, self.until - late - self.clock())

    def _conflicts(self) -> tuple[Near, ...]:
        faces = [kept.item.face for kept in self.coach.kept]
        return conflicts_of(self.collection.recognizer, faces, name=self.name)

    def _as_json(self, number: int, view: View, advice: Advice) -> dict[str, Any]:
        quality, pose = view.quality, advice.pose
        return {
            "frame": number,
            "state": advice.state,
            "instruction": advice.instruction.value,
            "text": advice.text,
            "wanted": advice.wanted.value if advice.wanted else None,
            "covered": sorted(direction.value for direction in advice.covered),
            "progress": round(advice.progress, 3),
            "face": face_json("", view.faces[0]) if view.faces else None,
            "faces": len(view.faces),
            "pose": {
                "yaw": round(pose.yaw, 1),
                "pitch": round(pose.pitch, 1),
                "roll": round(pose.roll, 1),
            }
            if pose
            else None,
            "quality": {
                "sharpness": round(quality.sharpness, 3),
                "brightness": round(quality.brightness, 3),
                "size_px": round(quality.size_px, 1),
                "overall": round(quality.overall, 3),
            }
            if quality
            else None,
            "refused": advice.refused or None,
            "kept": [kept.item.number for kept in self.coach.kept],
            "wanted_frames": self.coach.best,
            "left_out": dict(self.coach.refused.most_common()),
            "conflicts": [near.as_json() for near in self.near],
            "seconds_left": round(self._seconds_left(), 1),
        }
