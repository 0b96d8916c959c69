from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facegate.data.crops import Crops
from facegate.data.dataset import Dataset, read_dataset
from facegate.errors import InputError
from facegate.models.training.config import Config, load_config
from facegate.models.training.finetune import Judgement, gather_own, tuned_config
from facegate.models.training.material import Sources
from facegate.models.training.session import train
from facegate.models.training.validation import Look
from facegate.models.zoo import card


def settings(people: Path, **flags: object) -> Config:
    given = {"data": str(people), "aligned": True, "finetune": "facegate-1", "threads": 1}
    return load_config(preset="finetune", flags={**given, **flags})


def look(tar: float, eer: float = 0.1) -> Look:
    return Look(tar=tar, fmr=0.01, threshold=0.4, eer=eer)


@pytest.mark.parametrize(
    ("own", "strangers", "better"),
    [
        ((0.5, 0.6), (0.8, 0.8), True),
        ((0.5, 0.6), (0.8, 0.795), True),
        ((0.5, 0.6), (0.8, 0.7), False),
        ((0.6, 0.5), (0.8, 0.9), False),
        ((0.5, 0.5), (0.8, 0.9), False),
    ],
)
def test_only_a_gain_that_strangers_do_not_pay_for_is_kept(
    own: tuple[float, float], strangers: tuple[float, float], better: bool
) -> None:
    verdict = Judgement(*map(look, own), *map(look, strangers))
    assert verdict.is_better is better


def test_people_are_dealt_out_without_overlap(people: Path) -> None:
    config = tuned_config(settings(people))
    assert (config.net, config.size, config.dim) == ("plain-s", 112, 128)
    dataset = read_dataset(people)
    material = gather_own(config, Sources(dataset, []))
    n_own = material.n_identities
    n_strangers = np.unique(material.cal.people).size
    assert n_own + n_strangers == 60
    assert n_strangers >= 15
    assert np.unique(material.labels).tolist() == list(range(n_own))
    assert np.bincount(material.labels).tolist() == [4] * n_own  # of five, the third is held out
    assert np.bincount(material.val.people).tolist() == [2] * n_own
    assert material.targets is not None
    assert material.targets.shape == (4 * n_own, 128)


def test_the_licence_is_the_users_or_the_models() -> None:
    config = load_config(preset="finetune", flags={"data": "people", "licence": "ours"})
    assert tuned_config(config).licence == "ours"
    assert tuned_config(replace(config, licence="not stated")).licence.startswith("as facegate-1: ")


def test_few_people_or_few_photographs_are_refused_at_once(tmp_path: Path, people: Path) -> None:
    config = tuned_config(settings(people))
    dataset = read_dataset(people).only(range(3))
    with pytest.raises(InputError, match="3 people have 3 photographs or more"):
        gather_own(config, Sources(dataset, []))


def crowd(n_people: int, n_images: int) -> Dataset:
    names = tuple(f"p{person:02d}" for person in range(n_people))
    return Dataset(
        files=tuple(Path(f"{name}/{image}.png") for name in names for image in range(n_images)),
        labels=np.repeat(np.arange(n_people), n_images),
        identities=names,
        splits=("",) * n_people,
        sources=("",) * n_people,
    )


def noise(places: Sequence[Path], *_: object) -> Crops:
    rng = np.random.default_rng(int(places[0].parent.name[1:]))  # no picture of one for another
    pixels = rng.integers(0, 256, (len(places), 24, 24, 3), np.uint8)
    return Crops(pixels, np.arange(len(places)), ())


@pytest.mark.parametrize(("n_people", "n_images"), [(12, 3), (4, 12)])
def test_the_fewest_that_can_be_judged(
    monkeypatch: pytest.MonkeyPatch, n_people: int, n_images: int
) -> None:
    """What docs/training.md promises; one person less is refused before anything is decoded."""
    module = "facegate.models.training.finetune"
    monkeypatch.setattr(f"{module}.decode", noise)
    monkeypatch.setattr(f"{module}.ask", lambda _t, crops, size: [np.ones((len(crops), 2))])
    config = settings(Path("people"))
    material = gather_own(config, Sources(crowd(n_people, n_images), []))
    assert len(material.crops) >= n_people
    monkeypatch.setattr(f"{module}.decode", None)
    with pytest.raises(InputError, match=r"too few for any rate|fine-tuning takes 4"):
        gather_own(config, Sources(crowd(n_people - 1, n_images), []))


@pytest.mark.parametrize(
    "flags",
    [
        {"net": "plain-m"},
        {"weights": "w"},
        {"teacher": ["facegate-0"]},
        {"unlabelled": ["more"]},
        {"evaluate": 100},
    ],
)
def test_what_the_tuned_model_decides_is_not_taken_from_elsewhere(flags: dict[str, object]) -> None:
    [key] = flags
    with pytest.raises(InputError, match=f"{key} does not go with finetune"):
        tuned_config(settings(Path("people"), **flags))


def test_the_photographs_that_judge_choose_nothing() -> None:
    config = settings(Path("people"))
    tuned = tuned_config(config)
    assert tuned.evaluate == tuned.stages[0].steps  # one look, at the end
    with pytest.raises(InputError, match="finetune takes one stage"):
        tuned_config(replace(config, stages=config.stages * 2))


def test_a_smaller_net_stores_smaller_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(card("facegate-1"), input_size=56)
    monkeypatch.setattr("facegate.models.training.finetune.card", lambda _name: small)
    assert tuned_config(settings(Path("people"))).crop == 64
    assert tuned_config(settings(Path("people"), crop=160)).crop == 160


def test_models_that_facegate_cannot_train_are_refused(people: Path) -> None:
    with pytest.raises(InputError, match="mobilefacenet cannot be fine-tuned"):
        tuned_config(settings(people, finetune="mobilefacenet"))


def test_a_tuned_model_is_judged_on_both_kinds_of_people(people: Path, tmp_path: Path) -> None:
    config = tuned_config(settings(people, steps=4, p=6, k=3, precision="f32"))
    outcome = train(config, tmp_path / "mine")
    assert outcome.verdict is not None
    assert (outcome.card is not None) is outcome.verdict.is_better
    assert (tmp_path / "mine" / "card.toml").exists() is outcome.verdict.is_better
    assert outcome.verdict.own_before.fmr == outcome.verdict.own_after.fmr
