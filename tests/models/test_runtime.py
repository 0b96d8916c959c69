import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facegate.errors import DeviceError, WeightsError
from facegate.models import runtime
from facegate.models.inference.openvino_cpu import import_openvino
from facegate.models.inference.torch_cuda import TorchNet
from facegate.models.runtime import file_net, resolve_device, set_threads, torch_net
from facegate.models.values import Floats

KEY = "0123456789abcdef" * 4


class TwoOutputs(nn.Module):
    """A small net with what ours have: convolution, PReLU, pooling that rounds up, two heads."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.PReLU(8), nn.MaxPool2d(2, 2, ceil_mode=True), nn.Conv2d(8, 8, 3)
        )
        self.one, self.two = nn.Linear(8, 4), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.body(x).mean(dim=(2, 3))
        return self.one(x), self.two(x).softmax(dim=1)


def counted(calls: list[int]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        calls.append(1)
        return TwoOutputs()

    return make


def batch(count: int = 3, side: int = 15) -> Floats:
    return np.random.default_rng(count).random((count, 3, side, side), dtype=np.float32)


def load(calls: list[int]) -> runtime.Net:
    return torch_net(KEY, counted(calls), input_shape=(None, 3, None, None), device="cpu")


@pytest.fixture
def cache(empty_home: Path) -> Path:
    return empty_home / "cache"


@pytest.mark.usefixtures("cache")
def test_a_converted_net_agrees_with_torch_at_every_shape() -> None:
    net = load([])
    assert (net.device, net.precision) == ("cpu", "f32")
    for count, side in ((1, 12), (3, 15), (8, 20), (3, 15)):
        given = batch(count, side)
        with torch.inference_mode():
            wanted = TwoOutputs().eval()(torch.from_numpy(given))
        got = net(given)
        assert len(got) == 2
        for ours, theirs in zip(got, wanted, strict=True):
            # The order of a sum is free, so the last bits are; bf16 would be off by 1e-3.
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-6)


def test_a_net_is_converted_once(cache: Path) -> None:
    calls: list[int] = []
    first = load(calls)(batch())
    second = load(calls)(batch())
    assert calls == [1]
    np.testing.assert_array_equal(first[0], second[0])
    assert sorted(path.suffix for path in cache.iterdir()) == [".blob", ".ir"]


def flip(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_with_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [flip, cut, empty, Path.unlink, replace_with_folder])
@pytest.mark.parametrize(
    ("suffixes", "conversions"), [((".blob",), 1), ((".ir",), 1), ((".ir", ".blob"), 2)]
)
def test_a_damaged_cache_is_built_again(
    cache: Path,
    damage: Callable[[Path], None],
    suffixes: tuple[str, ...],
    conversions: int,
) -> None:
    calls: list[int] = []
    before = load(calls)(batch())
    for path in list(cache.iterdir()):
        if path.suffix in suffixes:
            damage(path)
    after = load(calls)(batch())
    # A sound blob needs no IR, and a sound IR gives a blob without torch.
    assert len(calls) == conversions
    np.testing.assert_array_equal(before[0], after[0])


def test_a_sound_file_that_openvino_does_not_know_is_built_again(cache: Path) -> None:
    from facegate.models.inference.sealed import write_sealed

    calls: list[int] = []
    load(calls)
    (blob,) = cache.glob("*.blob")
    write_sealed(blob, [b"made by another build"])
    load(calls)(batch())
    assert calls == [1]
    assert blob.stat().st_size > 1000


def test_a_cache_that_cannot_be_written_is_noted_and_the_net_runs(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, contents: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("facegate.models.inference.sealed.write_atomically", full)
    assert load([])(batch())[0].shape == (3, 4)
    assert caplog.text.count("nothing can be kept in") == 1  # of the net, and compiled
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("cache")
def test_a_home_that_cannot_be_made_is_noted_and_the_net_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FACEGATE_HOME", str(tmp_path / "file"))
    assert load([])(batch())[0].shape == (3, 4)


@pytest.mark.usefixtures("cache")
def test_other_keys_and_shapes_are_other_nets() -> None:
    calls: list[int] = []
    load(calls)
    torch_net("f" * 64, counted(calls), input_shape=(None, 3, None, None), device="cpu")
    fixed = torch_net(KEY, counted(calls), input_shape=(2, 3, 15, 15), device="cpu")
    assert len(calls) == 3
    assert fixed(batch(2))[0].shape == (2, 4)


@pytest.mark.usefixtures("cache")
def test_threads_share_a_net() -> None:
    net = load([])
    batches = [batch(count) for count in range(1, 9)]
    alone = [net(given)[0] for given in batches]
    results: dict[int, list[Floats]] = {}

    def work(index: int) -> None:
        results[index] = [net(batches[index])[0] for _ in range(30)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, rows in results.items():
        assert all(np.array_equal(row, alone[index]) for row in rows)


@pytest.mark.usefixtures("cache")
def test_the_number_of_threads_is_set() -> None:
    set_threads(1)
    try:
        assert load([])(batch())[0].shape == (3, 4)
    finally:
        set_threads(None)
    with pytest.raises(ValueError, match="at least one thread, got 0"):
        set_threads(0)


SILENT = """
import sys
events = []
def hook(event, args):
    if event.startswith("socket.") or event == "open" and isinstance(args[0], str):
        writes = event == "open" and isinstance(args[2], int) and args[2] & 3
        if event != "open" or writes:
            events.append([event, str(args[0])])
