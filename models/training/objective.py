"""What a stage minimises: its loss, and as asked for a classifier and a teacher beside it.

    L = L_stage + classifier * L_cosface + distil * (1 - cos(e, t))

The teacher's term takes every row of the batch that has a target, labelled or not; the others
take the labelled rows.
"""

import importlib
import inspect
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from facegate.errors import InputError
from facegate.models.losses.borrowed import PACKAGE, PREFIX, BorrowedLoss
from facegate.models.losses.distances import unit_rows
from facegate.models.losses.gather import AcrossRanks, across_ranks
from facegate.models.losses.heads import ArcFaceHead, CosFaceHead
from facegate.models.losses.registry import LOSSES, Loss, make_loss
from facegate.models.losses.result import LossResult, LossStats, Percentiles
from facegate.models.training.config import Stage
from facegate.models.training.ranks import Ranks

HEADS = {"cosface": CosFaceHead, "arcface": ArcFaceHead}
LOSS_KEYS = ("margin", "metric", "select", "fallback", "reduce", "soft")
AUXILIARY = {"scale": 32.0, "margin": 0.2}
"""Of the classifier that stands beside a triplet loss: mild, it only holds the map in place."""


@dataclass(frozen=True, slots=True)
class Shares:
    """One step's loss, taken apart.

    Attributes:
        total: what was differentiated.
        main: the stage's own loss; 0 where it is ``none``.
        classifier, distil: the terms beside it, before the stage's weights; None where not asked
            for.
        stats: counts of the stage's own loss, or None.
        resultant: length of the mean embedding, 0 to 1.
        spread: participation ratio of the batch's covariance over the most it can be, 0 to 1.
        n_zero: embeddings that were zero before normalising.
    """

    total: float
    main: float
    classifier: float | None
    distil: float | None
    stats: LossStats | None
    resultant: float
    spread: float
    n_zero: int

    def over_all(self, ranks: Ranks) -> "Shares":
        """Return the step as all processes saw it, the same on each, so that all stop together.

        The losses are those of the whole batch; the shape of the cloud is the mean over the
        parts. The percentiles are those of the first process's anchors.
        """
        if ranks.size == 1:
            return self
        stats = self.stats
        spans = (None, None) if stats is None else (stats.d_ap, stats.d_an)
        if ranks.is_first:  # NaN: nothing seen
            seen = [value for span in spans for value in span or (math.nan,) * 3]
        else:
            seen = [0.0] * 6
        losses = [self.total, self.main, self.classifier or 0.0, self.distil or 0.0]
        means = [value / ranks.size for value in (*losses, self.resultant, self.spread)]
        found = ranks.totals([*means, self.n_zero, *seen])
        if stats is not None:
            stats = replace(stats, d_ap=_span(found[7:10]), d_an=_span(found[10:13]))
        return replace(
            self,
            total=found[0],
            main=found[1],
            classifier=None if self.classifier is None else found[2],
            distil=None if self.distil is None else found[3],
            stats=stats,
            resultant=found[4],
            spread=found[5],
            n_zero=int(found[6]),
        )

    def facts(self) -> dict[str, Any]:
        """Return what the log of a run says of the step; what is not known is missing."""
        own = {item.name: getattr(self, item.name) for item in fields(self)}
        facts: dict[str, Any] = {"loss": own.pop("total"), **own}
        stats: LossStats | None = facts.pop("stats")
        if stats is not None:
            counts = asdict(stats)
            counts.pop("loss")
            facts |= {**counts, "semi": stats.semi, "easy": stats.easy, "none": stats.none}
        return {key: value for key, value in facts.items() if value is not None}


BROKEN = Shares(math.nan, math.nan, None, None, None, resultant=0.0, spread=1.0, n_zero=0)
"""Of a step whose embeddings are not finite: no loss takes them."""


