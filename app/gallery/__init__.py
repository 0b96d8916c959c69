"""Who is enrolled: one SQLite file as the truth, a FAISS index in memory made from it.

from facegate.gallery import Gallery

with Gallery.open("people.db") as gallery:
    for identity in gallery.identities():
        print(identity.name, identity.n_samples)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facegate.gallery.gallery import Gallery
    from facegate.gallery.values import (
        Candidate,
        Enrolled,
        Finding,
        Identity,
        Imported,
        Operation,
        Restored,
        Sample,
        StoredSample,
    )

__all__ = [
    "Candidate",
    "Enrolled",
    "Finding",
    "Gallery",
    "Identity",
    "Imported",
    "Operation",
    "Restored",
    "Sample",
    "StoredSample",
]


# Imported at first use: cleaning a name needs no SQLite.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'facegate.gallery' has no attribute {name!r}")
    home = "gallery" if name == "Gallery" else "values"
    return getattr(import_module(f"facegate.gallery.{home}"), name)
