"""The training road takes any images with classes: scikit-learn's digits, by the same loss."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from facegate.cli import run
from facegate.data.images import write_image
from facegate.models.training.config import Config, Stage
from facegate.models.training.session import train
from facegate.models.training.validation import look

PAGE = Path(__file__).parents[3] / "docs" / "training.md"
SPLITS = ("train", "train", "train", "val", "cal")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_unseen_images_of_digits_are_told_apart_far_better_than_by_their_pixels(
    seed: int, tmp_path: Path
) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    lines = set()
    for index, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        split = SPLITS[index % 5]
        folder = tmp_path / "digits" / f"{digit}-{split}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.kron(image * 15, np.ones((4, 4))).astype(np.uint8)
        write_image(folder / f"{index}.png", pixels)
        lines.add(f"{digit}-{split},{split}")
    (tmp_path / "digits.csv").write_text("\n".join(["identity,split", *sorted(lines)]))
    config = Config(
        data=str(tmp_path / "digits"),
        manifest=str(tmp_path / "digits.csv"),
        aligned=True,
        crop=32,
        size=32,
        dim=16,
        augment="none",
        ema=0.9,
        evaluate=15,
        threads=1,
        precision="f32",
        device="cpu",
        seed=seed,
        stages=(Stage(steps=45, p=10, k=5, warm_up=5),),
    )
    outcome = train(config, tmp_path / "run")
    val = np.arange(len(digits.images)) % 5 == 3
    rows = digits.images[val].reshape(val.sum(), -1).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    by_pixels = look(rows, digits.target[val].astype(np.int64), outcome.best.fmr)
    assert outcome.best.eer < by_pixels.eer / 3  # 0.02 to 0.03 of 0.23 when it was written


def test_the_page_ends_with_a_model_that_is_asked_for_the_nearest(
    tmp_path: Path,
    facegate_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As the page has it, with a tenth of the steps."""
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text("utf-8")
    page = page[page.index("## Things that are not faces") :].replace("\\\n", "")
    make, ask = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    learn, add = (shlex.split(line) for line in re.findall(r"^    facegate (.*)$", page, re.M))
    here = ["--steps", "5", "--set", "threads=1", "--set", "precision=f32", "--device", "cpu"]
    exec(compile(make, "training.md", "exec"), {})
    assert run([*learn, *here, "-q"]) == 0
    assert run([*add, "-q"]) == 0
    capsys.readouterr()
    exec(compile(ask, "training.md", "exec"), {})
    [share] = re.findall(r"of the 100 nearest (.*)% are", capsys.readouterr().out)
    assert float(share) > 30  # by chance it would be 10
