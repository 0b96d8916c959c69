"""What a gallery remembers of its calibration, and the thresholds that follow from it.

Light on purpose: every decision reads it. ``make`` makes one.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facegate.decision import Basis
from facegate.errors import DamagedGalleryError
from facegate.models.card import Card
from facegate.models.impostor_files import ImpostorStatistics, load_statistics
from facegate.models.impostors import Line, Scale

if TYPE_CHECKING:
    from facegate.gallery import Gallery

SETTING = "calibration"
FORMAT = 1

MEANINGS = {
    "model": "statistics that come with the model",
    "gallery": "the gallery's own people",
    "strangers": "strangers you named",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One source that says how strangers score.

    Attributes:
        kind: ``model``, ``gallery`` or ``strangers``.
        protocol: who was compared, in words.
        n_comparisons, n_people: of one template with one.
        fits: whether it agrees with what the user's own people show.
    """

    kind: str
    protocol: str
    n_comparisons: int
    n_people: int
    fits: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON."""
        return {
            "kind": self.kind,
            "protocol": self.protocol,
            "comparisons": self.n_comparisons,
            "people": self.n_people,
            "fits": self.fits,
        }


@dataclass(frozen=True, slots=True)
class Calibration:
    """The thresholds of one gallery.

    Attributes:
        id: as decisions name it.
        created: ISO time, UTC.
        model: the id of the model it holds for.
        fmr, fpir: the rates it was made for.
        scale: scores and their rates, the strictest of the evidence.
        evidence: where they come from.
        n_identities, n_templates: the gallery's size when it was made.
    """

    id: str
    created: str
    model: str
    fmr: float
    fpir: float
    scale: Scale
    evidence: tuple[Evidence, ...]
    n_identities: int
    n_templates: int

    def search_threshold(self) -> Line | None:
        """Return the threshold of a search at the size when it was made; None with nobody in it."""
        if not self.n_templates:
            return None
        return self.scale.search_threshold(
            self.fpir, templates=self.n_templates, identities=self.n_identities
        )

    def as_json(self) -> dict[str, Any]:
        """Return what the gallery remembers; of the evidence the counts only."""
        return {
            "format": FORMAT,
            "id": self.id,
            "created": self.created,
            "model": self.model,
            "fmr": self.fmr,
            "fpir": self.fpir,
            "tables": self.scale.as_json(),
            "evidence": [entry.as_json() for entry in self.evidence],
            "identities": self.n_identities,
            "templates": self.n_templates,
        }


def keep_calibration(gallery: "Gallery", calibration: Calibration) -> None:
    """Store a calibration in its gallery, in place of an older one."""
    gallery.set_setting(SETTING, json.dumps(calibration.as_json()))


def forget_calibration(gallery: "Gallery") -> None:
    """Remove a gallery's calibration, so that the model's own figures decide again."""
    gallery.set_setting(SETTING, None)


def read_calibration(gallery: "Gallery") -> Calibration | None:
    """Return a gallery's calibration, or None where it has none for its present model.

    Raises:
        DamagedGalleryError: what is stored cannot be read.
    """
    text = gallery.setting(SETTING)
    return None if text is None else _parsed(text, gallery)


def _parsed(text: str, gallery: "Gallery") -> Calibration | None:
    try:
        value = json.loads(text)
        if value["format"] != FORMAT or value["model"] != gallery.model_id:
            return None
        return Calibration(
            id=str(value["id"]),
            created=str(value["created"]),
            model=str(value["model"]),
            fmr=float(value["fmr"]),
            fpir=float(value["fpir"]),
            scale=Scale.from_json(value["tables"]),
            evidence=tuple(
                Evidence(
                    entry["kind"],
                    entry["protocol"],
                    int(entry["comparisons"]),
                    int(entry["people"]),
                    bool(entry["fits"]),
                )
                for entry in value["evidence"]
            ),
            n_identities=int(value["identities"]),
            n_templates=int(value["templates"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedGalleryError(
            f"the calibration of {gallery.path} cannot be read ({error})",
            hint="make a new one with 'facegate calibrate'",
        ) from error


class CalibrationReader:
    """Finds what decisions stand on, and reads it again only where it changed."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._calibration: Calibration | None = None
        self._statistics: dict[str, ImpostorStatistics | None] = {}

    def basis(self, card: Card, model_id: str, gallery: "Gallery | None") -> Basis:
        """Return the calibration of a gallery, else the model's impostor statistics, else its card.

        Args:
            card: of the model.
            model_id: the id of the model in use.
            gallery: open, or None.
        """
        text = gallery.setting(SETTING) if gallery is not None else None
        if text != self._text:
            self._text = text
            self._calibration = _parsed(text, gallery) if text and gallery else None
        if self._calibration is not None and self._calibration.model == model_id:
            made = self._calibration
            return Basis(card, made.scale, made.id, made.fmr, made.fpir)
        if model_id not in self._statistics:
            self._statistics[model_id] = load_statistics(model_id)
        statistics = self._statistics[model_id]
        return Basis(card, statistics.scale if statistics else None)
