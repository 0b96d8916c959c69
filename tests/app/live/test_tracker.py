"""Faces linked over frames."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.live.tracker import EMBED_AT_MOST, Tracker
from facegate.live.tracks import SAMPLES, Track, link, overlap
from facegate.models.values import Face
from facegate.results import EmbeddedFace, IdentifiedFace

DETERMINISTIC = settings(deadline=None, derandomize=True)
STEP_S = 0.1


class Scene:
    """People at places, played to a tracker: who is where is known here, not there."""

    def __init__(self, made: Any, enrolled: Sequence[int] = (1, 2, 3)) -> None:
        self.made, self.enrolled = made, enrolled
        self.tracker = Tracker(same_person=0.4)
        self.now = 0.0
        self.n_embedded: list[int] = []
        self.names: dict[int, set[int]] = {}

    def show(self, people: dict[int, tuple[float, float]], n: int = 1) -> list[Track]:
        """Show people (number -> place) for n frames; return the tracks that ended."""
        ended: list[Track] = []
        for _ in range(n):
            self.now += STEP_S
            whos = list(people)
            faces = [self.made.face(*people[who]) for who in whos]
            embed = partial(self._embed, whos=whos, faces=faces)
            ended += self.tracker.update(faces, self.now, embed)
            for track in self.tracker.visible(self.now):
                if track.vote is not None and track.vote.identity is not None:
                    self.names.setdefault(track.number, set()).add(track.vote.identity.id)
        return ended

    def _embed(
        self, wanted: Sequence[int], whos: list[int], faces: list[Face]
    ) -> dict[int, tuple[EmbeddedFace, IdentifiedFace]]:
        self.n_embedded.append(len(wanted))
        seed = round(self.now * 1000)
        return {
            number: (
                self.made.embedded(whos[number], faces[number], number, seed + number),
                self.made.answer(whos[number] if whos[number] in self.enrolled else None),
            )
            for number in wanted
        }

    def seen(self) -> list[Track]:
        return self.tracker.visible(self.now)


def test_a_face_that_moves_is_one_track_with_one_name(made: Any) -> None:
    scene = Scene(made)
    for i in range(40):
        scene.show({1: (100 + 8 * i, 100)})
    (track,) = scene.seen()
    assert track.number == 1
    assert scene.names == {1: {1}}
    assert track.vote is not None
    assert track.vote.decision == "match"


def test_a_name_needs_three_frames(made: Any) -> None:
    scene = Scene(made)
    scene.show({1: (100, 100)}, 2)
    assert scene.seen() == []
    scene.show({1: (100, 100)}, 1)
    assert scene.seen()[0].vote is None
    scene.show({1: (100, 100)}, 6)
    assert scene.seen()[0].vote is not None


def test_two_people_who_cross_keep_their_names(made: Any) -> None:
    scene = Scene(made)
    for i in range(60):
        scene.show({1: (100 + 8 * i, 100), 2: (580 - 8 * i, 104)})
    assert all(len(names) == 1 for names in scene.names.values())
    assert set().union(*scene.names.values()) == {1, 2}


def test_somebody_who_steps_into_the_place_of_another_gets_no_foreign_name(made: Any) -> None:
    scene = Scene(made)
    scene.show({1: (100, 100)}, 20)
    scene.show({9: (104, 100)}, 40)
    (track,) = scene.seen()
    assert track.vote is not None
    assert track.vote.decision == "unknown"
    assert scene.names == {1: {1}}


def test_a_face_hidden_for_a_moment_is_the_same_track(made: Any) -> None:
    scene = Scene(made)
    scene.show({1: (100, 100)}, 12)
    scene.show({}, 15)
    scene.show({1: (300, 150)}, 5)
    assert [track.number for track in scene.seen()] == [1]


def test_a_face_that_stays_away_ends_its_track(made: Any) -> None:
    scene = Scene(made)
    scene.show({1: (100, 100)}, 12)
    ended = scene.show({}, 30)
    assert [track.number for track in ended] == [1]
    assert scene.tracker.tracks == []
    scene.show({1: (100, 100)}, 3)
    assert [track.number for track in scene.seen()] == [2]


def test_a_named_track_whose_face_turns_out_another_ends(made: Any) -> None:
    """A wrong first name is not corrected within a track: another track begins."""
    scene = Scene(made)
    scene.show({1: (100, 100)}, 10)
    scene.show({2: (101, 100)}, 30)
    assert all(len(names) == 1 for names in scene.names.values())
    assert scene.seen()[0].number != 1


def test_few_faces_a_frame_are_embedded(made: Any) -> None:
    scene = Scene(made)
    crowd = {i: (60.0 + 110 * (i % 8), 80.0 + 120 * (i // 8)) for i in range(24)}
    scene.show(crowd, 60)
    assert max(scene.n_embedded) <= EMBED_AT_MOST
    assert len(scene.seen()) == 24
    assert all(len(track.samples) <= SAMPLES for track in scene.seen())


def test_every_one_of_a_crowd_is_decided_in_time(made: Any) -> None:
    scene = Scene(made)
    scene.show({i: (60.0 + 110 * i, 80.0) for i in range(5)}, 60)
    assert all(track.vote is not None for track in scene.seen())


def test_a_face_too_small_to_know_is_tracked_and_not_embedded(made: Any) -> None:
    scene = Scene(made)
    scene.tracker.update([made.face(50, 50, 8)], 1.0, lambda w: scene._embed(w, [1], []))
    assert scene.n_embedded == [0]


def test_what_comes_and_goes_or_is_never_sure_is_no_track(made: Any) -> None:
    """Folds of cloth: a detection now and then, or one of which the detector is never sure."""
    scene = Scene(made)
    place = (100.0, 100.0)
    for i in range(40):
        faces = [made.face(*place, score=0.85)] + [made.face(400, 100)] * (i % 30 == 0)
        embed = partial(scene._embed, whos=[1, 2], faces=faces)
        assert scene.tracker.update(faces, i * STEP_S, embed) == []
        assert scene.tracker.visible(i * STEP_S) == []
    assert sum(scene.n_embedded) == 2  # the sure one, each time it came


def test_a_part_of_a_face_is_no_face_of_its_own(made: Any) -> None:
    scene = Scene(made)
    for i in range(20):
        faces = [made.face(100, 100, 40, score=0.95), made.face(100, 104, 100)]
        embed = partial(scene._embed, whos=[2, 1], faces=faces)
        scene.tracker.update(faces, i * STEP_S, embed)
    (track,) = scene.tracker.visible(19 * STEP_S)
    assert track.face.box[2] - track.face.box[0] == pytest.approx(80)
    assert track.vote is not None
    assert track.vote.identity is not None
    assert track.vote.identity.id == 1


def test_a_crowd_that_was_hidden_keeps_its_tracks(made: Any) -> None:
    """More come back at once than are embedded in a frame: none of them counts anew."""
    scene = Scene(made)
    crowd = {i: (60.0 + 110 * i, 80.0) for i in range(5)}
    scene.show(crowd, 60)
    scene.show({}, 12)
    scene.show({i: (700.0 - 110 * i, 300.0) for i in range(5)}, 20)
    assert {track.number for track in scene.seen()} == {1, 2, 3, 4, 5}
    assert all(len(names) == 1 for names in scene.names.values())


BOX = st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(1, 40), st.integers(1, 40))


@DETERMINISTIC
@given(BOX, BOX)
def test_overlap_agrees_with_counting_pixels(
    a: tuple[int, int, int, int], b: tuple[int, int, int, int]
) -> None:
    masks = []
    for x, y, width, height in (a, b):
        mask = np.zeros((140, 140), bool)
        mask[y : y + height, x : x + width] = True
        masks.append(mask)
    expected = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
    boxes = [np.array([[x, y, x + w, y + h]], np.float32) for x, y, w, h in (a, b)]
    assert overlap(boxes[0], boxes[1])[0, 0] == pytest.approx(expected, abs=1e-5)


@DETERMINISTIC
@given(st.lists(st.floats(0, 600), max_size=6), st.lists(st.floats(0, 600), max_size=6))
def test_links_use_each_track_and_face_once(made: Any, a: list[float], b: list[float]) -> None:
    tracks = [Track(i, made.face(x), 0.0, 0.0) for i, x in enumerate(a)]
    pairs = link(tracks, [made.face(x) for x in b])
    assert len({i for i, _, _ in pairs}) == len(pairs) == len({j for _, j, _ in pairs})
    assert all(share >= 0.3 for _, _, share in pairs)
