from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from facegate.errors import InputError
from facegate.models.nets.build import build_net, put_weights
from facegate.models.training.finish import write_weights


def test_a_variance_too_large_for_half_precision_is_kept_whole(tmp_path: Path) -> None:
    state = build_net("plain-t", dim=8, size=32).state_dict()
    state["bn.running_var"].fill_(1e5)
    write_weights(tmp_path / "w.safetensors", state)
    read = load_file(tmp_path / "w.safetensors")
    assert read["bn.running_var"].dtype == torch.float32
    assert read["head.weight"].dtype == torch.float16
    again = build_net("plain-t", dim=8, size=32)
    put_weights(again, read, source="w")
    assert again.state_dict()["bn.running_var"].tolist() == [1e5] * 8


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="weight b holds a number that is not finite"):
        write_weights(tmp_path / "w.safetensors", {"a": torch.ones(2), "b": torch.tensor([1e39])})
    assert not list(tmp_path.iterdir())
