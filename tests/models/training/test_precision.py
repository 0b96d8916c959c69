import pytest
import torch

from facegate.errors import DeviceError
from facegate.models.training.precision import choose_device


def test_each_process_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda", local_rank=1) == torch.device("cuda", 1)
    with pytest.raises(DeviceError, match="process 2 of this machine has no GPU of its own, 2"):
        choose_device("auto", local_rank=2)
