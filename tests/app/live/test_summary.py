"""Who appears in a film, from when to when."""

from typing import Any

from facegate.live.summary import Summary, clock
from facegate.live.tracks import Track
from facegate.live.vote import vote


def stretch(made: Any, number: int, who: int | None, first_s: float, last_s: float) -> Track:
    track = Track(number, made.face(), first_s, last_s)
    track.vote = vote([made.answer(who)] * 6, 9)
    return track


def test_stretches_of_one_name_that_nearly_touch_are_one(made: Any) -> None:
    summary = Summary()
    for track in (
        stretch(made, 1, 1, 0, 10),
        stretch(made, 2, 2, 3, 5),
        stretch(made, 3, 1, 12, 20),
        stretch(made, 4, 1, 40, 45),
    ):
        summary.see([track])
    spans = [(s.who, s.from_s, s.to_s) for s in summary.appearances()]
    assert spans == [("Person 1", 0, 20), ("Person 2", 3, 5), ("Person 1", 40, 45)]


def test_strangers_are_not_merged(made: Any) -> None:
    summary = Summary()
    summary.see([stretch(made, 1, None, 0, 3), stretch(made, 2, None, 1, 4)])
    assert [s.as_json() for s in summary.appearances()] == [
        {"name": None, "track": 1, "from": 0, "to": 3},
        {"name": None, "track": 2, "from": 1, "to": 4},
    ]


def test_a_track_grows_until_it_ends(made: Any) -> None:
    summary = Summary()
    track = stretch(made, 1, 1, 2, 3)
    summary.see([track])
    track.last_s = 9.5
    summary.see([track])
    assert [(s.from_s, s.to_s) for s in summary.appearances()] == [(2, 9.5)]


def test_undecided_faces_are_not_in_it(made: Any) -> None:
    summary = Summary()
    summary.see([Track(1, made.face(), 0, 1)])
    assert summary.appearances() == []


def test_times_read_as_minutes_and_seconds() -> None:
    assert clock(0) == "0:00.0"
    assert clock(65.25) == "1:05.2"
    assert clock(3600) == "60:00.0"
