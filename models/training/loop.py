"""The training loop: stages of steps, looks at split val, checkpoints; nothing else.

Everything random is a function of (seed, stage, step), so a run that was killed continues bit
for bit on a CPU from its last checkpoint.
"""

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facegate.data.augment import FACES, LIGHT, NONE, augment
from facegate.errors import InputError
from facegate.models.losses.cached import backward_in_chunks
from facegate.models.losses.distances import in_full
from facegate.models.losses.result import LossResult, LossStats
from facegate.models.training.alike import Centres
from facegate.models.training.average import Average
from facegate.models.training.batches import Batches
from facegate.models.training.centring import recentre
from facegate.models.training.config import Config, Stage
from facegate.models.training.feed import Batch, Feed, Spread
from facegate.models.training.material import Material
from facegate.models.training.net import start_from
from facegate.models.training.objective import BROKEN, HEADS, Objective, Shares
from facegate.models.training.precision import Autocast
from facegate.models.training.ranks import Ranks
from facegate.models.training.schedule import make_optimizer, rate_at
from facegate.models.training.state import Listener, Place, StageParts
from facegate.models.training.validation import check_held, embed, look
from facegate.models.training.watchdog import Signals, TrainingStopped, Watchdog
from facegate.models.values import Floats

AUGMENTATIONS = {"faces": FACES, "light": LIGHT, "none": NONE}

PIECE = 64
"""Images that a core changes at a time; numbers are drawn for each piece on its own, so that a
batch is the same on any number of cores."""


