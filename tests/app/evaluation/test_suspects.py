"""Which photographs deserve a look."""

from pathlib import Path

import numpy as np

from facegate.data.protocols.openset import OpenSetProtocol
from facegate.evaluation.road import Embedded
from facegate.evaluation.suspects import likely_mislabels, riskiest_pairs


def embedded(*faces: int | None) -> Embedded:
    """Made-up faces by number; None for a photograph without one."""
    found = np.array([face is not None for face in faces])
    rows = np.zeros((len(faces), 4), np.float32)
    rows[np.flatnonzero(found), [face for face in faces if face is not None]] = 1
    return Embedded(rows, found, ())


def test_an_open_set_has_wrong_labels_too() -> None:
    """A probe in Bob's folder shows Ada, who is enrolled."""
    protocol = OpenSetProtocol(
        names=("ada", "bob"),
        enrolled=(Path("ada/1"), Path("bob/1"), Path("bob/2")),
        identity=np.array([0, 1, 1]),
        probes=(Path("ada/3"), Path("bob/3"), Path("eve/3"), Path("eve/4")),
        mate=np.array([0, 1, -1, -1]),
        person=np.array([0, 1, 2, 2]),
    )
    both = embedded(0, 1, 1), embedded(0, 0, 2, None)
    wrong = likely_mislabels(protocol, both)
    assert wrong[0].first == Path("bob/3")
    assert wrong[0].second.parent.name == "ada"
    assert wrong[0].words == "scores 1.00 more than with their own person"
    risky = riskiest_pairs(protocol, both)
    assert {risky[0].first, risky[0].second} <= {Path("ada/1"), Path("ada/3"), Path("bob/3")}
    assert risky[0].score == 1.0
    assert all(suspect.second != Path("eve/4") for suspect in risky)
