"""A run from settings to a finished model: the one function behind `facegate train`."""

import copy
import io
import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from facegate.data.files import write_atomically
from facegate.errors import FacegateError, InputError
from facegate.models.card import Card
from facegate.models.training.checkpoint import writing
from facegate.models.training.config import Config
from facegate.models.training.finetune import Judgement, gather_own, judge
from facegate.models.training.finish import make_graph
from facegate.models.training.loop import Trainer
from facegate.models.training.material import (
    Material,
    Progress,
    Sources,
    find_sources,
    gather,
    hash_of,
)
from facegate.models.training.net import check_net, make_net
from facegate.models.training.objective import Objective
from facegate.models.training.plots import plot_people, plot_run
from facegate.models.training.precision import autocast_of, choose_device, choose_precision
from facegate.models.training.ranks import Ranks
from facegate.models.training.recorder import Recorder, restore
from facegate.models.training.run_card import finish_run, plan_card
from facegate.models.training.run_folder import TARGETS, RunFolder
from facegate.models.training.state import Listener
from facegate.models.training.teacher import ask, check_teachers, join, turned
from facegate.models.training.validation import Look, check_held, embed
from facegate.models.values import Floats, Pixels

log = logging.getLogger(__name__)
ASKED = 4096
"""Images that show where a student with weights stands."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        folder: where all of it lies.
        best: the best look at split val.
        card: of the finished model; None on all processes but the first, and where fine-tuning
            made nothing better.
        images: seen.
        seconds: spent in training.
        verdict: on fine-tuning, or None.
    """

    folder: Path
    best: Look
    card: Card | None
    images: int
    seconds: float
    verdict: Judgement | None = None