@dataclass(eq=False)
class Trainer:
    """A run on its way.

    Attributes:
        config, material: what is asked for, and the images.
        net: what trains; on ``device``.
        average: what is looked at and kept.
        best_state: weights of the average at the best look, on the CPU.
        place: where the run stands.
        parts: of the stage at work.
    """

    config: Config
    material: Material
    net: nn.Module
    device: torch.device
    autocast: Autocast
    listener: Listener
    ranks: Ranks = field(default_factory=Ranks)
    place: Place = field(default_factory=Place)
    best_state: dict[str, Tensor] = field(default_factory=dict)
    parts: StageParts | None = None

    def __post_init__(self) -> None:
        self.average = Average(self.net, self.config.ema)
        material = self.material
        self.crops = torch.from_numpy(material.crops).to(self.device)
        self.labels = torch.from_numpy(material.labels).to(self.device)
        targets = material.targets
        self.targets = None if targets is None else torch.from_numpy(targets).to(self.device)
        self.fmr = check_held(material.val, "val")

    def run(self) -> None:
        """Take all steps that are left, and end with the best weights in the average.

        Raises:
            TrainingStopped: the watchdog found that going on would waste time.
        """
        stages = self.config.stages
        while self.place.stage < len(stages):
            if self.parts is None:
                self.prepare()
            try:
                self._run_stage(stages[self.place.stage])
            finally:
                if self.parts is not None:
                    self.parts.feed.close()
            self.go_back_to_best()
            self.parts = None
            self.place.stage, self.place.step = self.place.stage + 1, 0
            self.place.since_best = 0  # the patience of a stage is its own
            self.listener.keep(self)

    def prepare(self) -> None:
        """Make the loss, the optimiser and the sampler of the stage that comes."""
        stage, material = self.config.stages[self.place.stage], self.material
        if stage.weights and not self.place.step:  # what a checkpoint holds comes after
            start_from(stage.weights, self.net, self.config)
            self.average = Average(self.net, self.config.ema)
        torch.manual_seed(self.config.seed * 1000 + self.place.stage)
        objective = Objective(stage, dim=self.config.dim, n_identities=material.n_identities).to(
            self.device
        )
        seed = self.config.seed * 1000 + self.place.stage
        batches = Batches(stage, material.labels, seed=seed)
        make = partial(self._make, batches, self.place.stage)
        self.parts = StageParts(
            objective=objective,
            optimizer=make_optimizer((self.net, objective), stage),
            watchdog=Watchdog(),
            batches=batches,
            feed=Feed(make, ahead=self.device.type == "cpu" and not stage.chunk),
            centres=Centres(material.n_identities, self.config.dim) if stage.alike else None,
        )

    def _run_stage(self, stage: Stage) -> None:
        assert self.parts is not None
        while self.place.step < stage.steps:
            self.take_step()
            step = self.place.step
            is_saturated = self.parts.watchdog.is_saturated
            if step % self.config.evaluate == 0 or step == stage.steps or is_saturated:
                if self.parts.centres is not None:
                    self.parts.centres.share(self.ranks)
                    self.parts.batches.set_neighbours(self.parts.centres.find())
                self._look()
                if self.config.patience and self.place.since_best >= self.config.patience:
                    return
            if is_saturated:
                return
            self.listener.keep(self)

    def take_step(self) -> None:
        """Take the next step of the stage that was prepared, and tell the listener."""
        assert self.parts is not None
        started = time.perf_counter()
        event = self._step(self.config.stages[self.place.stage], self.parts)
        self.place.step += 1
        self.place.seconds += time.perf_counter() - started
        self.listener.step(event)

    def _step(self, stage: Stage, parts: StageParts) -> dict[str, Any]:
        place = self.place
        started = time.perf_counter()
        torch.manual_seed(self._seed(place.stage, place.step) % 2**63)  # dropout
        made = parts.feed.take(place.step, following=self._following(stage, parts))
        batch, rows, images = made.rows, made.own, made.images
        ready = time.perf_counter()
        rate = rate_at(place.step, stage)
        for group in parts.optimizer.param_groups:
            group["lr"] = rate
        self.net.train()
        if stage.freeze_bn:
            freeze_batch_norm(self.net)
        targets = None if self.targets is None else self.targets[rows]
        of_batch = self._weights(batch, rows)
        labels = self.labels[rows]
        shares = self._sound_backward(images, labels, targets, stage, parts, of_batch)
        shares = shares.over_all(self.ranks)
        weights = [w for group in parts.optimizer.param_groups for w in group["params"]]
        self.ranks.average_gradients(weights)
        gradient = float(nn.utils.clip_grad_norm_(weights, stage.clip))
        signals = Signals(
            loss=shares.total,
            gradient=gradient,
            stats=None if stage.loss in HEADS else shares.stats,
            resultant=shares.resultant,
            spread=shares.spread,
            margin=stage.margin,
        )
        sound = parts.watchdog.is_sound(signals)
        if sound:
            parts.optimizer.step()
            self.average.follow(self.net)
        else:
            self.average.mend_statistics(self.net)
        parts.optimizer.zero_grad(set_to_none=True)
        self._warn(parts.watchdog.look(signals), [] if sound else rows.tolist())
        n_images = len(batch)
        place.images += n_images
        seconds = time.perf_counter() - started
        return {
            "stage": place.stage,
            "step": place.step + 1,
            "lr": rate,
            "gradient": gradient,
            "images_s": n_images / seconds,
            "waiting": (ready - started) / seconds,
            **shares.facts(),
        }

    def _make(self, batches: Batches, stage: int, step: int, spread: Spread) -> Batch:
        """Return the batch of a step: a function of the settings, the data and the step alone."""
        rows = batches.rows(step).to(self.device)
        own = self.ranks.part(rows)
        size, settings = self.config.size, AUGMENTATIONS[self.config.augment]
        # Permuted, so that it is channels last in memory.
        images = torch.empty(len(own), size, size, 3, device=self.device).permute(0, 3, 1, 2)
        piece = PIECE if self.device.type == "cpu" else max(1, len(own))

        def change(start: int) -> None:
            seed = hash((self._seed(stage, step), self.ranks.rank, start)) % 2**63
            generator = torch.Generator(self.device).manual_seed(seed)
            part = slice(start, start + piece)
            changed = augment(self.crops.index_select(0, own[part]), size, settings, generator)
            torch.sub(changed, 127.5, out=images[part]).div_(127.5)

        spread(change, range(0, len(own), piece))
        return Batch(rows, own, images)

    def _seed(self, stage: int, step: int) -> int:
        return ((self.config.seed * 64 + stage) << 32) + step

    def _following(self, stage: Stage, parts: StageParts) -> int | None:
        """Return the step whose batch can be made already: one that no look comes before."""
        step = self.place.step + 1
        waits = parts.centres is not None and step % self.config.evaluate == 0
        return None if step >= stage.steps or waits else step

    def _sound_backward(self, *given: Any) -> Shares:
        try:
            return self._backward(*given)
        except InputError as error:
            # Of several processes one alone cannot leave a step out: the others wait for its sums.
            if error.code != "not_finite" or self.ranks.size > 1:
                raise
            return BROKEN

    def _backward(
        self,
        images: Tensor,
        labels: Tensor,
        targets: Tensor | None,
        stage: Stage,
        parts: StageParts,
        of_batch: tuple[float, float],
    ) -> Shares:
        found: list[Shares] = []
        weight, labelled = of_batch

        def loss(embeddings: Tensor, batch_labels: Tensor) -> LossResult:
            total, shares = parts.objective(
                embeddings, batch_labels, targets, weight=weight, labelled_weight=labelled
            )
            if parts.centres is not None:
                parts.centres.follow(embeddings, batch_labels)
            found.append(shares)
            return LossResult(total, shares.stats or LossStats(shares.total))

        if stage.is_cached and stage.chunk < len(images):
            backward_in_chunks(
                self.net, images, labels, loss, chunk=stage.chunk, autocast=self.autocast
            )
        else:
            with self.autocast():
                embeddings = self.net(images)
            loss(in_full(embeddings), labels).loss.backward()
        return found[0]

    def _weights(self, batch: Tensor, own: Tensor) -> tuple[float, float]:
        """Return how many rows, and labelled rows, this process has over the mean of all."""
        if self.ranks.size == 1:
            return 1.0, 1.0
        n_known = int((self.labels[batch] >= 0).sum())
        n_own = int((self.labels[own] >= 0).sum())
        size = self.ranks.size
        return len(own) * size / len(batch), n_own * size / max(1, n_known)

    def embed_val(self) -> Floats:
        """Return the average's unit embeddings of split val."""
        crops, size = self.material.val.crops, self.config.size
        return embed(self.average.net, crops, size, device=self.device, autocast=self.autocast)

    def _centre(self) -> None:
        """Measure the mean of the average's outputs: the statistics are those of batches."""
        crops, size = self.material.crops, self.config.size
        recentre(self.average.net, crops, size, device=self.device, autocast=self.autocast)

    def _look(self) -> None:
        place = self.place
        self.ranks.share_buffers(self.average.net)
        if not self.config.finetune:  # whose few people are not the middle of all
            self._centre()
        rows = self.embed_val()
        if not np.isfinite(rows).all():
            raise TrainingStopped(
                "training stopped: what the net gives for split val is not finite",
                hint="lower lr; use precision f32",
            )
        seen = look(rows, self.material.val.people, self.fmr)
        is_best = place.best is None or seen.worth > place.best.worth
        place.since_best = 0 if is_best else place.since_best + 1
        if is_best:
            place.best = seen
            state = self.average.net.state_dict()
            self.best_state = {
                name: value.cpu().clone(memory_format=torch.contiguous_format)
                for name, value in state.items()
            }
        event = {"stage": place.stage, "step": place.step, "seconds": place.seconds}
        self.listener.look({**event, "images": place.images, "val": seen.facts()}, is_best)

    def _warn(self, texts: list[str], rows: list[int]) -> None:
        for text in texts:
            event = {"stage": self.place.stage, "step": self.place.step + 1, "warning": text}
            self.listener.warn({**event, "rows": rows} if rows else event)

    def go_back_to_best(self) -> None:
        """Put the weights of the best look into the net and its average."""
        if self.best_state:
            self.net.load_state_dict(self.best_state)
            self.average.net.load_state_dict(self.best_state)
            self.average.steps = 0


def freeze_batch_norm(net: nn.Module) -> None:
    """Keep the statistics of batch normalisation as they are; scale and shift still train."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
