"""InceptionResnetV1's published layout: a state dict of facenet-pytorch's class with classifier."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1

from facegate.models.card_file import load_card, write_card
from facegate.models.nets.build import put_weights
from facegate.models.nets.inception_resnet import make_inception_resnet
from facegate.models.shelf.install import install
from facegate.models.shelf.trial import portrait_crops
from facegate.models.shelf.weights import CARDS
from facegate.models.zoo import card, load_embedder


@pytest.fixture(scope="module")
def published() -> InceptionResnetV1:
    """The class as its weights were published: with a classifier of its training's people."""
    torch.manual_seed(0)
    return InceptionResnetV1(pretrained=None, classify=True, num_classes=50).eval()


def test_the_classifier_is_ignored(published: InceptionResnetV1) -> None:
    net = make_inception_resnet()
    put_weights(net, published.state_dict(), source="x")
    assert not any(key.startswith("logits") for key in net.state_dict())


@pytest.mark.parametrize("name", ["vggface2", "casia-webface"])
def test_cards_are_as_facenet_pytorch_feeds_the_net(name: str) -> None:
    stated = load_card(CARDS / f"{name}.toml")
    assert (stated.input_size, stated.dim, stated.colour) == (160, 512, "RGB")
    assert (stated.mean, stated.std) == ((127.5,) * 3, (128.0,) * 3)
    assert (stated.alignment, stated.margin) == ("box", 14)
    assert stated.sha256 is None
    assert stated.thresholds == ()
    assert "research" in stated.licence


def test_a_release_file_is_installed_recorded_and_gives_the_classs_embeddings(
    published: InceptionResnetV1,
    tmp_path: Path,
    empty_home: Path,
) -> None:
    stated = card("vggface2")
    torch.save(published.state_dict(), tmp_path / stated.file)
    recorded = install("vggface2", source=tmp_path)
    assert recorded.sha256 is not None
    assert recorded == replace(
        stated, sha256=recorded.sha256, size_bytes=(tmp_path / stated.file).stat().st_size
    )
    assert card("vggface2") == recorded
    kept = sorted(path.name for path in (empty_home / "models" / "vggface2").iterdir())
    assert kept == ["installed.json", "vggface2.safetensors"]

    crops = portrait_crops(160)
    images = torch.from_numpy((crops.astype(np.float32) - 127.5) / 128).permute(0, 3, 1, 2)
    published.classify = False
    with torch.inference_mode():
        wanted = published(images).numpy()
    np.testing.assert_allclose(load_embedder("vggface2", device="cpu")(crops), wanted, atol=2e-5)


def test_a_packaged_card_can_be_written_and_read(tmp_path: Path) -> None:
    stated = load_card(CARDS / "vggface2.toml")
    write_card(tmp_path / "card.toml", stated)
    assert load_card(tmp_path / "card.toml") == stated
