"""Say truly, after Ctrl-C or an error of the gallery, whether anything was saved."""

import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Protocol

from facegate.errors import GalleryError


class OfGallery(Protocol):
    """What writes to one gallery file: a recognizer, or the gallery itself."""

    path: Path


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a note that says what is true now."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


class Operation:
    """The writes of one command: after Ctrl-C the gallery itself says which of them are in it.

    Python delivers Ctrl-C only after a COMMIT has returned, so the last write may be saved
    although the command never heard of it.
    """

    def __init__(self, writer: OfGallery) -> None:
        self._writer = writer
        self._uids: list[str] = []

    def uid(self) -> str:
        """Return a fresh id for one write."""
        self._uids.append(secrets.token_hex(16))
        return self._uids[-1]

    def __enter__(self) -> "Operation":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(self._truth()) from error
        if isinstance(error, GalleryError) and len(self._uids) > 1:
            # One write of many has failed, and its own message knows of itself only.
            error.hint += f"; before that, {self._truth()}"

    def _truth(self) -> str:
        path = self._writer.path
        if not self._uids or not os.path.exists(path):
            return "nothing was changed"
        from facegate.gallery import Gallery

        # The writer's own connection may have been stopped in the middle of a statement.
        with Gallery.open(path, read_only=True) as gallery:
            saved = [op for uid in self._uids if (op := gallery.find_operation(uid)) is not None]
        if not saved:
            return "nothing was changed"
        what = (
            saved[0].text
            if len(saved) == 1
            else f"{len(saved)} changes, the last: {saved[-1].text}"
        )
        if saved[-1].kind in ("erase", "restore"):
            return f"saved: {what}; that cannot be taken back"
        return f"saved: {what}; 'facegate gallery undo' takes the last one back"
