"""The net that a run trains: one of facegate's by name, or a class of the user's own."""

import copy
import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from facegate.errors import InputError
from facegate.models.card import ARCHITECTURES
from facegate.models.nets.build import build_net, put_weights
from facegate.models.shelf.unpickle import keep_as_safetensors
from facegate.models.training.checkpoint import FORMAT, load_checkpoint
from facegate.models.training.config import Config

PICKLES = (".pt", ".pth")


@dataclass(frozen=True, slots=True)
class _Shape:
    architecture: str
    dim: int
    input_size: int


def check_net(name: str) -> None:
    """Refuse a name that is neither one of facegate's nets nor a class of the user's own.

    Raises:
        InputError: no such net.
    """
    known = [net for net in ARCHITECTURES if net != "file"]
    if ":" not in name and name not in known:
        hint = f"{', '.join(known)} or package:Class"
        raise InputError(f"no net is called {name!r}", hint=hint)


def make_net(config: Config) -> nn.Module:
    """Return the net that the settings name, with random weights or those of ``weights``.

    It is channels last in memory, which CPUs convolve faster.

    Raises:
        InputError: no such net, its output is no vector of ``dim`` or not to be trained, or the
            weights do not fit.
    """
    check_net(config.net)
    if ":" in config.net:
        net = _own_net(config)
    else:
        net = build_net(config.net, dim=config.dim, size=config.size)
        net = net.to(memory_format=torch.channels_last)
    for stage in config.stages:  # one that does not fit is refused before any work
        if stage.weights:
            start_from(stage.weights, copy.deepcopy(net), config)
    if config.weights:
        start_from(config.weights, net, config)
    return net


def start_from(file: str, net: nn.Module, config: Config) -> None:
    """Put the weights of a file into a net that the settings made.

    Args:
        file: safetensors, a run's checkpoint, or the .pt of a state dict.
        net: is changed.
        config: names the net.

    Raises:
        InputError, WeightsError: the file cannot be read, or is of another net.
    """
    put_weights(net, _read_weights(Path(file), config), source=file)


def _read_weights(path: Path, config: Config) -> dict[str, Tensor]:
    is_pickle = path.suffix.lower() in PICKLES and path.is_file()
    if is_pickle and ":" in config.net:
        raise InputError(
            f"weights {path} are a pickle, which only a net of facegate's is checked against",
            hint="save the state dict by safetensors.torch.save_file",
        )
    try:
        if not is_pickle:
            with safe_open(path, framework="pt") as file:
                is_checkpoint = (file.metadata() or {}).get("format") == FORMAT
            return load_checkpoint(path).part("average") if is_checkpoint else load_file(path)
        with TemporaryDirectory() as folder:
            kept = Path(folder) / "weights.safetensors"
            keep_as_safetensors(_Shape(config.net, config.dim, config.size), path, kept)
            return load_file(kept)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"weights {path} cannot be read",
            hint="give a .safetensors file, or the .pt of a state dict",
        ) from error


def _own_net(config: Config) -> nn.Module:
    module_name, _, class_name = config.net.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # the class lies beside the user, not beside facegate
    try:
        made = getattr(importlib.import_module(module_name), class_name)()
    except Exception as error:  # the user's own code, which may raise anything
        raise InputError(
            f"{config.net} cannot be made: {_first_line(error)}",
            hint="package:Class names a class that is made without arguments",
        ) from error
    if not isinstance(made, nn.Module):
        raise InputError(f"{config.net} is no torch module", hint="name a class of nn.Module")
    return _laid_out(made, config)


def _check_output(net: nn.Module, images: Tensor, config: Config) -> None:
    """Refuse a net of the wrong shape before any image is read; it may answer otherwise in
    training, as nets with auxiliary outputs do, and gets its mode from whoever asks."""
    hint = "a net maps (N, 3, size, size) to (N, dim); set size and dim to its own"
    name = f"{config.net} in training" if net.training else config.net
    try:
        found = net(images)
    except Exception as error:  # the user's own code again
        raise InputError(
            f"{name} fails on images of {config.size} pixels: {_first_line(error)}", hint=hint
        ) from error
    if not isinstance(found, Tensor):
        raise InputError(f"{name} gives a {type(found).__name__}, no tensor", hint=hint)
    if found.shape != (len(images), config.dim):
        raise InputError(
            f"{name} gives {tuple(found.shape[1:])} for an image, not {config.dim} numbers",
            hint=hint,
        )
    if not found.is_floating_point():
        raise InputError(f"{name} gives {found.dtype}, no floating numbers", hint=hint)
    if net.training and not found.requires_grad:
        raise InputError(f"{config.net} has no weight to train", hint="name a net that learns")


def _laid_out(net: nn.Module, config: Config) -> nn.Module:
    """Return a net of the user's own, channels last in memory where it works like that.

    ``x.view(len(x), -1)`` does not, and many nets say it: those get their images in the usual
    layout instead.
    """
    images = torch.zeros(2, 3, config.size, config.size)
    with torch.no_grad():
        _check_output(net.eval(), images, config)
    _check_output(copy.deepcopy(net).train(), images, config)
    trial = copy.deepcopy(net).to(memory_format=torch.channels_last)
    try:
        trial.train()(images.contiguous(memory_format=torch.channels_last)).sum().backward()
    except RuntimeError:
        net.register_forward_pre_hook(_in_usual_layout)
        return net
    return net.to(memory_format=torch.channels_last)


def _in_usual_layout(_net: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(images.contiguous() for images in given)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