class Objective(nn.Module):
    """The loss of a stage; its parameters are those of classifiers and proxies.

    Args:
        stage: which terms, and their weights.
        dim: length of the embeddings.
        n_identities: of the training split; labels run below it.

    Raises:
        InputError: no such loss, or an option that it does not have.
    """

    def __init__(self, stage: Stage, *, dim: int, n_identities: int) -> None:
        super().__init__()
        self.stage, self._dim = stage, dim
        self.main: Loss | None = None
        self._is_classifier = stage.loss in HEADS
        if stage.loss in HEADS:
            kind = HEADS[stage.loss]
            self.main = kind(dim, n_identities, scale=stage.scale, margin=stage.margin)
        elif stage.loss != "none":
            self.main = across_ranks(_loss(stage, dim, n_identities))
        if stage.classifier:
            self.classifier = CosFaceHead(dim, n_identities, **AUXILIARY)

    def try_out(self) -> None:
        """Take two steps of a borrowed loss: some of the library cannot be used like this.

        Raises:
            InputError: it fails on embeddings and labels, or on the step after the first.
        """
        loss = self.main.loss if isinstance(self.main, AcrossRanks) else self.main
        if not isinstance(loss, BorrowedLoss):
            return
        for _ in range(2):
            rows = torch.eye(4, self._dim, requires_grad=True)
            value = loss(rows, torch.tensor([0, 0, 1, 1])).loss
            try:
                value.backward()
            except RuntimeError as error:
                raise InputError(
                    f"{self.stage.loss} cannot be trained with: it keeps the step before",
                    hint="choose another loss of the library",
                ) from error

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        targets: Tensor | None,
        *,
        weight: float = 1.0,
        labelled_weight: float = 1.0,
    ) -> tuple[Tensor, Shares]:
        """Return the loss to differentiate, and what it is made of.

        Args:
            embeddings: (B, dim), the net's raw output.
            labels: int64 (B,), -1 where an image has no identity.
            targets: float32 (B, dim) unit rows, or None.
            weight, labelled_weight: of this process's rows, and of those with an identity, over
                their mean number on all processes: a mean of means is not the mean.
        """
        rows, n_zero = unit_rows(embeddings)
        total = rows.sum() * 0
        main: LossResult | None = None
        own = labelled_weight if self._is_classifier else 1.0
        if self.main is not None:
            main = self.main(rows, labels)
            total = total + main.loss * own
        classifier = distil = None
        if self.stage.classifier:
            term = labelled_weight * self.classifier(rows, labels).loss
            total = total + self.stage.classifier * term
            classifier = float(term.detach())
        if self.stage.distil and targets is not None:
            # Of no rows at all the mean would be NaN: a process may have none.
            term = weight * (1 - (rows * targets).sum(dim=1)).sum() / max(1, len(rows))
            total = total + self.stage.distil * term
            distil = float(term.detach())
        resultant, spread = _shape(rows.detach())
        shares = Shares(
            total=float(total.detach()),
            main=0.0 if main is None else main.stats.loss * own,
            classifier=classifier,
            distil=distil,
            stats=None if main is None else main.stats,
            resultant=resultant,
            spread=spread,
            n_zero=n_zero,
        )
        return total, shares


def _loss(stage: Stage, dim: int, n_identities: int) -> Loss:
    if stage.loss.startswith(PREFIX):
        given = {**_sizes(stage.loss, dim, n_identities), **stage.options}
        return make_loss(stage.loss, **given)
    twice = set(stage.options) & set(LOSS_KEYS)
    if twice:
        raise InputError(
            f"{min(twice)} is a key of the stage, not one of its options",
            hint="write it beside loss",
        )
    kind = LOSSES.get(stage.loss)
    if kind is None and stage.loss not in LOSSES:
        from facegate.models.losses.engine.options import check_choice

        check_choice("loss", stage.loss, (*LOSSES, *HEADS, "none"))
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    given = {key: getattr(stage, key) for key in LOSS_KEYS if key in known}
    return make_loss(stage.loss, **given, **stage.options)


def _sizes(name: str, dim: int, n_identities: int) -> dict[str, int]:
    """Return the sizes that a proxy loss of the library asks for; the data knows them."""
    try:
        losses = importlib.import_module(f"{PACKAGE}.losses")
    except ModuleNotFoundError:
        return {}  # making the loss says what is missing
    kind = getattr(losses, name.removeprefix(PREFIX), None)
    if not inspect.isclass(kind):
        return {}
    sizes = {"num_classes": n_identities, "embedding_size": dim, "descriptors_dim": dim}
    known = _arguments(kind)
    return {key: value for key, value in sizes.items() if key in known}


def _arguments(kind: type) -> set[str]:
    """Return the names that a class takes, those it passes on to its parents included."""
    known: set[str] = set()
    for parent in kind.__mro__:
        if "__init__" not in vars(parent):
            continue
        parameters = inspect.signature(parent).parameters
        known |= set(parameters)
        if all(one.kind is not one.VAR_KEYWORD for one in parameters.values()):
            break
    return known


def _span(values: list[float]) -> Percentiles | None:
    low, middle, high = values
    return None if math.isnan(low) else (low, middle, high)


def _shape(rows: Tensor) -> tuple[float, float]:
    """Return the length of the mean row, and how evenly the rows fill their dimensions.

    The participation ratio ``(sum l)^2 / sum l^2`` over the eigenvalues l of the covariance is
    tr(C)^2 / |C|^2, so no eigenvalue is computed; it is at most min(B - 1, D).
    """
    if len(rows) < 2:
        return 0.0, 1.0
    mean = rows.mean(dim=0)
    centred = rows - mean
    small = centred @ centred.T if len(rows) <= rows.shape[1] else centred.T @ centred
    most = min(len(rows) - 1, rows.shape[1])
    energy = small.square().sum()
    ratio = small.diagonal().sum().square() / energy if energy > 0 else torch.zeros(())
    return float(mean.norm()), float(ratio) / most