def train(
    config: Config,
    path: Path,
    *,
    resume: bool = False,
    screen: Listener | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Train a net as the settings say, and finish it as a model.

    Args:
        config: the settings; with ``resume`` they must be those of the run.
        path: the run's folder, empty or not there; with ``resume`` that of a stopped run.
        resume: go on from the last checkpoint.
        screen: hears of every step.
        progress: hears of the decoding of images.

    Raises:
        InputError: the data, the settings or the folder cannot be used.
        TrainingStopped: the watchdog ended the run; the best weights so far are in the folder.
        DeviceError, ModelMissingError: something that was asked for is not here.
    """
    ranks = Ranks.join(cuda=config.device != "cpu" and torch.cuda.is_available())
    try:
        with ranks.together():
            return _train(config, path, resume, screen, progress, ranks)
    finally:
        ranks.leave()


def _train(
    config: Config,
    path: Path,
    resume: bool,
    screen: Listener | None,
    progress: Progress | None,
    ranks: Ranks,
) -> Outcome:
    if config.threads:
        torch.set_num_threads(config.threads)
    device = choose_device(config.device, local_rank=ranks.local)
    torch.manual_seed(config.seed)
    check_settings(config, path)
    sources = find_sources(config)
    check_teachers(config.teacher)
    net = make_net(config).to(device)
    _check_statistics(config, net)
    if ":" in config.net:
        make_graph(copy.deepcopy(net), config.size)  # an hour of training could end without it
    folder: RunFolder | None = None
    if ranks.is_first:
        folder = RunFolder.resume(path, config) if resume else RunFolder.start(path, config)
    try:
        if folder is not None and resume:
            _check_same_images(folder, sources)
        with ranks.one_ahead():
            material = _gather(config, sources, path, net, progress)
    except FacegateError:
        if folder is not None and not resume:
            folder.discard()
        raise
    known = folder.read_record() if folder is not None and resume else {}
    precision = ranks.agree(
        known.get("precision")
        or choose_precision(config.precision, net, size=config.size, device=device)
    )
    ranks.share_norms(net)
    listener: Listener = _Silent()
    with writing(path):
        if folder is not None:
            folder.record({"device": device.type, "precision": precision, **material.facts})
            if not config.finetune:
                folder.keep_splits(sources.dataset)
            listener = Recorder(folder, every=config.checkpoint, screen=screen)
        autocast = autocast_of(precision, device)
        trainer = Trainer(config, material, net, device, autocast, listener, ranks)
        if resume:
            restore(trainer, RunFolder(path, config))
        trainer.run()
        return _end(trainer, folder, path)


def check_settings(config: Config, path: Path) -> None:
    """Refuse settings that would fail only when a stage begins, or when the model is written.

    Args:
        config: the run's settings.
        path: its folder, which may name the model.

    Raises:
        InputError: no such net or loss, or no option of it, or one that takes no labels; a card
            that no model may have.
        MachineError: a loss needs a package that is not installed.
    """
    check_net(config.net)
    plan_card(config, path)
    for stage in config.stages:
        Objective(stage, dim=config.dim, n_identities=2).try_out()


def _check_statistics(config: Config, net: nn.Module) -> None:
    """Refuse gradient caching with live statistics, and warn of frozen ones that nobody learnt."""
    if not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in net.modules()):
        return
    for stage in config.stages:
        if stage.is_cached and not stage.freeze_bn:
            raise InputError(
                f"stage {stage.name} sets chunk without freeze_bn, which gives a wrong gradient",
                hint="set freeze_bn = true, after a stage without it or with weights",
            )
    if config.stages[0].freeze_bn and not config.weights:
        log.warning(
            "stage %s freezes statistics that nothing has learnt yet: begin with a stage that "
            "learns them, or with weights",
            config.stages[0].name,
        )


def _check_same_images(folder: RunFolder, sources: Sources) -> None:
    """Refuse to go on with a run on other images than it began with."""
    began_with = folder.read_record().get("data_hash")
    if began_with not in (None, hash_of(sources.dataset, sources.unlabelled)):
        raise InputError(
            f"the images of the run in {folder.path} are not those that it began with",
            hint="put them back as they were, or start a new run folder",
        )


def _gather(
    config: Config, sources: Sources, path: Path, net: nn.Module, progress: Progress | None
) -> Material:
    if config.finetune:
        return gather_own(config, sources, progress=progress)
    teach = _teach(config, path, net, progress)
    material = gather(config, sources, teach=teach, progress=progress)
    for split, held in (("val", material.val), ("cal", material.cal)):
        check_held(held, split)  # some images may not have been usable
    return material


def _end(trainer: Trainer, folder: RunFolder | None, path: Path) -> Outcome:
    place = trainer.place
    if place.best is None:
        raise InputError("the run took no step", hint="give a stage some steps")
    verdict = judge(trainer) if trainer.config.finetune else None
    card = None
    if folder is not None:
        if verdict is None or verdict.is_better:
            card = finish_run(trainer, folder.path)
        _plot(trainer, folder)
    return Outcome(path, place.best, card, place.images, place.seconds, verdict)


def _plot(trainer: Trainer, folder: RunFolder) -> None:
    steps = [stage.steps for stage in trainer.config.stages]
    plot_run(folder.path, folder.events(), steps)
    val = trainer.material.val
    plot_people(folder.path, trainer.embed_val(), val.people)


def _teach(
    config: Config, path: Path, net: nn.Module, progress: Progress | None
) -> Callable[[Pixels], Floats] | None:
    """Return what asks the teachers; a resumed run finds their answers in its folder."""
    if not config.teacher:
        return None
    kept = path / TARGETS

    def teach(crops: Pixels) -> Floats:
        if kept.exists():
            targets = np.load(kept, allow_pickle=False)
            if len(targets) == len(crops):
                return np.asarray(targets, np.float32)
        done = 0

        def count(n: int) -> None:
            nonlocal done
            done += n
            if progress is not None:
                progress("images shown to teachers", done, len(crops) * len(config.teacher))

        said = ask(config.teacher, crops, size=config.size, progress=count)
        targets = join(said, config.dim)
        if config.weights:
            known = np.unique(np.linspace(0, len(crops) - 1, ASKED).astype(np.int64))
            device = next(net.parameters()).device
            asked = crops[known]
            rows = embed(net.eval(), asked, config.size, device=device, autocast=nullcontext)
            targets = turned(targets, known, rows)
        buffer = io.BytesIO()
        np.save(buffer, targets)
        with writing(kept):
            write_atomically(kept, buffer.getvalue())
        return targets

    return teach


class _Silent:
    """The listener of processes that neither write nor speak."""

    def step(self, event: dict[str, Any]) -> None: ...

    def look(self, event: dict[str, Any], is_best: bool) -> None: ...

    def warn(self, event: dict[str, Any]) -> None: ...

    def keep(self, trainer: Trainer) -> None: ...
