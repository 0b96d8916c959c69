"""Keep what was measured of a model: thresholds on its card, impostor statistics beside it."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import facegate
from facegate.data.protocols.people import PeopleProtocol
from facegate.errors import InputError
from facegate.evaluation.pairs import VerificationResult
from facegate.evaluation.road import Embedded
from facegate.models.card import Card, Rate
from facegate.models.impostor_files import ImpostorStatistics, keep_statistics
from facegate.models.impostors import Scale
from facegate.models.metrics.errors import fnmr_at
from facegate.models.metrics.impostors import ROWS_A_PERSON, impostor_tables
from facegate.models.metrics.pairs import genuine_pairs
from facegate.models.metrics.rates import rate_grid
from facegate.models.zoo import keep_card

SPLIT = "cal"
"""Thresholds come from people who decide nothing else: this split, or a folder without splits."""


def keep_measured(
    card: Card, protocol: PeopleProtocol, embedded: Embedded, result: VerificationResult
) -> tuple[Path, Path]:
    """Measure thresholds and impostor statistics, and keep both in ``$FACEGATE_HOME``.

    Args:
        card: of the model.
        protocol: people of split ``cal``, or of a folder without splits.
        embedded: their embeddings.
        result: the evaluation of the same people.

    Returns:
        The card's file and that of the statistics.

    Raises:
        InputError: the people are of another split, or are LFW's; or too few for any rate.
    """
    check_people(protocol)
    found = embedded.found
    rows, people = embedded.rows[found], protocol.person[found]
    tables = impostor_tables(rows, people)
    if not tables:
        raise InputError("too few people for any threshold", hint="add people")
    words = _words(protocol, int(found.sum()))
    one = tables[0]
    pairs = genuine_pairs(people)
    same = pairs.scores(rows)
    rates = tuple(
        Rate(
            fmr=line.fmr,
            score=line.score,
            fnmr=fnmr_at(same, line.score, pairs.weights),
            impostors=one.n_comparisons,
            genuine=pairs.n,
            protocol=words,
        )
        for line in one.lines
        if line.fmr in rate_grid(one.n_comparisons)
    )
    figures = result.figures
    measured = {
        **card.measured,
        "people": {
            "protocol": f"everybody against everybody, {words}",
            "eer": round(figures.eer.value, 5),
            **{f"tar_at_{tar.far:g}": round(tar.tar.value, 5) for tar in figures.tars},
        },
    }
    date = datetime.now(UTC).date().isoformat()
    statistics = ImpostorStatistics(result.model, words, date, Scale(tables))
    return (
        keep_card(replace(card, thresholds=rates, measured=measured)),
        keep_statistics(statistics),
    )


def check_people(protocol: object) -> None:
    """Raise InputError where thresholds must not come from the people of a protocol."""
    if not isinstance(protocol, PeopleProtocol):
        raise InputError(
            "thresholds come from people who choose nothing else", hint="name --people"
        )
    others = [split for split in protocol.splits if split != SPLIT]
    if others:
        raise InputError(
            f"split {' and '.join(others)} has chosen weights or settings, so its rates are too "
            "good",
            hint=f"name --split {SPLIT}",
        )
    folder = protocol.photos[0].parent.parent
    if (folder / "pairs.txt").is_file():
        raise InputError(
            f"{folder} is LFW, which judges and so sets no threshold",
            hint="name people who are in no test",
        )


def _words(protocol: PeopleProtocol, n_photos: int) -> str:
    split = f", split {protocol.split}" if protocol.split else ""
    commit = _commit()
    version = f"facegate {facegate.__version__}" + (f" ({commit})" if commit else "")
    return (
        f"people{split}: {len(protocol.names):,} people, {n_photos:,} photographs, at most "
        f"{ROWS_A_PERSON} of each as impostors; {version}"
    )


def _commit() -> str:
    """Return the commit of the checkout that runs, or nothing where it is installed."""
    root = Path(facegate.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