sys.addaudithook(hook)
import json
import numpy as np
from facegate.models.detect import Detector
scores = Detector(device="cpu").detect(np.zeros((64, 64, 3), np.uint8))[2]
print(json.dumps({"events": events, "modules": sorted(sys.modules), "faces": len(scores)}))
"""


def run_silent(home: Path, user_home: Path) -> dict[str, list[str]]:
    # Without CI, which openvino's telemetry takes for a reason to keep quiet.
    known = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD")}
    environment = known | {
        "FACEGATE_HOME": str(home),
        "HOME": str(user_home),
        "XDG_CACHE_HOME": str(user_home / ".cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", SILENT], env=environment, capture_output=True, text=True, check=True
    )
    result: dict[str, list[str]] = json.loads(done.stdout)
    return result


def test_no_socket_no_file_elsewhere_and_no_torch_from_the_second_start(tmp_path: Path) -> None:
    home, user_home = tmp_path / "facegate", tmp_path / "user"
    user_home.mkdir()
    for start in (1, 2):
        result = run_silent(home, user_home)
        outside = [e for e in result["events"] if not e[1].startswith((str(home), "/dev/null"))]
        assert outside == [], f"start {start}"
        # What is written by native code passes no audit hook, so look.
        assert [path for path in user_home.rglob("*") if path.is_file()] == []
    modules = set(result["modules"])
    assert not modules & {"torch", "cv2", "openvino.tools.ovc", "requests", "sqlite3", "faiss"}
    assert [path.suffix for path in (home / "cache").iterdir() if path.suffix == ".part"] == []


def test_the_converter_stays_where_others_look_for_it() -> None:
    openvino = import_openvino()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = openvino.convert_model(nn.Linear(2, 3), example_input=torch.zeros(1, 2))
    assert len(model.outputs) == 1


def test_devices_are_resolved_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_has_driver", lambda: False)
    assert resolve_device("cpu") == resolve_device("auto") == "cpu"
    with pytest.raises(DeviceError, match="no CUDA device") as error:
        resolve_device("cuda")
    assert error.value.exit_status == 4
    with pytest.raises(DeviceError, match="no device 'tpu': use auto, cpu or cuda"):
        resolve_device("tpu")


def test_a_driver_without_a_device_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_has_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(DeviceError, match="no CUDA device"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == resolve_device("cuda") == "cuda"


def test_a_net_on_a_torch_device_gives_what_the_module_gives() -> None:
    module = TwoOutputs().eval()
    net = TorchNet(module, "cpu")
    with torch.inference_mode():
        wanted = module(torch.from_numpy(batch()))
    for ours, theirs in zip(net(batch()), wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())
    (single,) = TorchNet(nn.Flatten(), "cpu")(batch())
    assert single.shape == (3, 675)


def test_a_file_asked_to_run_on_cuda_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "resolve_device", lambda device: "cuda")
    with pytest.raises(DeviceError, match="does not use CUDA"):
        file_net(tmp_path / "net.onnx", key=KEY, device="cuda")


def save_ir(folder: Path, batch_size: int | None) -> Path:
    """Write y = flatten(x) * 2 as IR; with a batch size it is fixed inside, as some exports do."""
    openvino = import_openvino()
    from openvino import opset13 as ops

    x = ops.parameter([1, 3, 4, 4], np.float32)
    rows = ops.constant([0 if batch_size is None else batch_size, 48])
    y = ops.multiply(ops.reshape(x, rows, special_zero=True), np.float32(2))
    path = folder / "net.xml"
    openvino.save_model(openvino.Model([y], [x], "net"), path, compress_to_fp16=False)
    return path


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("batch_size", [None, 1])
def test_a_file_takes_batches_of_any_size(tmp_path: Path, batch_size: int | None) -> None:
    net = file_net(save_ir(tmp_path, batch_size), key=KEY, device="cpu")
    for count in (1, 2, 5):
        given = batch(count, 4)
        np.testing.assert_array_equal(net(given)[0], given.reshape(count, 48) * 2)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("contents", [b"", b"no net", b"<net></net>"])
@pytest.mark.parametrize("suffix", [".xml", ".onnx"])
def test_a_file_that_is_no_net_is_one_line(tmp_path: Path, contents: bytes, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(contents)
    with pytest.raises(WeightsError) as error:
        file_net(path, key=KEY, device="cpu")
    assert "\n" not in str(error.value)
    assert str(path) in error.value.message
