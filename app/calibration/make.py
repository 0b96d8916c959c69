"""Turn a gallery's scores into error rates, from the evidence there is.

Three sources say how strangers score: the statistics that come with the model, the gallery's own
people compared with each other, and photographs of strangers that the user names. The strictest
of them that has enough comparisons for a rate sets its threshold. Where the user's own people
clearly score higher than the model's statistics allow, those do not fit them and are left out.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facegate.calibration.closeness import alike_by_model
from facegate.calibration.stored import Calibration, Evidence
from facegate.data.text import counted
from facegate.errors import NoThresholdError
from facegate.models.impostor_files import ImpostorStatistics
from facegate.models.impostors import Line, Scale, Table
from facegate.models.metrics.intervals import Figure, difference_interval
from facegate.models.values import Floats

if TYPE_CHECKING:
    from facegate.gallery import Gallery


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """Embeddings of people who are not enrolled: (n, D) unit rows, and who is in each."""

    rows: Floats
    people: NDArray[np.int64]


def calibrate(
    gallery: "Gallery",
    *,
    fmr: float,
    fpir: float,
    shipped: ImpostorStatistics | None,
    strangers: Strangers | None = None,
) -> Calibration:
    """Set the thresholds of a gallery for two target rates. Nothing is stored.

    Args:
        gallery: open.
        fmr: the wanted false match rate of a verification.
        fpir: the wanted false positive identification rate of a search.
        shipped: the statistics of the gallery's model.
        strangers: people who are not enrolled.

    Raises:
        NoThresholdError: the evidence supports no rate that small; the hint names the smallest.
    """
    found = _sources(gallery, shipped, strangers)
    judged = [(source, _fits(source, found, fmr)) for source in found]
    scale = strictest([source.scale for source, fits in judged if fits], fmr)
    n_identities, n_templates = gallery.count()
    try:
        scale.threshold(fmr)
        if n_templates:
            scale.search_threshold(fpir, templates=n_templates, identities=n_identities)
    except NoThresholdError as error:
        raise _refusal(error, judged, len(alike_by_model(gallery, shipped, fpir))) from error
    return Calibration(
        id=f"cal-{secrets.token_hex(4)}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=gallery.model_id,
        fmr=fmr,
        fpir=fpir,
        scale=scale,
        evidence=tuple(source.counts(fits) for source, fits in judged),
        n_identities=n_identities,
        n_templates=n_templates,
    )


def _sources(
    gallery: "Gallery", shipped: ImpostorStatistics | None, strangers: Strangers | None
) -> "list[Source]":
    """Return what there is that says how strangers score."""
    from facegate.models.metrics.impostors import impostor_tables

    _, owners, rows = gallery.all_templates()
    found: list[Source] = []
    if shipped is not None:
        found.append(Source("model", shipped.protocol, shipped.scale))
    own = impostor_tables(rows, owners) if len(set(owners.tolist())) > 1 else ()
    if own:
        found.append(Source("gallery", "the enrolled people with each other", Scale(own)))
    if strangers is not None and len(strangers.rows):
        tables = impostor_tables(
            np.concatenate([strangers.rows, rows]),
            np.concatenate([-1 - strangers.people, owners]),
            strangers=np.arange(len(strangers.rows) + len(rows)) < len(strangers.rows),
        )
        if tables:
            found.append(Source("strangers", "strangers with the enrolled", Scale(tables)))
    return found


def _refusal(
    error: NoThresholdError, judged: "Sequence[tuple[Source, bool]]", n_alike: int
) -> NoThresholdError:
    """Return the refusal of a rate with what a calibration can do about it."""
    smallest = error.hint.split(";")[0]
    why = (
        ""
        if all(fits for _, fits in judged)
        else (". The model's statistics were left out: your own people score higher")
    )
    if n_alike:
        why += (
            f". {counted(n_alike, 'pair')} of people look alike, or are one person under two "
            "names: see 'facegate gallery check'"
        )
    return NoThresholdError(
        error.message,
        hint=f"{smallest}; ask for that, enrol more people, or name a folder of strangers with "
        f"--strangers{why}",
    )


@dataclass(frozen=True, slots=True)
class Source:
    """One source of evidence with its tables; see ``Evidence``."""

    kind: str
    protocol: str
    scale: Scale

    def counts(self, fits: bool) -> Evidence:
        """Return what is remembered of the source."""
        table = self.scale.tables[0]
        return Evidence(self.kind, self.protocol, table.n_comparisons, table.n_people, fits)


def _fits(source: Source, found: Sequence[Source], fmr: float) -> bool:
    """Say whether a source agrees with what the user's own people show.

    The model's statistics do not where those match falsely more often at the model's threshold,
    and the difference is more than the doubt of both counts.
    """
    table = source.scale.tables[0]
    if source.kind != "model" or table.smallest_fmr > fmr:
        return True
    promised = table.threshold(fmr)
    own = (other.scale.tables[0] for other in found if other.kind != "model")
    seen = [line for line in (_line_from(table, promised.score) for table in own) if line]
    return not any(difference_interval(_figure(promised), _figure(line))[0] > 0 for line in seen)


def strictest(scales: Sequence[Scale], fmr: float) -> Scale:
    """Join several tables: at each rate the highest threshold of those that support it.

    Raises:
        NoThresholdError: there is none.
    """
    tables = [table for scale in scales for table in scale.tables]
    if not tables or min(table.best_of for table in tables) > 1:
        raise NoThresholdError(
            f"nothing tells how strangers score, so no false match rate of {fmr:g} can be kept",
            hint="enrol more people, or name a folder of strangers with --strangers",
        )
    numbers = sorted({table.best_of for table in tables})
    return Scale(tuple(_joined([t for t in tables if t.best_of == n]) for n in numbers))


def _joined(tables: list[Table]) -> Table:
    by_rate: dict[float, Line] = {}
    for table in tables:
        for line in table.lines:
            known = by_rate.get(line.fmr)
            if known is None or line.score > known.score:
                by_rate[line.fmr] = line
    lines: list[Line] = []
    for rate in sorted(by_rate, reverse=True):
        # A source with few comparisons may ask for more at a large rate than another at a small
        # one: thresholds must still rise as the rate falls.
        if not lines or by_rate[rate].score >= lines[-1].score:
            lines.append(by_rate[rate])
    return Table(
        tables[0].best_of,
        tuple(lines),
        sum(table.n_comparisons for table in tables),
        sum(table.n_people for table in tables),
    )


def _line_from(table: Table, score: float) -> Line | None:
    """Return the first line at or above a score, whose rate bounds that at the score from below."""
    return next((line for line in table.lines if line.score >= score), None)


def _figure(line: Line) -> Figure:
    return Figure(line.fmr, line.low, line.high)
