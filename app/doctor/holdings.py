"""What facegate has here: models, and the default gallery."""

from dataclasses import dataclass

from facegate.doctor.finding import Finding
from facegate.errors import FacegateError
from facegate.models.home import home

_RESTORE = "restore a backup with `facegate gallery restore`"


@dataclass(frozen=True, slots=True)
class Model:
    """A known model.

    Attributes:
        name: as on its card.
        installed: whether its weights are here.
        sound: whether they have the sums on its card; None where they are not here.
    """

    name: str
    installed: bool
    sound: bool | None


@dataclass(frozen=True, slots=True)
class GalleryFacts:
    """The default gallery.

    Attributes:
        path: where it lies.
        model: the id of its model.
        n_identities, n_templates: who is in it.
    """

    path: str
    model: str
    n_identities: int
    n_templates: int


def models() -> tuple[list[Model], list[Finding]]:
    """Return all known models and what is wrong with those installed; reads their files."""
    from facegate.models.shelf.install import verify
    from facegate.models.zoo import DEFAULT_MODEL, cards, installed

    found: list[Model] = []
    findings: list[Finding] = []
    for card in cards().values():
        is_here = installed(card)
        problems = verify(card.name) if is_here else []
        found.append(Model(card.name, is_here, not problems if is_here else None))
        findings += [Finding("models", p.message, p.hint) for p in problems]
    if not any(model.name == DEFAULT_MODEL and model.installed for model in found):
        findings.append(
            Finding(
                "models",
                f"the default model {DEFAULT_MODEL} is not installed",
                "install facegate again: it brings the weights",
            )
        )
    return found, findings


def default_gallery() -> tuple[GalleryFacts | None, list[Finding]]:
    """Return the default gallery, None where there is none, and what is wrong with it."""
    from facegate.gallery import Gallery
    from facegate.models.card import split_model_id
    from facegate.models.zoo import card, installed_id

    path = home() / "gallery.db"
    if not path.exists():
        return None, []
    try:
        with Gallery.open(path, read_only=True) as gallery:
            facts = GalleryFacts(str(path), gallery.model_id, *gallery.count())
            findings = [Finding("gallery", f.message, _RESTORE) for f in gallery.check()]
    except FacegateError as error:
        return None, [Finding("gallery", error.message, error.hint)]
    try:
        is_here = installed_id(card(split_model_id(facts.model)[0])) == facts.model
    except FacegateError:
        is_here = False
    if not is_here:
        findings.append(
            Finding(
                "gallery",
                f"the gallery's model {facts.model} is not installed",
                "install it with `facegate models install`",
            )
        )
    return facts, findings
