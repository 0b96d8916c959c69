"""Rewrite the file after rows were deleted for good, now or at the next change."""

import logging

from facegate.errors import FacegateError
from facegate.gallery.store import Store, set_setting, setting
from facegate.gallery.writes.erasing import UNSWEPT

logger = logging.getLogger("facegate.gallery")


def sweep(store: Store, *, strict: bool) -> None:
    """Rewrite the file where deleted rows may have left copies in it.

    Args:
        strict: raise where that fails; else it is noted, and the next change tries again.
    """
    with store.reading() as db:
        if setting(db, UNSWEPT) is None:
            return
    try:
        store.sweep()
        with store.writing() as db:
            set_setting(db, UNSWEPT, None)
    except FacegateError as error:
        left = "rows are deleted, but the file could not be rewritten and may hold traces of them"
        if not strict:
            logger.info("%s: %s", left, error)
            return
        raise type(error)(
            f"{left}, {error.message}", hint="the next change tries again", code=error.code
        ) from error
