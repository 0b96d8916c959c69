"""Measure how strangers score with a model: the tables behind ``facegate.models.impostors``.

The best of 2, 3, 5 or 10 templates of one person decides as often as one, so its scores are
measured too. At most ten rows of each person are used, equally spaced ones: a few people with
hundreds of photographs would otherwise be most of all pairs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.models.impostors import BEST_OF, Line, Table
from facegate.models.metrics.bootstrap import Weights, people_draws
from facegate.models.metrics.dyads import set_rate_figure
from facegate.models.metrics.errors import is_resolvable, thresholds_at_fmr
from facegate.models.metrics.pairs import Indices, person_indices
from facegate.models.values import Floats

LINES_A_DECADE = 20
"""So many false match rates from 0.1 to 0.01: each is 12 % above the next."""

LARGEST_RATE = 0.5

ROWS_A_PERSON = 10
MOST_PEOPLE = 2000


def rates_of(n_comparisons: int) -> list[float]:
    """Return the rates of a table's lines: from 0.5 down to the smallest that n resolve.

    >>> [rate for rate in rates_of(100) if rate >= 0.2]
    [0.5, 0.447, 0.398, 0.355, 0.316, 0.282, 0.251, 0.224, 0.2]
    """
    steps = {float(f"{10 ** (-k / LINES_A_DECADE):.3g}") for k in range(6, 15 * LINES_A_DECADE)}
    # The rates that people ask for stand in the table as they are.
    steps |= {float(f"{digit}e-{power}") for power in range(1, 16) for digit in (5, 2, 1)}
    usable = (r for r in steps if r <= LARGEST_RATE and is_resolvable(r, n_comparisons))
    return sorted(usable, reverse=True)


def impostor_tables(
    rows: Floats,
    people: Sequence[Any] | NDArray[Any],
    *,
    strangers: NDArray[np.bool_] | None = None,
    best_of: Sequence[int] = BEST_OF,
    draws: Weights | None = None,
) -> tuple[Table, ...]:
    """Measure how people score against the templates of others.

    Args:
        rows: (n, d) unit rows.
        people: (n,) who is in each. At most ten rows of a person and 2,000 people are used,
            equally spaced ones, so that a few people with hundreds of rows do not decide.
        strangers: bool (n,), which rows are probes only, the others being templates only; each
            row is both where None.
        best_of: the numbers of templates to measure; those that nobody has are left out.
        draws: of the people used, in their order; the thousand of ``people_draws`` where None.

    Returns:
        The tables that the counts support, by rising number of templates.
    """
    probes, templates = _used(people, strangers)
    weights = people_draws(len(probes)) if draws is None else draws
    found = []
    for number in best_of:
        scores, a, b = _best_scores(rows, probes, templates, number)
        if rates_of(scores.size):
            found.append(_table(number, scores, a, b, len(probes), weights))
    return tuple(found)


def _used(
    people: Sequence[Any] | NDArray[Any], strangers: NDArray[np.bool_] | None
) -> tuple[list[Indices], list[Indices]]:
    """Return the rows of each person as a probe and as somebody with templates."""
    index = person_indices(people)
    groups = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    used = [_spaced(groups[k], ROWS_A_PERSON) for k in _spaced(np.arange(len(groups)), MOST_PEOPLE)]
    if strangers is None:
        return used, used
    return [g[strangers[g]] for g in used], [g[~strangers[g]] for g in used]


def _best_scores(
    rows: Floats, probes: list[Indices], templates: list[Indices], number: int
) -> tuple[Floats, NDArray[np.int32], NDArray[np.int32]]:
    """Return the best scores of probes with people of that many templates, and the two people.

    A person with more templates is compared by equally spaced ones; for one template by each.
    """
    asked = np.repeat(np.arange(len(probes)), [len(part) for part in probes])
    probe_rows = np.concatenate(probes)
    if number == 1:
        owners = np.repeat(np.arange(len(templates)), [len(part) for part in templates])
        chosen = np.concatenate(templates)[:, None]
    else:
        able = [person for person, part in enumerate(templates) if len(part) >= number]
        owners = np.array(able, np.int64)
        spaced = [_spaced(templates[person], number) for person in able]
        chosen = np.stack(spaced) if spaced else np.zeros((0, number), np.int64)
    parts = [(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.int32))]
    for start in range(0, len(probe_rows), 512):
        block = slice(start, start + 512)
        each = rows[probe_rows[block]] @ rows[chosen.reshape(-1)].T
        scores = each.reshape(len(each), -1, number).max(axis=2)
        counts = asked[block, None] != owners[None, :]
        if number == 1 and probes is templates:
            counts &= asked[block, None] < owners[None, :]  # each pair once
        i, j = np.nonzero(counts)
        parts.append(
            (scores[counts], asked[start + i].astype(np.int32), owners[j].astype(np.int32))
        )
    scores, a, b = (np.concatenate(part) for part in zip(*parts, strict=True))
    return scores, a, b


def _spaced(things: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most so many of them, equally spaced."""
    if len(things) <= most:
        return things
    return things[np.arange(most) * len(things) // most]


def _table(
    number: int,
    scores: Floats,
    a: NDArray[np.int32],
    b: NDArray[np.int32],
    n_people: int,
    draws: Weights,
) -> Table:
    rates = rates_of(scores.size)
    thresholds = thresholds_at_fmr(scores, rates)
    key = (a.astype(np.int64) * n_people + b).astype(np.int64)
    compared = np.bincount(key, minlength=n_people**2).reshape(n_people, n_people)
    order = np.argsort(scores)[::-1]
    falling, key = scores[order], key[order]
    ends = np.searchsorted(-falling, -np.array(thresholds, np.float32), side="right")
    accepted = np.zeros(n_people**2, np.int64)
    lines, done = [], 0
    for fmr, score, end in reversed(list(zip(rates, thresholds, ends.tolist(), strict=True))):
        accepted += np.bincount(key[done:end], minlength=n_people**2)
        done = end
        figure = set_rate_figure(
            accepted.reshape(n_people, n_people).astype(np.float32),
            compared.astype(np.float32),
            draws,
        )
        assert figure.low is not None  # share_interval always gives both
        assert figure.high is not None
        lines.append(Line(fmr, score, figure.low, figure.high))
    people = int(np.unique(np.concatenate([a, b])).size)
    return Table(number, tuple(reversed(lines)), int(scores.size), people)
