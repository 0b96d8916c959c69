from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from facegate.errors import InputError
from facegate.models.training.config import Config, Stage, load_config, to_toml
from facegate.models.training.config_rules import WORDS
from facegate.models.training.loop import AUGMENTATIONS
from facegate.models.training.precision import PRECISIONS
from facegate.models.training.presets import PRESETS
from facegate.models.training.schedule import make_optimizer


def write(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid(preset: str) -> None:
    assert load_config(preset=preset).stages


def test_a_file_overrides_a_preset_and_a_flag_overrides_a_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'preset = "tiny"\nseed = 7\ndim = 32\nema = 0.9\n')
    config = load_config(file=file, flags={"dim": 48, "size": None})
    assert (config.seed, config.dim, config.ema, config.size) == (7, 48, 0.9, 56)
    other = load_config(preset="small", file=file)
    assert (other.seed, other.size, len(other.stages)) == (7, 112, 2)


def test_a_flat_file_is_a_run_of_one_stage(tmp_path: Path) -> None:
    config = load_config(file=write(tmp_path, 'loss = "batch-hard"\nsteps = 9\nlr = 1\n'))
    assert config.stages == (Stage(loss="batch-hard", steps=9, lr=1.0),)


def test_the_mark_that_some_editors_begin_a_file_with_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("seed = 3\r\n", "utf-8-sig")
    assert load_config(file=tmp_path / "run.toml").seed == 3


def test_one_text_is_a_list_of_one(tmp_path: Path) -> None:
    config = load_config(file=write(tmp_path, 'teacher = "a"\ndistil = 1\n'))
    assert config.teacher == ("a",)


def test_a_stages_key_outside_is_every_stages_default(tmp_path: Path) -> None:
    text = "margin = 0.3\n[[stages]]\nname = 'a'\n[[stages]]\nname = 'b'\nmargin = 0.4\n"
    config = load_config(file=write(tmp_path, text))
    assert [stage.margin for stage in config.stages] == [0.3, 0.4]


def test_a_flat_file_is_above_the_stages_of_a_preset(tmp_path: Path) -> None:
    file = write(tmp_path, "steps = 50\nlr = 0.5\n")
    config = load_config(preset="small", file=file, flags={"lr": 0.1})
    assert [(stage.steps, stage.lr) for stage in config.stages] == [(50, 0.1)] * 2
    assert [stage.loss for stage in config.stages] == ["cosface", "semi-hard"]


@pytest.mark.parametrize("flags", [{"finetune": "facegate-1"}, {}])
def test_a_model_is_tuned_by_the_preset_for_it_also_with_a_file(
    tmp_path: Path, flags: dict[str, str]
) -> None:
    text = "seed = 3\nsteps = 20\n" + ("" if flags else 'finetune = "facegate-1"\n')
    config = load_config(file=write(tmp_path, text), flags=flags)
    [stage] = config.stages
    assert (config.seed, stage.steps, stage.freeze_bn, stage.distil) == (3, 20, True, 1.0)
    assert load_config(file=write(tmp_path, to_toml(config))) == config


