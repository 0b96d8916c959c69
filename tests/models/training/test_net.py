from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from facegate.errors import InputError
from facegate.models.training.config import load_config
from facegate.models.training.net import make_net

SHAPE = {"net": "plain-t", "dim": 16, "size": 32, "crop": 32}


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt"])
def test_a_run_starts_from_either_kind_of_weights(tmp_path: Path, name: str) -> None:
    torch.manual_seed(3)
    state = make_net(load_config(flags=SHAPE)).state_dict()
    state = {key: value.contiguous() for key, value in state.items()}
    file = tmp_path / name
    if name.endswith(".pt"):
        torch.save(state, file)
    else:
        save_file(state, file)
    torch.manual_seed(4)
    found = make_net(load_config(flags={**SHAPE, "weights": str(file)})).state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())


def test_a_pickle_goes_into_no_net_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nets_of_mine.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.head = nn.Linear(3, 16)\n"
        "    def forward(self, x):\n"
        "        return self.head(x.mean((2, 3)))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "weights.pt").write_bytes(b"pickle")
    flags = {**SHAPE, "net": "nets_of_mine:Net", "weights": str(tmp_path / "weights.pt")}
    with pytest.raises(InputError, match="are a pickle"):
        make_net(load_config(flags=flags))
    with pytest.raises(InputError, match=r"none\.pt cannot be read"):
        make_net(load_config(flags={**flags, "weights": str(tmp_path / "none.pt")}))
