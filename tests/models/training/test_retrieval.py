"""The training road takes any images with classes: scikit-learn's digits, by the same loss."""

from pathlib import Path

import numpy as np

from facegate.data.images import write_image
from facegate.models.training.config import Config, Stage
from facegate.models.training.session import train


def test_digits_are_told_apart_that_were_never_seen(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.kron(digits.images / 16 * 255, np.ones((4, 4))).astype(np.uint8)
    for index, (image, digit) in enumerate(zip(images[:1000], digits.target, strict=False)):
        folder = tmp_path / "digits" / f"{digit}"
        folder.mkdir(parents=True, exist_ok=True)
        write_image(folder / f"{index}.png", image)
    splits = ["cal"] * 2 + ["train"] * 4 + ["val"] * 2 + ["train"] * 2
    lines = [f"{digit},{split}" for digit, split in enumerate(splits)]
    (tmp_path / "digits.csv").write_text("\n".join(["identity,split", *lines]))
    stage = Stage(steps=120, p=6, k=8, lr=2e-3, warm_up=5)
    config = Config(
        data=str(tmp_path / "digits"),
        manifest=str(tmp_path / "digits.csv"),
        aligned=True,
        crop=32,
        size=32,
        dim=16,
        augment="none",
        ema=0.9,
        evaluate=20,
        threads=1,
        precision="f32",
        device="cpu",
        stages=(stage,),
    )
    outcome = train(config, tmp_path / "run")
    assert outcome.best.eer < 0.25
