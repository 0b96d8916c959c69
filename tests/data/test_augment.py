import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from facegate.data.augment import FACES, NONE, Augmentation, augment, centre
from facegate.data.degrade import blur, jpeg, lower_resolution, motion, noise


def faces(portrait: np.ndarray, n: int = 4, side: int = 128) -> torch.Tensor:
    crop = np.asarray(Image.fromarray(portrait[0:256, 100:356]).resize((side, side)))
    return torch.from_numpy(np.stack([crop] * n))


def test_nothing_asked_for_is_the_middle_of_the_crop(astronaut: np.ndarray) -> None:
    crops = faces(astronaut)
    images = augment(crops, 112, NONE, torch.Generator().manual_seed(0))
    torch.testing.assert_close(images, centre(crops, 112), atol=0.02, rtol=0)


def test_the_result_is_for_the_net(astronaut: np.ndarray) -> None:
    images = augment(faces(astronaut, 64), 112, FACES, torch.Generator().manual_seed(0))
    assert images.shape == (64, 3, 112, 112)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.isfinite(images).all()
    assert images.min() >= 0
    assert images.max() <= 255


def test_each_image_is_changed_in_its_own_way_and_the_same_with_the_same_seed(
    astronaut: np.ndarray,
) -> None:
    crops = faces(astronaut)
    one, two = (augment(crops, 112, FACES, torch.Generator().manual_seed(5)) for _ in range(2))
    assert one.equal(two)
    assert not one[0].equal(one[1])
    assert not one.equal(augment(crops, 112, FACES, torch.Generator().manual_seed(6)))


def test_a_flip_mirrors(astronaut: np.ndarray) -> None:
    crops = faces(astronaut)
    settings = replace(NONE, flip=1.0)
    images = augment(crops, 112, settings, torch.Generator().manual_seed(0))
    torch.testing.assert_close(images, centre(crops, 112).flip(3), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    "settings",
    [
        replace(NONE, low=1.0),
        replace(NONE, blur=1.0),
        replace(NONE, noise=1.0),
        replace(NONE, jpeg=1.0),
        replace(NONE, shade=1.0),
        replace(NONE, erase=1.0),
        replace(NONE, grey=1.0),
        replace(NONE, brightness=20.0),
    ],
)
def test_every_kind_of_damage_changes_the_face_but_leaves_it_near(
    astronaut: np.ndarray, settings: Augmentation
) -> None:
    crops = faces(astronaut, 32)
    images = augment(crops, 112, settings, torch.Generator().manual_seed(0))
    off = (images - centre(crops, 112)).abs().mean(dim=(1, 2, 3))
    assert off.median() > 0.3
    assert off.median() < 60


def test_a_grey_face_has_no_colour(astronaut: np.ndarray) -> None:
    images = augment(
        faces(astronaut), 64, replace(NONE, grey=1.0), torch.Generator().manual_seed(0)
    )
    assert images[:, 0].equal(images[:, 1])


@pytest.mark.parametrize("quality", [20, 50, 75, 95])
def test_jpeg_loses_what_a_real_encoder_loses(astronaut: np.ndarray, quality: int) -> None:
    pixels = np.ascontiguousarray(astronaut[0:120, 160:280])
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    real = torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1).float()
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    ours = jpeg(image, torch.tensor([float(quality)]))[0]
    lost = (real - image[0]).square().mean()
    # Decoders round in places of their own: the difference is small beside what was lost.
    assert (ours - real).square().mean() < 0.1 * lost + 1.5


def test_jpeg_takes_sides_that_are_no_multiple_of_eight() -> None:
    images = torch.full((2, 3, 13, 21), 90.0)
    torch.testing.assert_close(jpeg(images, torch.tensor([90.0, 90.0])), images, atol=1.0, rtol=0.0)


def test_blur_and_resolution_keep_a_flat_face_flat() -> None:
    flat = torch.full((2, 3, 32, 32), 77.0)
    for changed in (
        blur(flat, 1.5),
        motion(flat, 0.7),
        lower_resolution(flat, 8, smooth=True),
        lower_resolution(flat, 8, smooth=False),
    ):
        torch.testing.assert_close(changed, flat)


def test_noise_has_the_strength_asked_for() -> None:
    flat = torch.zeros(2, 3, 64, 64)
    assert noise(flat, 9.0, torch.Generator().manual_seed(0)).std() == pytest.approx(9.0, rel=0.03)
