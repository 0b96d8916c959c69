"""MobileFaceNet takes its published weights as they are, and tells people apart with them."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facegate.models.nets.mobilefacenet import MobileFaceNet
from facegate.models.shelf.install import install
from facegate.models.values import Pixels
from facegate.models.zoo import Embedder, load_embedder


def test_it_has_a_million_weights() -> None:
    assert sum(p.numel() for p in MobileFaceNet().parameters()) == 999_936


def test_published_weights_fit_exactly(test_data: Path) -> None:
    state = torch.load(
        test_data / "models" / "mobilefacenet.pt", map_location="cpu", weights_only=True
    )
    MobileFaceNet().load_state_dict(state, strict=True)


@pytest.fixture(scope="module")
def embedder(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
    """The model, installed from its published file into a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEGATE_HOME", str(tmp_path_factory.mktemp("home")))
        install("mobilefacenet", source=test_data / "models")
        yield load_embedder("mobilefacenet", device="cpu")


def people(test_data: Path, n: int) -> tuple[Pixels, Pixels]:
    """The first two crops of n people of split val, each uint8 (n, 112, 112, 3)."""
    with (test_data / "people.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val"]
    chosen = [row["identity"] for row in rows if int(row["images"]) >= 2][:n]
    pairs = [sorted((test_data / "people" / name).glob("*.webp"))[:2] for name in chosen]
    crops = [[np.asarray(Image.open(p))[8:120, 8:120] for p in pair] for pair in pairs]
    stacked = np.asarray(crops, np.uint8)
    return stacked[:, 0], stacked[:, 1]


def test_two_photographs_of_a_person_score_above_those_of_two_people(
    test_data: Path, embedder: Embedder
) -> None:
    one, other = (embedder(crops) for crops in people(test_data, 60))
    scores = one @ other.T
    genuine = np.diag(scores)
    impostor = scores[~np.eye(len(scores), dtype=bool)]
    threshold = np.quantile(impostor, 0.99)
    # 0.92 of 1,785 pairs on all of split val at FMR 0.01; 60 pairs spread by 0.035 around that.
    assert (genuine >= threshold).mean() >= 0.8
    assert abs(impostor.mean()) < 0.05
    assert genuine.mean() == pytest.approx(0.5, abs=0.15)


def test_an_embedding_does_not_depend_on_the_batch(test_data: Path, embedder: Embedder) -> None:
    crops, _ = people(test_data, 23)
    alone = np.concatenate([embedder(crop[None]) for crop in crops])
    np.testing.assert_allclose(embedder(crops), alone, atol=1e-5)


def test_the_converted_net_agrees_with_torch(test_data: Path, embedder: Embedder) -> None:
    crops, _ = people(test_data, 5)
    net = MobileFaceNet()
    path = test_data / "models" / "mobilefacenet.pt"
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    images = torch.from_numpy(((crops / 255 - mean) / std).astype(np.float32))
    with torch.inference_mode():
        wanted = torch.nn.functional.normalize(net.eval()(images.permute(0, 3, 1, 2)))
    np.testing.assert_allclose(embedder(crops), wanted.numpy(), atol=2e-5)
