"""Photographs and pairs that deserve a look: who is taken for whom, and likely wrong labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facegate.data.protocols.openset import OpenSetProtocol
from facegate.data.protocols.pairs import PairProtocol
from facegate.data.protocols.people import PeopleProtocol
from facegate.evaluation.pairs import pair_scores
from facegate.evaluation.road import Embedded
from facegate.models.metrics.pairs import impostor_blocks
from facegate.models.values import Floats

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Suspect:
    """Two photographs that score oddly.

    Attributes:
        first, second: the photographs.
        score: with each other.
        words: what is odd about them.
    """

    first: Path
    second: Path
    score: float
    words: str


def riskiest_pairs(
    protocol: PairProtocol | PeopleProtocol | OpenSetProtocol, embedded: tuple[Embedded, ...]
) -> list[Suspect]:
    """Return the pairs of different people who score highest, each pair of people once."""
    if isinstance(protocol, PairProtocol):
        scores = pair_scores(protocol, embedded[0])
        order = np.argsort(np.where(protocol.same, -np.inf, scores))[::-1]
        kept = [k for k in order[:SHOWN] if scores[k] > -np.inf and not protocol.same[k]]
        return [_of_pair(protocol, int(k), float(scores[k]), "two people") for k in kept]
    photos, rows, people = _everybody(protocol, embedded)
    return [
        Suspect(photos[i], photos[j], score, "two people") for i, j, score in _closest(rows, people)
    ]


def likely_mislabels(
    protocol: PairProtocol | PeopleProtocol | OpenSetProtocol, embedded: tuple[Embedded, ...]
) -> list[Suspect]:
    """Return photographs that resemble another person more than their own, the clearest first.

    Of a list of pairs: the pairs of one person who score lowest.
    """
    if isinstance(protocol, PairProtocol):
        scores = pair_scores(protocol, embedded[0])
        order = np.argsort(np.where(protocol.same & (scores > -np.inf), scores, np.inf))
        kept = [k for k in order[:SHOWN] if protocol.same[k] and scores[k] > -np.inf]
        return [_of_pair(protocol, int(k), float(scores[k]), "one person") for k in kept]
    photos, rows, people = _everybody(protocol, embedded)
    return [
        Suspect(
            photos[row], photos[other], score, f"scores {gap:.2f} more than with their own person"
        )
        for row, other, gap, score in _strays(rows, people)
    ]


def _everybody(
    protocol: PeopleProtocol | OpenSetProtocol, embedded: tuple[Embedded, ...]
) -> tuple[list[Path], Floats, np.ndarray]:
    """Return the photographs with a face, their embeddings, and who is in each."""
    if isinstance(protocol, PeopleProtocol):
        photos, people = protocol.photos, protocol.person
    else:
        photos = (*protocol.enrolled, *protocol.probes)
        probes = np.where(protocol.mate >= 0, protocol.mate, len(protocol.names) + protocol.person)
        people = np.concatenate([protocol.identity, probes])
    rows = np.concatenate([part.rows for part in embedded])
    usable = np.flatnonzero(np.concatenate([part.found for part in embedded]))
    return [photos[k] for k in usable], rows[usable], people[usable]


def _of_pair(protocol: PairProtocol, k: int, score: float, words: str) -> Suspect:
    return Suspect(protocol.photos[protocol.a[k]], protocol.photos[protocol.b[k]], score, words)


def _closest(rows: Floats, people: np.ndarray) -> list[tuple[int, int, float]]:
    best: dict[tuple[int, int], tuple[int, int, float]] = {}
    floor = -1.0
    for i, j, scores in impostor_blocks(rows, people):
        for k in np.flatnonzero(scores > floor)[np.argsort(scores[scores > floor])[::-1]][:2000]:
            one, other = sorted((int(people[i[k]]), int(people[j[k]])))
            if (one, other) not in best or best[one, other][2] < scores[k]:
                best[one, other] = (int(i[k]), int(j[k]), float(scores[k]))
        if len(best) >= SHOWN:
            floor = sorted((entry[2] for entry in best.values()), reverse=True)[SHOWN - 1]
    return sorted(best.values(), key=lambda entry: -entry[2])[:SHOWN]


def _strays(rows: Floats, people: np.ndarray) -> list[tuple[int, int, float, float]]:
    found: list[tuple[int, int, float, float]] = []
    for start in range(0, len(rows), 1024):
        scores = rows[start : start + 1024] @ rows.T
        block = people[start : start + 1024]
        same = block[:, None] == people[None, :]
        own = same.copy()
        own[np.arange(len(block)), start + np.arange(len(block))] = False
        mates = own.sum(axis=1)
        mean = np.where(own, scores, 0).sum(axis=1) / np.maximum(mates, 1)
        others = np.where(same, -np.inf, scores)
        nearest = others.argmax(axis=1)
        gap = others.max(axis=1) - mean
        for k in np.argsort(np.where(mates >= 1, gap, -np.inf))[::-1][:SHOWN]:
            if mates[k] and gap[k] > 0:
                row = (start + int(k), int(nearest[k]), float(gap[k]), float(others[k].max()))
                found.append(row)
    return sorted(found, key=lambda entry: -entry[2])[:SHOWN]
