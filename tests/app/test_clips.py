"""Films made of a portrait."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from facegate.clips import Portrait, Shot, film, portrait, take, turn
from facegate.scenes import passing_by, through


def test_the_same_seed_gives_the_same_film(eileen: Portrait) -> None:
    shots = list(through(passing_by(seed=7, seconds=0.3)))
    first, second = (list(film(eileen, shots, seed=3)) for _ in range(2))
    other = next(film(eileen, shots, seed=4))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other)


def test_a_turn_moves_the_head_and_nothing_else(eileen: Portrait) -> None:
    turned = turn(eileen, 20, 0)
    x, y = (int(v) for v in eileen.landmarks[2])
    changed: NDArray[np.bool_] = np.any(turned.astype(int) != eileen.pixels, axis=2)
    assert changed[y - 30 : y + 30, x - 30 : x + 30].mean() > 0.5
    assert not changed[:, : x - 200].any()
    assert not changed[y + 200 :].any()


def test_no_turn_changes_nothing(eileen: Portrait) -> None:
    assert np.array_equal(turn(eileen, 0, 0), eileen.pixels)


def test_light_and_blur_do_what_they_say(eileen: Portrait) -> None:
    calm = Shot(noise=0)
    plain = take(eileen, calm, seed=1).astype(float)
    dark = take(eileen, replace(calm, light=0.4), seed=1).astype(float)
    soft = take(eileen, replace(calm, blur_px=3), seed=1).astype(float)
    assert dark.mean() == pytest.approx(plain.mean() * 0.4, rel=0.05)
    assert np.abs(np.diff(soft, axis=1)).mean() < 0.6 * np.abs(np.diff(plain, axis=1)).mean()


def test_the_face_stands_where_the_shot_puts_it(eileen: Portrait) -> None:
    """The eyes are found again by comparing with the portrait itself, shifted."""
    left = take(eileen, Shot(x=0.3, noise=0), seed=1)
    right = take(eileen, Shot(x=0.6, noise=0), seed=1)
    moved = round(0.3 * 640)
    apart = left[100:300, 100:300].astype(int) - right[100:300, 100 + moved : 300 + moved]
    assert np.abs(apart).mean() < 4


def test_a_portrait_keeps_its_pixels_inside_the_backdrop(eileen: Portrait) -> None:
    small = np.arange(60 * 80 * 3, dtype=np.uint8).reshape(60, 80, 3)
    marks = np.array([[20, 20], [40, 20], [30, 30], [22, 40], [38, 40]], np.float32)
    wide = portrait(small, marks, margin=0.5)
    assert wide.pixels.shape == (60 + 80, 80 + 80, 3)
    assert np.array_equal(wide.landmarks, marks + 40)
    assert np.array_equal(wide.pixels[60:80, 70:90], small[20:40, 30:50])
