"""Which decisions are events."""

import json
from datetime import UTC, datetime
from typing import Any

from facegate.guide.selection import Kept
from facegate.live.reporter import Reporter
from facegate.live.tracks import Track
from facegate.live.vote import vote


def track(made: Any, number: int, who: int | None, *, n: int = 6, face_of: int = 7) -> Track:
    """A track that was decided: somebody enrolled, or a stranger with a face of their own."""
    made_track = Track(number, made.face(), 0.0, 2.0)
    for seed in range(n):
        row = made.embedding(who if who is not None else face_of, seed)
        made_track.samples.append((Kept(None, row, 0.9, "", 0.0), made.answer(who)))
    made_track.vote = vote([a for _, a in made_track.samples], 9)
    return made_track


def test_a_person_is_reported_once_and_again_after_a_while(made: Any) -> None:
    reporter = Reporter(0.4, again_s=60)
    first = track(made, 1, 1)
    assert len(reporter.report([first], [], 1.0)) == 1
    assert reporter.report([first], [], 2.0) == []
    assert reporter.report([track(made, 2, 1)], [], 30.0) == []
    assert len(reporter.report([track(made, 3, 1)], [], 62.0)) == 1
    assert len(reporter.report([track(made, 4, 2)], [], 63.0)) == 1


def test_whoever_stays_is_reported_again_in_time(made: Any) -> None:
    for who in (1, None):
        reporter, stays = Reporter(0.4, again_s=60), track(made, 1, who)
        times = [t / 2 for t in range(360) if reporter.report([stays], [], t / 2)]
        assert times == [0.0, 60.0, 120.0]
    reporter, stays = Reporter(0.4, again_s=0), track(made, 1, 1)
    assert [len(reporter.report([stays], [], float(t))) for t in range(3)] == [1, 0, 0]
    assert len(reporter.report([track(made, 2, 1)], [], 3.0)) == 1


def test_a_stranger_is_known_again_without_a_name(made: Any) -> None:
    reporter = Reporter(0.4, again_s=60)
    assert len(reporter.report([track(made, 1, None, face_of=7)], [], 1.0)) == 1
    assert reporter.report([track(made, 2, None, face_of=7)], [], 10.0) == []
    assert len(reporter.report([track(made, 3, None, face_of=8)], [], 11.0)) == 1
    assert len(reporter.report([track(made, 4, None, face_of=7)], [], 90.0)) == 1


def test_a_stranger_who_turns_out_known_is_reported_as_known(made: Any) -> None:
    reporter = Reporter(0.4)
    seen = track(made, 1, None)
    assert [e.decision for e in reporter.report([seen], [], 2.0)] == ["unknown"]
    seen.vote = track(made, 1, 2).vote
    assert [e.decision for e in reporter.report([seen], [], 3.0)] == ["match"]


def test_a_face_that_left_undecided_is_inconclusive(made: Any) -> None:
    reporter = Reporter(0.4)
    short = track(made, 1, 1, n=2)
    assert reporter.report([short], [], 1.0) == []
    (event,) = reporter.report([], [short], 5.0)
    assert event.decision == "inconclusive"
    assert event.identity is None
    assert event.time_s == short.last_s


def test_a_face_that_was_never_embedded_is_no_event(made: Any) -> None:
    assert Reporter(0.4).report([], [Track(1, made.face(), 0.0, 1.0)], 5.0) == []


def test_an_event_of_a_camera_has_the_time_of_the_world(made: Any) -> None:
    started = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    (event,) = Reporter(0.4, started=started).report([track(made, 1, 1)], [], 1.5)
    line = event.as_json()
    assert list(line) == [
        "time",
        "track",
        "decision",
        "identity",
        "score",
        "threshold",
        "box",
    ]
    assert line["time"] == "2026-02-01T00:00:00.500Z"
    assert line["identity"] == {"id": 1, "name": "Person 1"}
    json.dumps(line)


def test_an_event_of_a_film_has_the_time_in_the_film(made: Any) -> None:
    (event,) = Reporter(0.4).report([track(made, 1, None)], [], 12.345)
    line = event.as_json()
    assert line["time"] == 12.35 or line["time"] == 12.34
    assert line["identity"] is None
    assert line["decision"] == "unknown"


def test_strangers_of_days_do_not_pile_up(made: Any) -> None:
    reporter = Reporter(0.4, again_s=1e9)
    for number in range(300):
        reporter.report([track(made, number, None, face_of=number)], [], float(number))
    assert len(reporter._strangers) <= 201
