import numpy as np

from facegate.data.dataset import Dataset
from facegate.data.overlap import Meeting, look_alikes, same_names


def people(*names: str) -> Dataset:
    none = ("",) * len(names)
    return Dataset((), np.empty(0, np.int64), names, none, none)


def test_names_meet_whatever_their_spelling() -> None:
    here = people("José_Núñez", "Ada Lovelace", "0001", "Bob")
    there = people("jose nunez", "ADA-LOVELACE", "0001", "Rob")
    assert same_names(here, there) == [
        Meeting("José_Núñez", "jose nunez", None),
        Meeting("Ada Lovelace", "ADA-LOVELACE", None),
    ]


def test_faces_meet_from_the_threshold_on_once_a_person() -> None:
    angle = np.array([0.0, 0.2, 1.5, 3.0])
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    there = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    found = look_alikes(rows, ["a", "a", "b", "c"], there, ["x", "y"], threshold=0.9)
    assert [(m.here, m.there) for m in found] == [("a", "x"), ("b", "y")]
    assert found[0].score == 1.0
