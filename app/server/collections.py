"""Which galleries a server has, each with its recognizer; all of one model share a reader."""

import threading
from dataclasses import dataclass
from pathlib import Path

from facegate.errors import ConflictError, InputError, NotAGalleryError
from facegate.gallery import Gallery
from facegate.models.pipeline import Pipeline
from facegate.models.zoo import DEFAULT_MODEL
from facegate.reader import Reader
from facegate.recognizer import Recognizer
from facegate.server.settings import COLLECTION_NAME

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Collection:
    """One gallery and the recognizer on top of it."""

    name: str
    recognizer: Recognizer
    gallery: Gallery


class Collections:
    """The galleries of one server.

    ``default`` is the command line's own gallery; the others lie in the folder ``collections``.
    Galleries may be used by any thread, recognizers by the worker's alone.

    Args:
        folder: ``$FACEGATE_HOME``.
        model: of new galleries; empty takes the default.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    def __init__(self, folder: Path, *, model: str = "", device: str = "auto") -> None:
        self._folder, self._device = folder, device
        self._model = model or DEFAULT_MODEL
        self._lock = threading.RLock()
        self._open: dict[str, Collection] = {}
        self._readers: dict[str, Reader] = {}
        self._loose: Recognizer | None = None
        self.fmr: float | None = None
        self.fpir: float | None = None

    def names(self) -> list[str]:
        """Return the names of all collections, ``default`` first."""
        found = {path.stem for path in (self._folder / "collections").glob("*.db")}
        return [DEFAULT, *sorted(name for name in found if COLLECTION_NAME.fullmatch(name))]

    def get(self, name: str) -> Collection:
        """Return a collection.

        Raises:
            NotAGalleryError: there is none of this name.
        """
        with self._lock:
            if name in self._open:
                return self._open[name]
            path = self._path(name)
            if name != DEFAULT and not path.exists():
                raise NotAGalleryError(
                    f"there is no collection {name:.40}", hint="see the list of collections"
                )
            return self._load(name, path)

    def create(self, name: str) -> Collection:
        """Make a collection.

        Raises:
            ConflictError: there is one of this name.
            InputError: the name is not one of 1 to 40 letters a-z, digits and hyphens.
        """
        with self._lock:
            path = self._path(name)
            if name == DEFAULT or path.exists():
                raise ConflictError(
                    f"there is a collection {name} already", hint="choose another name"
                )
            return self._load(name, path)

    def recognizer(self) -> Recognizer:
        """Return a recognizer without a gallery, for questions about photographs alone."""
        with self._lock:
            if self._loose is None:
                self._loose = Recognizer(reader=self._reader(self._model))
            self._loose.fmr, self._loose.fpir = self.fmr, self.fpir
            return self._loose

    def set_rates(self, fmr: float | None, fpir: float | None) -> None:
        """Aim at other error rates from now on; None leaves a collection to its calibration."""
        with self._lock:
            self.fmr, self.fpir = fmr, fpir
            for entry in self._open.values():
                entry.recognizer.fmr, entry.recognizer.fpir = fmr, fpir

    def close(self) -> None:
        """Close every gallery."""
        with self._lock:
            for entry in self._open.values():
                entry.recognizer.close()
            self._open.clear()

    def _path(self, name: str) -> Path:
        if not COLLECTION_NAME.fullmatch(name):
            raise InputError(
                "a collection's name has 1 to 40 letters a-z, digits and hyphens",
                hint="choose a name like staff or floor-2",
            )
        if name == DEFAULT:
            return self._folder / "gallery.db"
        return self._folder / "collections" / f"{name}.db"

    def _load(self, name: str, path: Path) -> Collection:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        model = self._model
        if path.exists():
            try:
                with Gallery.open(path, read_only=True) as gallery:
                    model = gallery.model_id
            except NotAGalleryError as error:
                hint = "move it away, or put a backup in its place"
                raise NotAGalleryError(error.message, hint=hint) from error
        recognizer = Recognizer(path, fmr=self.fmr, fpir=self.fpir, reader=self._reader(model))
        self._open[name] = Collection(name, recognizer, recognizer.create_gallery())
        return self._open[name]

    def _reader(self, model: str) -> Reader:
        for reader in self._readers.values():
            if model in (reader.pipeline.model_id, reader.pipeline.embedder.card.name):
                return reader
        reader = Reader(Pipeline(model, device=self._device))
        self._readers[reader.pipeline.model_id] = reader
        return reader
