"""The check for presentation attacks, where the operator turned it on; its word stands alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facegate.data.images import Photo
from facegate.models.values import Face

if TYPE_CHECKING:
    from facegate.models.presentation.check import PresentationCheck

NOT_CHECKED = "not checked"


class Presentation:
    """Looks at faces, or does not.

    Args:
        name: of the check, or empty for none.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    def __init__(self, name: str, device: str) -> None:
        self.name, self._device = name, device
        self._check: PresentationCheck | None = None

    def load(self) -> None:
        """Make the check ready.

        Raises:
            ModelMissingError: it is not installed.
        """
        if self.name and self._check is None:
            from facegate.models.presentation.check import PresentationCheck

            self._check = PresentationCheck(device=self._device)

    def of(self, photo: Photo, faces: Sequence[Face]) -> list[str]:
        """Return ``ok``, ``suspected`` or ``not checked`` for each face of a photograph."""
        self.load()
        if self._check is None:
            return [NOT_CHECKED] * len(faces)
        return [self._check(photo.pixels, face.box * photo.scale) for face in faces]


def worst(words: Sequence[str]) -> str:
    """Return ``suspected`` where one of them is; else the first, or ``not checked``."""
    return "suspected" if "suspected" in words else next(iter(words), NOT_CHECKED)
