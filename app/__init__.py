"""facegate turns faces into names, and says how sure it is.

from facegate import Recognizer

with Recognizer("people.db") as recognizer:
    recognizer.enroll("Ada Lovelace", ["ada-1.jpg", "ada-2.jpg"])
    for face in recognizer.identify("group.jpg").faces:
        print(face.decision, face.identity, face.score)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facegate.data.images import Photo, read_photo
    from facegate.errors import FacegateError
    from facegate.gallery import Gallery, Identity
    from facegate.models.pipeline import Pipeline
    from facegate.models.values import Face, Found
    from facegate.recognizer import Recognizer
    from facegate.results import (
        EmbeddedFace,
        Enrolment,
        Identification,
        IdentifiedFace,
        Verification,
    )

__version__ = "0.1.0"

# Imported at first use: a program that only asks for the version pays for nothing.
_HOMES = {
    "EmbeddedFace": "facegate.results",
    "Enrolment": "facegate.results",
    "Face": "facegate.models.values",
    "FacegateError": "facegate.errors",
    "Found": "facegate.models.values",
    "Gallery": "facegate.gallery",
    "Identification": "facegate.results",
    "IdentifiedFace": "facegate.results",
    "Identity": "facegate.gallery",
    "Photo": "facegate.data.images",
    "Pipeline": "facegate.models.pipeline",
    "Recognizer": "facegate.recognizer",
    "Verification": "facegate.results",
    "read_photo": "facegate.data.images",
}

__all__ = [
    "EmbeddedFace",
    "Enrolment",
    "Face",
    "FacegateError",
    "Found",
    "Gallery",
    "Identification",
    "IdentifiedFace",
    "Identity",
    "Photo",
    "Pipeline",
    "Recognizer",
    "Verification",
    "__version__",
    "read_photo",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'facegate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
