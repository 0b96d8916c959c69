"""What the doctor found wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong on this machine.

    Attributes:
        topic: a word for programs: packages, libraries, cpu, cuda, sqlite, models, gallery, home.
        message: what is wrong.
        hint: what to do about it.
    """

    topic: str
    message: str
    hint: str
