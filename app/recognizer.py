"""Enrol, verify, identify: the one road from photographs to an answer.

recognizer = Recognizer("people.db")
recognizer.enroll("Ada Lovelace", ["ada-1.jpg", "ada-2.jpg"])
for face in recognizer.identify("group.jpg").faces:
    print(face.decision, face.identity, face.score)
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from facegate.answers import answer, nobody_enrolled, not_embedded, verified
from facegate.calibration.stored import CalibrationReader
from facegate.choice import FaceChoice, rows
from facegate.closing import Closing
from facegate.data.images import Photo, PhotoSource
from facegate.decision import Basis, Comparison, Search, Threshold
from facegate.errors import NoThresholdError, UnknownIdentityError
from facegate.models.card import Card
from facegate.models.pipeline import Pipeline
from facegate.opener import GalleryOpener
from facegate.reader import Reader
from facegate.results import (
    EmbeddedFace,
    Enrolment,
    Identification,
    IdentifiedFace,
    LeftOut,
    Verification,
)

if TYPE_CHECKING:
    from facegate.gallery import Gallery, Identity


class Recognizer(Closing):
    """A pipeline, a gallery and the decision on top of them.

    Args:
        gallery: a gallery file, created at the first enrolment; by default ``gallery.db`` in
            ``$FACEGATE_HOME``. It is opened when first needed.
        model: an embedder's name or model id; by default the gallery's, else the default model.
        device: ``auto``, ``cpu`` or ``cuda``.
        fmr, fpir: the error rates that verifications, and identifications, aim at; where None
            those that the gallery was calibrated for, else 1e-3 and 1e-2.
        threshold: a score to use in place of the measured thresholds.
        rotate: look for faces in the photograph turned by 90, 180 and 270 degrees too.
        reader: a reader to share with other recognizers; its model is the gallery's.

    ``path`` is where the gallery is or will be, ``actor`` who the history says enrolled. Methods
    raise ``FacegateError`` for everything that a person can meet. One recognizer belongs to one
    thread.
    """

    def __init__(
        self,
        gallery: "str | os.PathLike[str] | None" = None,
        *,
        model: str | None = None,
        device: str = "auto",
        fmr: float | None = None,
        fpir: float | None = None,
        threshold: float | None = None,
        rotate: bool = False,
        reader: Reader | None = None,
    ) -> None:
        self.actor = "local"
        self.fmr, self.fpir, self.threshold = fmr, fpir, threshold
        self._model, self._device, self._rotate, self._reader = model, device, rotate, reader
        self._opener = GalleryOpener(gallery, self._asked_model)
        self.path: Path = self._opener.path
        self._calibrations = CalibrationReader()

    def close(self) -> None:
        """Close the gallery; the recognizer can be used again."""
        self._opener.close()

    @property
    def reader(self) -> Reader:
        """Return the road from photographs to embedded faces, with the gallery's model."""
        if self._reader is None:
            # A verification of two photographs never opens the default gallery.
            gallery = self.gallery if self._opener.is_named else self._opener.gallery
            model = gallery.model_id if gallery is not None else self._model
            self._reader = Reader(Pipeline(model, device=self._device), rotate=self._rotate)
        return self._reader

    @property
    def model_id(self) -> str:
        """Return the id of the model in use."""
        return self.reader.pipeline.model_id

    @property
    def card(self) -> Card:
        """Return the card of the model in use."""
        return self.reader.pipeline.embedder.card

    @property
    def basis(self) -> Basis:
        """Return what decisions stand on: the gallery's calibration, or the model's own figures.

        A verification of two photographs knows no gallery unless one was named.
        """
        return self._calibrations.basis(self.card, self.model_id, self._opener.gallery)

    @property
    def gallery(self) -> "Gallery | None":
        """Return the gallery, or None where it does not exist yet."""
        return self._opener.open()

    def require_gallery(self) -> "Gallery | None":
        """Return the gallery; None where it is the default one and nobody was ever enrolled.

        Raises:
            NotAGalleryError: one was named that does not exist.
        """
        return self._opener.require()

    def faces(
        self, source: PhotoSource | Photo, *, face: FaceChoice = "all"
    ) -> tuple[EmbeddedFace, ...]:
        """Return the embedded faces of a photograph, largest first.

        Args:
            source: a path, bytes, binary file, PIL image, uint8 RGB array, or a photo.
            face: ``only`` raises where there are several, ``largest`` takes the first.

        Raises:
            ImageError: the source is no photograph.
            NoFaceError, SeveralFacesError, NotUprightError: no answer from this photograph.
        """
        return self.reader.faces(source, face=face)

    def verify(
        self, a: PhotoSource | Photo, b: PhotoSource | Photo, *, face: FaceChoice = "only"
    ) -> Verification:
        """Say whether two photographs show the same person.

        With ``face="all"`` the best pair of faces decides, and the threshold is that of the best
        of so many comparisons.
        """
        if self._opener.is_named:
            self.require_gallery()
        self.reader.start()
        left, right = self.faces(a, face=face), self.faces(b, face=face)
        scores = rows(left) @ rows(right).T
        i, j = divmod(int(scores.argmax()), len(right))
        score, best = float(scores[i, j]), Comparison(probes=scores.size)
        return self._verification(score, best, (left[i], right[j]))

    def verify_name(
        self, name: str, source: PhotoSource | Photo, *, face: FaceChoice = "only"
    ) -> Verification:
        """Say whether a photograph shows the person enrolled under a name.

        The probe is compared with every template of the person, and the best decides.

        Raises:
            UnknownIdentityError: nobody of that name is enrolled.
        """
        gallery = self.require_gallery()
        if gallery is None:
            raise UnknownIdentityError(
                f"{name!r} is not enrolled; nobody is, in {self.path}", hint="enrol somebody first"
            )
        self.reader.start()
        identity = gallery.identity(name)
        ids, templates = gallery.templates(identity.name)
        probes = self.faces(source, face=face)
        scores = rows(probes) @ templates.T
        i, j = divmod(int(scores.argmax()), len(ids))
        best = Comparison(probes=len(probes), templates=len(ids))
        return self._verification(float(scores[i, j]), best, (probes[i],), (identity, int(ids[j])))

    def identify(self, source: PhotoSource | Photo, *, face: FaceChoice = "all") -> Identification:
        """Say who, if anyone enrolled, each face of a photograph is.

        Faces whose landmarks are not upright are ``inconclusive``. A photograph without a face
        gives no faces. On an empty gallery every face is ``unknown``.
        """
        self.require_gallery()
        self.reader.start()
        photo, found = self.reader.find(source)
        every = range(len(found.faces))
        chosen = every if face == "all" else self.reader.choose(photo, found, face)
        embedded, refused = self.reader.embed(photo, found, chosen)
        decided, problem = self._search(embedded)
        answers = dict(zip((e.face_no for e in embedded), decided, strict=True))
        for number, error in refused.items():
            answers[number] = not_embedded(photo.source, found.faces[number], str(error))
        return Identification(
            photo.source,
            tuple(answers[number] for number in sorted(answers)),
            found.n_left_out,
            self.model_id,
            self.reader.stop(),
            problem,
        )

    def search(self, faces: Sequence[EmbeddedFace]) -> list[IdentifiedFace]:
        """Say who, if anyone enrolled, each of these faces is."""
        return self._search(faces)[0]

    def enroll(
        self,
        name: str,
        sources: Iterable[PhotoSource | Photo],
        *,
        face: FaceChoice = "only",
        keep_crops: bool = False,
        op_uid: str | None = None,
    ) -> Enrolment:
        """Enrol a person from photographs, or add samples to one who is enrolled.

        Samples that cannot be used or that disagree with the rest of their person are left out
        and named. One transaction: all kept samples or none.

        Args:
            name: a new or an enrolled name.
            face: ``only`` or ``largest``.
            keep_crops: keep the aligned crops, so that the gallery can move to another model.
            op_uid: a caller's own id of this operation; repeating it changes nothing.

        Raises:
            InvalidNameError: the name cannot be given.
        """
        from facegate.enrolment import enroll_photos

        return enroll_photos(self, name, sources, face=face, keep_crops=keep_crops, op_uid=op_uid)

    def enroll_faces(
        self,
        name: str,
        looked: Sequence[EmbeddedFace],
        *,
        left_out: Sequence[LeftOut] = (),
        keep_crops: bool = False,
        kind: Literal["photo", "frame"] = "photo",
        op_uid: str | None = None,
    ) -> Enrolment:
        """Enrol faces that are embedded already, kept frames of a camera say; see ``enroll``.

        Args:
            left_out: what the caller has left out before; it is counted and reported.
            kind: what the faces come from.
        """
        from facegate.enrolment import enroll_faces

        return enroll_faces(
            self, name, looked, left_out, keep_crops=keep_crops, kind=kind, op_uid=op_uid
        )

    def create_gallery(self) -> "Gallery":
        """Return the gallery, which is made where it does not exist yet."""
        return self._opener.create(lambda: self.model_id)

    def _asked_model(self) -> str | None:
        return self.model_id if self._reader else self._model

    def _verification(
        self,
        score: float,
        best: Comparison,
        faces: tuple[EmbeddedFace, ...],
        claim: "tuple[Identity, int] | None" = None,
    ) -> Verification:
        basis = self.basis
        threshold: Threshold | NoThresholdError
        try:
            threshold = self._own_threshold or basis.verification(self.fmr, best)
        except NoThresholdError as error:
            threshold = error
        return verified(
            score,
            threshold,
            basis.rate_at(score, best),
            faces,
            model=self.model_id,
            claim=claim,
            seconds=self.reader.stop(),
        )

    def _search(
        self, faces: Sequence[EmbeddedFace]
    ) -> tuple[list[IdentifiedFace], NoThresholdError | None]:
        """Return the answers, and why they hold no decision where a threshold is missing."""
        gallery = self.gallery
        n_identities, n_templates = gallery.count() if gallery is not None else (0, 0)
        if gallery is None or not n_identities or not faces:
            return [nobody_enrolled(face) for face in faces], None
        size, basis, problem = Search(n_templates, n_identities), self.basis, None
        threshold = self._own_threshold
        try:
            threshold = threshold or basis.identification(self.fpir, size)
        except NoThresholdError as error:
            problem = error
        answers = [
            answer(f, c, threshold, basis.search_rate_at(c[0].score, size))
            for f, c in zip(faces, gallery.search(rows(faces), k=2), strict=True)
        ]
        return answers, problem

    @property
    def _own_threshold(self) -> Threshold | None:
        return None if self.threshold is None else Threshold(self.threshold, None, "user")
