"""Any loss of pytorch-metric-learning, by the name of its class: ``pml:SupConLoss``."""

import difflib
import importlib
import inspect
from typing import Any

from torch import Tensor, nn

from facegate.errors import InputError, MachineError
from facegate.models.losses.distances import full_precision, in_full
from facegate.models.losses.engine.block import IGNORED, check_batch
from facegate.models.losses.result import LossResult, LossStats
from facegate.models.losses.triplet import SemiHardTripletLoss

PACKAGE = "pytorch_metric_learning"
PREFIX = "pml:"


class BorrowedLoss(nn.Module):
    """A loss of pytorch-metric-learning with the manners of ours.

    Full precision, refusal of embeddings that are not finite, ``-1`` to ignore a row, and
    counters, which are those of the semi-hard miner at a margin of 0.2; ``n_active`` repeats
    ``n_pairs``, since the library does not tell.

    Args:
        name: the class in ``pytorch_metric_learning.losses``.
        options: its arguments. A proxy loss wants ``num_classes`` and ``embedding_size``, and
            its ``parameters()`` in the optimiser.

    Raises:
        MachineError: the package is not installed.
        InputError: the package has no such loss, or the loss no such argument.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        self.name, self.module = name, _make(name, options)
        self._describe = SemiHardTripletLoss()

    def forward(self, embeddings: Tensor, labels: Tensor) -> LossResult:
        """Return the loss of embeddings (B, D) with integer labels (B,).

        Raises:
            InputError: the library's loss does not take such a batch; some want more than
                embeddings and labels.
        """
        labels = check_batch(embeddings, labels)
        taking_part = labels != IGNORED
        with full_precision(embeddings.device):
            rows, labels = in_full(embeddings)[taking_part], labels[taking_part]
            loss = self._of(rows, labels) if len(rows) else rows.sum()
        # Without a pair some of its losses return a constant, which has no gradient at all.
        loss = loss + 0 * rows.sum()
        seen = self._describe(rows.detach(), labels).stats
        n_pairs = seen.n_pairs
        counts = (n_pairs, seen.n_semi, seen.n_easy, seen.n_none, n_pairs)
        return LossResult(loss, LossStats(float(loss.detach()), *counts, seen.d_ap, seen.d_an))

    def _of(self, rows: Tensor, labels: Tensor) -> Tensor:
        try:
            loss: Tensor = self.module(rows, labels)
        except Exception as error:  # the library's own, of any kind
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{PREFIX}{self.name} fails on a batch: {reason}",
                hint="its documentation says what it takes; here that is embeddings and labels",
            ) from error
        return loss


def _make(name: str, options: dict[str, Any]) -> nn.Module:
    try:
        importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            raise
        raise MachineError(
            f"the loss {PREFIX}{name} needs the package pytorch-metric-learning",
            hint="install it with: uv pip install pytorch-metric-learning",
            code="package_missing",
        ) from error
    losses = importlib.import_module(f"{PACKAGE}.losses")
    known = [key for key, value in vars(losses).items() if inspect.isclass(value)]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {PREFIX}{near[0]}?" if near else "see the losses it documents"
        raise InputError(f"pytorch-metric-learning has no loss {name!r}", hint=hint)
    try:
        made = getattr(losses, name)(**options)
    except Exception as error:  # the library's own, of any kind
        raise InputError(
            f"{PREFIX}{name} does not take these options: {error}",
            hint="its arguments are in pytorch-metric-learning's documentation",
        ) from error
    if not isinstance(made, nn.Module):
        raise InputError(f"{PREFIX}{name} is no loss", hint="name a class of its losses")
    return made
