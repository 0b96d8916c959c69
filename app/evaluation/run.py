"""Evaluate a model on a protocol, from photographs to figures."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np

from facegate.data.protocols.openset import OpenSetProtocol
from facegate.data.protocols.pairs import PairProtocol
from facegate.data.protocols.people import PeopleProtocol
from facegate.evaluation.cards import check_people, keep_measured
from facegate.evaluation.controls import untrained_pipeline
from facegate.evaluation.identification import IdentificationResult, evaluate_open_set
from facegate.evaluation.pairs import VerificationResult, evaluate_pairs, evaluate_people
from facegate.evaluation.road import Embedded, Progress, embed_photos
from facegate.models.metrics.difference import Difference
from facegate.models.metrics.folds import accuracy_difference
from facegate.models.metrics.openset import compare_open_set
from facegate.models.metrics.verification import compare
from facegate.models.pipeline import Pipeline

Protocol = PairProtocol | PeopleProtocol | OpenSetProtocol
Result = VerificationResult | IdentificationResult
Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""Opens a progress bar: its label and how many steps there are."""

UNTRAINED = "untrained"
"""The name of the net that learned nothing."""

LEADING = ("accuracy", "dir@0.01", "dir@0.1", "tar@0.001", "tar@0.01", "tar@0.1", "rank1", "eer")
"""Of the figures that two models have, the first of these speaks the verdict."""


class Evaluation:
    """One protocol, on which models are measured; each embeds the photographs once.

    Args:
        protocol: what is compared with what.
        aligned: the photographs are crops that come ready.
        device: ``auto``, ``cpu`` or ``cuda``.
        bar: shows how far it is.
    """

    def __init__(
        self,
        protocol: Protocol,
        *,
        aligned: bool = False,
        device: str = "auto",
        bar: Bar | None = None,
    ) -> None:
        self.protocol, self.aligned = protocol, aligned
        self._device, self._bar = device, bar
        self._pipelines: dict[str, Pipeline] = {}
        self._embedded: dict[str, tuple[Embedded, ...]] = {}

    def pipeline(self, model: str) -> Pipeline:
        """Return the road with a model."""
        if model not in self._pipelines:
            self._pipelines[model] = (
                untrained_pipeline(device=self._device)
                if model == UNTRAINED
                else Pipeline(model, device=self._device)
            )
        return self._pipelines[model]

    def embedded(self, model: str) -> tuple[Embedded, ...]:
        """Return a model's embeddings of the photographs: of enrolled and probes, or of all."""
        if model not in self._embedded:
            if isinstance(self.protocol, OpenSetProtocol):
                sets = [("enrolled", self.protocol.enrolled), ("probes", self.protocol.probes)]
            else:
                sets = [("photographs", self.protocol.photos)]
            self._embedded[model] = tuple(
                self._embed(self.pipeline(model), label, photos) for label, photos in sets
            )
        return self._embedded[model]

    def measure(self, model: str) -> Result:
        """Measure a model.

        Raises:
            InputError: the protocol has too little to measure.
        """
        return measure(self.protocol, self.embedded(model), self.pipeline(model).model_id)

    def compare(self, first: str, second: str) -> tuple[Difference, ...]:
        """Compare two models on what both could embed, the leading figure first."""
        one, other = self.embedded(first), self.embedded(second)
        if isinstance(self.protocol, PeopleProtocol):
            # For pairs and probes a failure is a score of -inf; here it would shift the pairs.
            one, other = _common(one[0], other[0])
        return compare_results(
            measure(self.protocol, one, first), measure(self.protocol, other, second)
        )

    def controls(self, model: str) -> dict[str, Result]:
        """Measure an untrained net, which knows little, and shuffled labels, which are chance."""
        shuffled = with_shuffled_labels(self.protocol)
        name = self.pipeline(model).model_id
        return {
            "untrained net": self.measure(UNTRAINED),
            "shuffled labels": measure(shuffled, self.embedded(model), name),
        }

    def keep_measured(self, model: str) -> tuple[Path, Path]:
        """Keep a model's thresholds on its card, and its impostor statistics beside it.

        Returns:
            The two files, in ``$FACEGATE_HOME``.

        Raises:
            InputError: the protocol is not one of people who decide nothing else.
        """
        check_people(self.protocol)
        result = self.measure(model)
        assert isinstance(self.protocol, PeopleProtocol)  # check_people lets nothing else pass
        assert isinstance(result, VerificationResult)
        card = self.pipeline(model).embedder.card
        return keep_measured(card, self.protocol, self.embedded(model)[0], result)

    def _embed(self, pipeline: Pipeline, label: str, photos: Sequence[Path]) -> Embedded:
        if self._bar is None:
            return embed_photos(pipeline, photos, aligned=self.aligned)
        with self._bar(label, len(photos)) as progress:
            return embed_photos(pipeline, photos, aligned=self.aligned, progress=progress)


def measure(protocol: Protocol, embedded: tuple[Embedded, ...], model: str) -> Result:
    """Measure a protocol on embeddings that are there."""
    if isinstance(protocol, OpenSetProtocol):
        enrolled, probes = embedded
        return evaluate_open_set(protocol, enrolled, probes, model)
    if isinstance(protocol, PeopleProtocol):
        return evaluate_people(protocol, embedded[0], model)
    return evaluate_pairs(protocol, embedded[0], model)


def compare_results(first: Result, second: Result) -> tuple[Difference, ...]:
    """Compare two models on one protocol, the leading figure first.

    Raises:
        ValueError: they are of different protocols.
    """
    if isinstance(first, IdentificationResult) and isinstance(second, IdentificationResult):
        found = list(compare_open_set(first.searches, second.searches))
    elif isinstance(first, VerificationResult) and isinstance(second, VerificationResult):
        found = list(compare(first.comparisons, second.comparisons))
        if first.accuracy is not None and second.accuracy is not None:
            found.append(accuracy_difference(first.accuracy, second.accuracy))
    else:
        raise ValueError("the two results are of different protocols")
    order = {name: place for place, name in enumerate(LEADING)}
    return tuple(sorted(found, key=lambda d: order.get(d.name, len(order))))


def _common(first: Embedded, second: Embedded) -> tuple[tuple[Embedded], tuple[Embedded]]:
    both = first.found & second.found
    return (replace(first, found=both),), (replace(second, found=both),)


def with_shuffled_labels(protocol: Protocol, *, seed: int = 0) -> Protocol:
    """Return the protocol with labels dealt out at random: a measurement of it must be chance.

    Pairs keep how many of each kind a fold has, people keep how many photographs each has, and
    enrolled identities swap their names.
    """
    random = np.random.default_rng(seed)
    if isinstance(protocol, PeopleProtocol):
        return replace(protocol, person=random.permutation(protocol.person), group=None)
    if isinstance(protocol, OpenSetProtocol):
        n = len(protocol.names)
        names = np.append(np.roll(np.arange(n), 1), -1)
        return replace(protocol, mate=names[protocol.mate])
    same = protocol.same.copy()
    folds = np.zeros(same.size, np.int64) if protocol.fold is None else protocol.fold
    for fold in np.unique(folds):
        member = np.flatnonzero(folds == fold)
        same[member] = random.permutation(same[member])
    return replace(protocol, same=same, group=None)