def test_a_flag_goes_to_every_stage(tmp_path: Path) -> None:
    text = "[[stages]]\nname = 'a'\nmargin = 0.1\n[[stages]]\nname = 'b'\n"
    config = load_config(file=write(tmp_path, text), flags={"margin": 0.5})
    assert [stage.margin for stage in config.stages] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("margn = 0.2\n", "unknown key 'margn'", "did you mean 'margin'"),
        ("[[stages]]\nstep = 5\n", "a stage of .* unknown key 'step'", "did you mean 'steps'"),
        ('preset = "smal"\n', "no preset is called 'smal'", "did you mean 'small'"),
        ("steps = 1.5\n", "steps must be a whole number, got 1.5", ""),
        ("aligned = 1\n", "aligned must be true or false, got 1", ""),
        ("net = 3\n", "net must be text, got 3", ""),
        ("lr = 0\n", "lr and clip must be above 0", ""),
        ("k = 0\n", "k must be at least 1, got 0", ""),
        ("k = 1\n", "p and k must be at least 2, got 32 and 1", ""),
        ('teacher = ["facegate-1"]\n', "no stage learns from it", "set distil"),
        ('unlabelled = ["more/"]\n', "teach only through a teacher", "set distil"),
        ("ema = 1.0\n", "ema must lie in", ""),
        ("size = 64\ncrop = 32\n", r"crop \(32\) is smaller than size \(64\)", ""),
        ("distil = 1.0\n", "distils without a teacher", "set teacher"),
        ('loss = "none"\n', "learns nothing", ""),
        ("x = [\n", "are no TOML", ""),
        ("stages = 3\n", "stages in .* is no array of tables", r"[[stages]]"),
        ("[stages]\nsteps = 3\n", "stages in .* is no array of tables", r"[[stages]]"),
        ("stages = [1]\n", "stages in .* is no array of tables", r"[[stages]]"),
        ("teacher = 1\n", "teacher must be a list of texts, got 1", ""),
        ("options = 3\n", "options must be a table, got 3", ""),
        ('optimizer = "adam"\n', "optimizer 'adam' is not known", "one of adamw, muon, sgd"),
        ('augment = "face"\n', "augment 'face' is not known", "faces, light, none"),
        ('precision = "fp32"\n', "precision 'fp32' is not known", "auto, f32, bf16"),
        ('device = "gpu"\n', "device 'gpu' is not known", "auto, cpu, cuda"),
        ("alike = 1.5\n", "alike must be at most 1, got 1.5", ""),
        ("seed = 4294967296\n", "seed must be at most 4294967295", ""),
        ("weight_decay = nan\n", "weight_decay must be a number, got nan", ""),
        ("lr = inf\n", "lr and clip must be above 0", ""),
        ('loss = "cosface"\nscale = 0\n', "scale must be above 0", "scale = 64"),
        ('loss = "arcface"\nmargin = -0.1\n', "margin at least 0", "scale = 64"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, text: str, problem: str, hint: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        load_config(file=write(tmp_path, text))
    assert hint in caught.value.hint


def test_the_words_are_those_that_the_rest_knows() -> None:
    assert WORDS["augment"] == tuple(AUGMENTATIONS)
    assert WORDS["precision"] == PRECISIONS
    for optimizer in WORDS["optimizer"]:
        make_optimizer([nn.Linear(2, 2)], Stage(optimizer=optimizer))


def test_a_preset_is_named_by_its_own_flag() -> None:
    with pytest.raises(InputError, match="no setting of --set"):
        load_config(flags={"preset": "tiny"})


def test_a_path_that_no_text_can_hold_is_refused() -> None:
    with pytest.raises(InputError, match=r"data da\\udcff is no UTF-8"):
        load_config(flags={"data": "da\udcff"})
    with pytest.raises(InputError, match=r"unlabelled .* is no UTF-8"):
        load_config(flags={"unlabelled": ["\udcff"]})


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_config(file=tmp_path / "none.toml")


@settings(deadline=None, derandomize=True)
@given(
    name=st.text(max_size=20),
    places=st.lists(st.text(max_size=8), max_size=3),
    margin=st.floats(0.01, 2),
    soft=st.booleans(),
    options=st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 9), max_size=2),
)
def test_settings_are_written_and_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    places: list[str],
    margin: float,
    soft: bool,
    options: dict[str, int],
) -> None:
    stages = (Stage(margin=margin, soft=soft, options=options), Stage(name="two", distil=1.0))
    config = Config(name=name, teacher=("facegate-1",), unlabelled=tuple(places), stages=stages)
    file = write(tmp_path_factory.mktemp("written"), "")
    file.write_text(to_toml(config), encoding="utf-8")
    assert load_config(file=file) == config


def test_weights_of_the_first_stage_are_those_of_the_run(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(
        '[[stages]]\nweights = "a.safetensors"\n[[stages]]\nweights = "b.safetensors"\n'
    )
    config = load_config(file=file)
    assert config.weights == "a.safetensors"
    assert [stage.weights for stage in config.stages] == ["", "b.safetensors"]
    given = load_config(file=file, flags={"weights": "c.safetensors"})
    assert given.weights == "c.safetensors"
    assert [stage.weights for stage in given.stages] == ["", "b.safetensors"]
    file.write_text(to_toml(config))
    assert load_config(file=file) == config
