"""A guided enrolment: frames from a camera or film, through the coach, into the gallery.

with open_camera("auto") as frames:
    sitting = Sitting(recognizer, "Ada Lovelace", frames)
    for step in sitting:
        print(step.advice.text)
    answer = sitting.save()
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facegate.agreement import agreement_score
from facegate.capture import Frame, Frames
from facegate.capture.frames import BLACK_BELOW
from facegate.data.images import Photo, read_photo
from facegate.enrolment import conflicts_of
from facegate.errors import (
    FacegateError,
    NoAnswerError,
    NoFaceError,
    SeveralFacesError,
)
from facegate.gallery.names import clean_name
from facegate.guide import Advice, Coach, Direction, Verdict, View
from facegate.guide.advice import Instruction
from facegate.models.card import Card
from facegate.models.pipeline import Pipeline
from facegate.models.values import Face, Found, Pixels
from facegate.quality import measure
from facegate.reader import Reader
from facegate.recognizer import Recognizer
from facegate.results import EmbeddedFace, Enrolment, LeftOut, Near

# A film of 30 frames a second shows little more than one of 12, and takes longer.
LEAST_STEP_S = 0.08
# The coach asks for faces of twice this size; smaller ones in the background are nobody's business.
LEAST_FACE_PX = 32
# Neighbouring frames of a still picture are equal but for a fresh start of the compression now and
# then; live ones differ by a sensor's noise and by somebody who moves, in grey levels on average.
STILL_BELOW, STILL_SHARE = 0.3, 0.8
# Mean grey level of a whole picture in which the detector hardly ever finds a face.
TOO_DARK_BELOW = 20


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One frame of a sitting.

    Attributes:
        frame: the picture.
        faces: all faces in it, the largest first.
        advice: what the coach said.
    """

    frame: Frame
    faces: tuple[Face, ...]
    advice: Advice


class Sitting:
    """One person before a camera, once.

    Attributes:
        coach: the state so far.
        n_frames: frames looked at.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        name: str,
        frames: Frames,
        *,
        order: Sequence[Direction] | None = None,
    ) -> None:
        self.name = clean_name(name)
        self.coach = Coach(same_person=same_person(recognizer.card), order=order)
        self.n_frames = 0
        self._last: Pixels | None = None
        self._was_lit, self._n_still, self._light = False, 0, 0.0
        self._recognizer, self._frames = recognizer, frames
        embedder = recognizer.reader.pipeline.embedder
        pipeline = Pipeline(embedder, device=embedder.device, min_face_px=LEAST_FACE_PX)
        self._reader = Reader(pipeline, rotate=recognizer.reader.rotate)

    def __iter__(self) -> Iterator[Step]:
        """Yield each frame with the coach's advice, until it has enough or the frames end."""
        last_s = -1.0
        for frame in self._frames:
            if frame.time_s - last_s < LEAST_STEP_S:
                continue
            last_s = frame.time_s
            self.n_frames += 1
            self._look_for_life(frame.pixels)
            photo = read_photo(frame.pixels, name=f"{self._frames.name} at {frame.time_s:.2f} s")
            view = view_of(self._reader, photo, frame.time_s)
            advice = self.coach.see(view)
            yield Step(frame, view.faces, advice)
            if advice.state != "going":
                break

    def kept(self) -> list[EmbeddedFace]:
        """Return the frames that would be saved now, the best first."""
        return [kept.item for kept in self.coach.kept]

    def conflicts(self) -> tuple[Near, ...]:
        """Return the people enrolled under other names who look like this one, best first."""
        return conflicts_of(self._recognizer, self.kept(), name=self.name)

    def result(self) -> tuple[EmbeddedFace, ...]:
        """End here, and return the frames to be saved, the best first.

        Raises:
            NoAnswerError: there are too few, the face changed, or the picture never did.
        """
        verdict = self.coach.finish()
        if verdict.code:
            raise self._error(verdict)
        if self._n_still > STILL_SHARE * (self.n_frames - 1):
            raise NoAnswerError(
                f"{self.name} was not enrolled from {self._frames.name}: the picture never changed",
                hint="give a photograph without --camera; restart a camera that hangs",
                code="frozen",
            )
        return tuple(kept.item for kept in verdict.kept)

    def save(self, *, keep_crops: bool = False, op_uid: str | None = None) -> Enrolment:
        """Write the kept frames, all or none.

        Raises:
            NoAnswerError: as ``result``; nothing was changed.
        """
        return self._recognizer.enroll_faces(
            self.name, self.result(), keep_crops=keep_crops, kind="frame", op_uid=op_uid
        )

    def left_out(self) -> list[LeftOut]:
        """Return why frames were not kept, with counts, the commonest reason first."""
        return [
            LeftOut(f"{n} frames", reason, reason.replace("_", " "))
            for reason, n in self.coach.refused.most_common()
        ]

    def _look_for_life(self, pixels: Pixels) -> None:
        """Take note of whether the picture was ever lit, and whether it moves."""
        few = pixels[::7, ::7].copy()
        self._was_lit = self._was_lit or int(few.max(initial=0)) >= BLACK_BELOW
        self._light = max(self._light, float(few.mean()))
        if self._last is not None and few.shape == self._last.shape:
            change = np.abs(few.astype(np.int16) - self._last).mean()
            self._n_still += bool(change < STILL_BELOW)
        self._last = few

    def _error(self, verdict: Verdict) -> FacegateError:
        if self.n_frames and not self._was_lit:
            verdict = Verdict((), verdict.code, "the picture was black all the time")
        elif verdict.code == Instruction.NO_FACE.value and self._light < TOO_DARK_BELOW:
            verdict = Verdict((), verdict.code, "the picture was too dark to see a face")
        kind = {
            Instruction.NO_FACE.value: NoFaceError,
            Instruction.ONE_PERSON.value: SeveralFacesError,
        }.get(verdict.code, NoAnswerError)
        return kind(
            f"{self.name} was not enrolled from {self._frames.name}: {verdict.message}",
            hint="sit before the camera again, alone and in good light",
            code="" if kind is not NoAnswerError else verdict.code,
        )


def view_of(reader: Reader, photo: Photo, time_s: float, found: Found | None = None) -> View:
    """Find, measure and embed the face of one frame, as the coach wants it.

    The item of the view is the ``EmbeddedFace``.

    Args:
        reader: the road to use.
        photo: the frame.
        time_s: its time.
        found: its faces, where they were found before.
    """
    if found is None:
        _, found = reader.find(photo)
    if not found.faces:
        return View(time_s, photo.width, photo.height, ())
    embedded, _ = reader.embed(photo, found, (0,))
    if not embedded:
        return View(time_s, photo.width, photo.height, found.faces)
    face = embedded[0]
    quality = measure(face.crop, found.faces[0])
    return View(time_s, photo.width, photo.height, found.faces, quality, face.embedding, face)


def same_person(card: Card) -> float:
    """Return the score from which two frames of one sitting count as one person's.

    That of photographs which agree: a head thrown back and one bowed may be no more alike.

    -1, which every score reaches, where the model has no measured threshold.
    """
    score = agreement_score(card)
    return -1.0 if score is None else score
