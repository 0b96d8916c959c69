"""Where facegate keeps what it needs between two runs."""

import os
from pathlib import Path


def home() -> Path:
    """Return ``$FACEGATE_HOME``, or the platform's data directory. It may not exist yet.

    Inside it: ``gallery.db`` (the default gallery), ``models/`` (installed weights and cards)
    and ``cache/`` (compiled nets; safe to delete).
    """
    set_by_user = os.environ.get("FACEGATE_HOME")
    if set_by_user:
        return Path(set_by_user).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("facegate", appauthor=False))
