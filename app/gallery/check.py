"""Look for damage: in the file's structure, in every vector, and between the tables."""

import sqlite3
from pathlib import Path

from facegate.errors import DamagedGalleryError, InvalidNameError
from facegate.gallery import people, vectors
from facegate.gallery.names import clean_name, name_key
from facegate.gallery.store import TIMEOUT_S, Store, setting
from facegate.gallery.values import Finding
from facegate.gallery.writes.erasing import UNSWEPT

_SHOWN = 20
"""Findings of one kind that are listed one by one."""

_COUNTS = {
    "orphan_sample": (
        "samples belong to nobody",
        "SELECT sample.id FROM sample LEFT JOIN identity ON identity.id = sample.identity_id "
        "WHERE identity.id IS NULL "
        "OR (sample.retired_op IS NULL AND identity.retired_op IS NOT NULL)",
    ),
    "no_template": (
        "samples have no template",
        "SELECT sample.id FROM sample WHERE sample.retired_op IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM template WHERE template.sample_id = sample.id "
        "AND template.retired_op IS NULL)",
    ),
    "no_sample": (
        "identities have no sample",
        "SELECT id FROM identity WHERE retired_op IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM sample WHERE identity_id = identity.id AND retired_op IS NULL)",
    ),
    "lost_sample": (
        "operations have not as many samples as they added",
        "SELECT op.seq FROM op LEFT JOIN "
        "(SELECT added_op, count(*) AS n FROM sample GROUP BY added_op) AS held "
        "ON held.added_op = op.seq WHERE op.n_samples <> coalesce(held.n, 0)",
    ),
}


def check_file(path: Path, *, timeout: float = TIMEOUT_S) -> list[Finding]:
    """Check a gallery file, also one too damaged to be opened.

    Raises:
        NotAGalleryError, NewerGalleryError: it is something else.
    """
    try:
        store = Store(path, read_only=True, timeout=timeout)
    except DamagedGalleryError as error:
        return [Finding("structure", error.message)]
    try:
        with store.reading() as db:
            return findings(db)
    except DamagedGalleryError as error:
        return [Finding("structure", error.message)]
    finally:
        store.close()


def findings(db: sqlite3.Connection) -> list[Finding]:
    """Return what is wrong with a gallery; an empty list where nothing is.

    Reads the whole file.
    """
    broken = structure(db)
    if broken:
        # The other checks would only trip over the same broken pages.
        return broken
    return [*_settings(db), *_orphans(db), *_rows(db), *_names(db), *_templates(db)]


def structure(db: sqlite3.Connection) -> list[Finding]:
    """Return what is wrong with the pages of the file."""
    try:
        lines = [line for (line,) in db.execute(f"PRAGMA quick_check({_SHOWN})") if line != "ok"]
    except sqlite3.DatabaseError as error:
        return [Finding("structure", f"the file cannot be read through: {error}")]
    return [Finding("structure", line) for line in lines]


def _orphans(db: sqlite3.Connection) -> list[Finding]:
    orphans = db.execute("PRAGMA foreign_key_check").fetchall()
    if not orphans:
        return []
    table, row, parent, _ = orphans[0]
    what = f"{len(orphans)} rows refer to rows that are missing, first {table} {row} to {parent}"
    return [Finding("orphan_row", what)]


def _settings(db: sqlite3.Connection) -> list[Finding]:
    found = []
    for key in ("uid", "model"):
        if setting(db, key) is None:
            found.append(Finding("setting", f"the gallery does not say its {key}"))
    if people.count(db)[1] and people.dim(db) is None:
        found.append(Finding("setting", "the model of the templates is not described"))
    if setting(db, UNSWEPT):
        found.append(
            Finding(
                "unswept",
                "deleted rows may have left traces, the file could not be rewritten yet: "
                "the next change will do it",
            )
        )
    return found


def _rows(db: sqlite3.Connection) -> list[Finding]:
    found = []
    for code, (what, query) in _COUNTS.items():
        numbers = [str(number) for (number,) in db.execute(query)]
        if numbers:
            listed = ", ".join(numbers[:_SHOWN]) + (" …" if len(numbers) > _SHOWN else "")
            found.append(Finding(code, f"{len(numbers)} {what}: {listed}"))
    return found


def _names(db: sqlite3.Connection) -> list[Finding]:
    found = []
    for number, name, key in db.execute(
        "SELECT id, name, name_key FROM identity WHERE retired_op IS NULL"
    ):
        try:
            is_good = clean_name(name) == name and name_key(name) == key
        except InvalidNameError:
            is_good = False
        if not is_good:
            found.append(Finding("name", f"the name of identity {number} is not as it was written"))
    return found[:_SHOWN]


def _templates(db: sqlite3.Connection) -> list[Finding]:
    model_id, dim = setting(db, "model") or "", people.dim(db) or 0
    found = []
    rows = db.execute(
        "SELECT template.id, identity.name, template.model_id, template.sample_id, template.vec, "
        "template.crc FROM sample JOIN template ON template.sample_id = sample.id "
        "JOIN identity ON identity.id = sample.identity_id "
        "WHERE sample.retired_op IS NULL AND template.retired_op IS NULL"
    )
    while batch := rows.fetchmany(1000):
        _, whole = vectors.decode([row[3:] for row in batch], model_id, dim)
        for row, is_whole in zip(batch, whole, strict=True):
            number, name, model = row[:3]
            if not is_whole or model != model_id:
                why = "is damaged" if model == model_id else f"is of model {model}"
                found.append(
                    Finding(
                        "template",
                        f"template {number} (sample {row[3]}) of {name!r} {why} and not used: "
                        "remove the sample, or restore a backup",
                    )
                )
    return found
