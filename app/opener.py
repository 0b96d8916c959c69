"""The gallery that a recognizer asks: opened when first needed, and of the right model."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from facegate.errors import ModelMismatchError, NotAGalleryError
from facegate.models.home import home

if TYPE_CHECKING:
    from facegate.gallery import Gallery


class GalleryOpener:
    """A gallery file that may not exist yet.

    Args:
        path: the file; by default ``gallery.db`` in ``$FACEGATE_HOME``.
        asked_model: returns the embedder's name or model id that was asked for, or None.

    Attributes:
        is_named: whether a file was named; then it must exist for a question.
        gallery: the gallery once it is open.
    """

    def __init__(
        self, path: "str | os.PathLike[str] | None", asked_model: Callable[[], str | None]
    ) -> None:
        self.path = Path(path) if path is not None else home() / "gallery.db"
        self.is_named = path is not None
        self.gallery: Gallery | None = None
        self._asked_model = asked_model

    def close(self) -> None:
        """Close the gallery; it can be opened again."""
        if self.gallery is not None:
            self.gallery.close()
            self.gallery = None

    def open(self) -> "Gallery | None":
        """Return the gallery, opened once; None where it does not exist yet.

        Raises:
            ModelMismatchError: it is not of the model that was asked for.
        """
        if self.gallery is None and os.path.lexists(self.path):
            from facegate.gallery import Gallery

            gallery = Gallery.open(self.path)
            try:
                self._check_model(gallery.model_id)
            except ModelMismatchError:
                gallery.close()
                raise
            self.gallery = gallery
        return self.gallery

    def create(self, model_id: Callable[[], str]) -> "Gallery":
        """Return the gallery, which is made for a model where it does not exist yet."""
        gallery = self.open()
        if gallery is None:
            from facegate.gallery import Gallery

            gallery = self.gallery = Gallery.open(self.path, model_id=model_id(), create=True)
        return gallery

    def require(self) -> "Gallery | None":
        """Return the gallery to ask; None where it is the default one and nobody is enrolled.

        Raises:
            NotAGalleryError: a gallery was named that does not exist.
        """
        gallery = self.open()
        if gallery is None and self.is_named:
            raise NotAGalleryError(
                f"there is no gallery {self.path}",
                hint="enrol somebody first, or name another file",
            )
        return gallery

    def _check_model(self, model_id: str) -> None:
        asked = self._asked_model()
        if asked not in (None, model_id, model_id.rpartition("-")[0]):
            raise ModelMismatchError(
                f"gallery {self.path} holds templates of model {model_id}, not of {asked}",
                hint="leave --model out, name another gallery, or move it with 'gallery reembed'",
            )
