"""Open-set identification: a folder of enrolled people and a folder of probes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegate.data.folders import find_people
from facegate.data.text import printable
from facegate.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class OpenSetProtocol:
    """Who is enrolled with which photographs, and whom the probes show.

    Attributes:
        names: of the enrolled identities.
        enrolled: photographs; identity: int64, whose each is, index into ``names``.
        probes: photographs; mate: int64, the enrolled identity each shows, or -1 for a stranger.
        person: int64, who is in each probe, numbered over mates and strangers.
    """

    names: tuple[str, ...]
    enrolled: tuple[Path, ...]
    identity: NDArray[np.int64]
    probes: tuple[Path, ...]
    mate: NDArray[np.int64]
    person: NDArray[np.int64]


def read_open_set(enrolled: Path, probes: Path) -> OpenSetProtocol:
    """Read two folders of one folder a person.

    A person of the same folder name in both is enrolled; probes of other people are strangers.

    Raises:
        InputError: a folder is missing or holds no people, or a photograph stands in both.
    """
    gallery = [(name, photos) for name, photos in find_people(enrolled) if photos]
    asked = [(name, photos) for name, photos in find_people(probes) if photos]
    for folder, people in ((enrolled, gallery), (probes, asked)):
        if not people:
            raise InputError(f"{printable(str(folder))} holds no photograph of a person")
    in_gallery = {path.resolve() for _, photos in gallery for path in photos}
    for _, photos in asked:
        for path in photos:
            if path.resolve() in in_gallery:
                raise InputError(
                    f"{printable(str(path))} is enrolled and a probe at once",
                    hint="a photograph finds itself always: take it out of one folder",
                )
    place = {name: number for number, (name, _) in enumerate(gallery)}
    return OpenSetProtocol(
        names=tuple(place),
        enrolled=tuple(path for _, photos in gallery for path in photos),
        identity=np.repeat(np.arange(len(gallery)), [len(photos) for _, photos in gallery]),
        probes=tuple(path for _, photos in asked for path in photos),
        mate=np.array([place.get(name, -1) for name, photos in asked for _ in photos], np.int64),
        person=np.repeat(np.arange(len(asked)), [len(photos) for _, photos in asked]),
    )
