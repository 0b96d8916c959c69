"""The net that a run trains: one of facegate's by name, or a class of the user's own."""

import importlib
import os
import sys

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from facegate.errors import InputError
from facegate.models.card import ARCHITECTURES
from facegate.models.nets.build import build_net, put_weights
from facegate.models.training.config import Config


def make_net(config: Config) -> nn.Module:
    """Return the net that the settings name, with random weights or those of ``weights``.

    Raises:
        InputError: no such net, or the weights do not fit.
    """
    if ":" in config.net:
        net = _own_net(config)
    elif config.net in ARCHITECTURES:
        net = build_net(config.net, dim=config.dim, size=config.size)
    else:
        known = ", ".join(name for name in ARCHITECTURES if name != "file")
        raise InputError(f"no net is called {config.net!r}", hint=f"{known} or package:Class")
    if config.weights:
        try:
            state = load_file(config.weights)
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"weights {config.weights} cannot be read", hint="give a .safetensors file"
            ) from error
        put_weights(net, state, source=config.weights)
    return net


def _own_net(config: Config) -> nn.Module:
    module_name, _, class_name = config.net.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # the class lies beside the user, not beside facegate
    try:
        made = getattr(importlib.import_module(module_name), class_name)()
    except (ImportError, AttributeError, TypeError) as error:
        raise InputError(
            f"{config.net} cannot be made: {error}",
            hint="package:Class names a class that is made without arguments",
        ) from error
    if not isinstance(made, nn.Module):
        raise InputError(f"{config.net} is no torch module", hint="name a class of nn.Module")
    return made
