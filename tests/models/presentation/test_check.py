"""The check for presentation attacks: its squares, its nets, its word."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.errors import InputError, ModelMissingError, WeightsError
from facegate.models.nets.build import build_net
from facegate.models.presentation.card import MINIFASNET
from facegate.models.presentation.check import PresentationCheck, patch, resized, window
from facegate.models.presentation.install import install_check, is_installed, safe_file
from facegate.models.values import Floats, Pixels


def published(width: int, height: int, box: list[int], scale: float) -> tuple[int, ...]:
    """The window as the publisher's code describes it: x, y, width, height; shifted inside."""
    x, y, box_w, box_h = box
    scale = min((height - 1) / box_h, (width - 1) / box_w, scale)
    left, right = x + box_w / 2 - box_w * scale / 2, x + box_w / 2 + box_w * scale / 2
    top, bottom = y + box_h / 2 - box_h * scale / 2, y + box_h / 2 + box_h * scale / 2
    if left < 0:
        left, right = 0.0, right - left
    if top < 0:
        top, bottom = 0.0, bottom - top
    if right > width - 1:
        left, right = left - (right - width + 1), width - 1
    if bottom > height - 1:
        top, bottom = top - (bottom - height + 1), height - 1
    return int(left), int(top), int(right), int(bottom)


@given(
    st.tuples(st.integers(60, 900), st.integers(60, 900)),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.sampled_from([2.7, 4.0]),
)
@settings(deadline=None, derandomize=True)
def test_the_window_is_the_publishers(
    size: tuple[int, int], shares: tuple[float, ...], scale: float
) -> None:
    width, height = size
    x, y = int(shares[0] * width * 0.7), int(shares[1] * height * 0.7)
    box_w, box_h = 5 + int(shares[2] * (width - x - 6)), 5 + int(shares[3] * (height - y - 6))
    box = np.array([x, y, x + box_w - 1, y + box_h - 1], np.float32)
    got = window(width, height, box, scale)
    wanted = published(width, height, [x, y, box_w, box_h], scale)
    # Both cut to whole pixels; a sum in another order may land on the other side of one.
    assert np.abs(np.subtract(got, wanted)).max() <= 1


@pytest.mark.parametrize("shape", [(201, 133, 3), (40, 50, 3), (80, 80, 3)])
def test_resizing_is_opencvs(shape: tuple[int, int, int]) -> None:
    import cv2

    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    wanted = cv2.resize(pixels, (80, 80)).astype(int)
    assert np.abs(resized(pixels, 80) - wanted).max() <= 1  # it rounds in fixed point


@pytest.mark.parametrize("net", MINIFASNET.nets, ids=lambda net: net.architecture)
def test_the_nets_have_the_size_that_was_published(net: object) -> None:
    built = build_net(net.architecture, dim=3, size=80)  # type: ignore[attr-defined]
    count = sum(weight.numel() for weight in built.parameters())
    assert 0.40e6 < count < 0.46e6
    assert built.eval()(torch.zeros(2, 3, 80, 80)).shape == (2, 3)


def test_without_its_files_it_says_what_to_do(empty_home: Path, tmp_path: Path) -> None:
    assert not is_installed(MINIFASNET)
    with pytest.raises(ModelMissingError, match="is not installed"):
        PresentationCheck()
    with pytest.raises(InputError, match="is taken from a folder"):
        install_check(MINIFASNET, None)
    with pytest.raises(InputError, match="holds no"):
        install_check(MINIFASNET, tmp_path)
    (tmp_path / MINIFASNET.nets[0].part.file).write_bytes(b"something else")
    with pytest.raises(WeightsError, match="is not kept"):
        install_check(MINIFASNET, tmp_path)
    assert not is_installed(MINIFASNET)


def framed(portrait: Pixels) -> Pixels:
    """The portrait as a print with a white border, held before a grey wall."""
    wall = np.full((480, 640, 3), 120, np.uint8)
    small = portrait[::2, ::2]
    wall[80:400, 180:460] = 235
    wall[92 : 92 + 256, 192 : 192 + 256] = small
    return wall


def test_the_published_weights_tell_a_portrait_from_its_print(
    facegate_home: Path, test_data: Path, astronaut: Pixels
) -> None:
    install_check(MINIFASNET, test_data / "models")
    assert is_installed(MINIFASNET)
    check = PresentationCheck()
    face: Floats = np.array([180.0, 70.0, 270.0, 190.0], np.float32)
    assert check(astronaut, face) == "ok"
    held = face / 2 + np.array([192, 92, 192, 92], np.float32)
    assert check.live_share(framed(astronaut), held.astype(np.float32)) < check.live_share(
        astronaut, face
    )
    # As BGR, 0..255, batch of one: the nets themselves agree with what runs.
    for (net, run), wanted in zip(check._nets, MINIFASNET.nets, strict=True):
        square = patch(astronaut, face, scale=wanted.scale, size=80)
        batch = square[..., ::-1].astype(np.float32).transpose(2, 0, 1)[None]
        from safetensors.torch import load_file

        own = build_net(net.architecture, dim=3, size=80).eval()
        own.load_state_dict(load_file(safe_file(MINIFASNET, net)))
        with torch.no_grad():
            logits = own(torch.from_numpy(np.ascontiguousarray(batch))).numpy()
        np.testing.assert_allclose(run(np.ascontiguousarray(batch))[0], logits, atol=2e-3)
    path = safe_file(MINIFASNET, MINIFASNET.nets[0])
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="are not used"):
        PresentationCheck()
