"""The tables of a gallery file, and how a file of an older schema becomes one of this.

Times are integer UTC microseconds. Rows carry the operation that added them and the one that
retired them; what is not retired is what the gallery shows. Every id that an index or the history
refers to is AUTOINCREMENT: never given twice, so that nothing stale can name the wrong person.
"""

import sqlite3

APPLICATION_ID = 0x46474154
"""Marks a SQLite file as a gallery: "FGAT"."""

PAGE_SIZE = 16384
"""A template of 2 KiB fits only once into SQLite's usual page of 4 KiB."""

MAX_DIM = 4096

SCHEMA_1 = """
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE model (
  model_id TEXT PRIMARY KEY,
  dim INTEGER CHECK (dim BETWEEN 1 AND 4096),
  added INTEGER NOT NULL
) STRICT;

CREATE TABLE op (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  uid TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  at INTEGER NOT NULL,
  identity_id INTEGER,
  other_id INTEGER,
  detail TEXT NOT NULL,
  n_samples INTEGER NOT NULL DEFAULT 0,
  undone_by INTEGER REFERENCES op(seq)
) STRICT;
CREATE INDEX op_identity ON op(identity_id);
CREATE INDEX op_other ON op(other_id) WHERE other_id IS NOT NULL;

CREATE TABLE identity (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  created INTEGER NOT NULL,
  added_op INTEGER NOT NULL REFERENCES op(seq),
  retired_op INTEGER REFERENCES op(seq)
) STRICT;
CREATE UNIQUE INDEX identity_name ON identity(name_key) WHERE retired_op IS NULL;

CREATE TABLE sample (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  identity_id INTEGER NOT NULL REFERENCES identity(id),
  source_hash TEXT NOT NULL,
  face_no INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('photo', 'frame')),
  quality REAL,
  created INTEGER NOT NULL,
  added_op INTEGER NOT NULL REFERENCES op(seq),
  retired_op INTEGER REFERENCES op(seq)
) STRICT;
CREATE INDEX sample_identity ON sample(identity_id);
CREATE UNIQUE INDEX sample_source ON sample(source_hash, face_no, identity_id)
  WHERE retired_op IS NULL;

CREATE TABLE template (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sample_id INTEGER NOT NULL REFERENCES sample(id),
  model_id TEXT NOT NULL REFERENCES model(model_id),
  vec BLOB NOT NULL,
  crc INTEGER NOT NULL,
  added_op INTEGER NOT NULL REFERENCES op(seq),
  retired_op INTEGER REFERENCES op(seq)
) STRICT;
CREATE INDEX template_sample ON template(sample_id);
CREATE UNIQUE INDEX template_live ON template(sample_id) WHERE retired_op IS NULL;
CREATE TRIGGER template_dim BEFORE INSERT ON template
WHEN length(NEW.vec) IS NOT (SELECT 4 * dim FROM model WHERE model_id = NEW.model_id)
BEGIN
  SELECT RAISE(ABORT, 'a template of the wrong length');
END;

CREATE TABLE photo (
  sample_id INTEGER PRIMARY KEY REFERENCES sample(id),
  image BLOB NOT NULL
) STRICT;

CREATE TABLE op_move (
  op INTEGER NOT NULL REFERENCES op(seq),
  sample_id INTEGER NOT NULL REFERENCES sample(id),
  from_identity INTEGER NOT NULL,
  PRIMARY KEY (op, sample_id)
) STRICT;
CREATE INDEX op_move_sample ON op_move(sample_id);
"""

MIGRATIONS: tuple[str, ...] = (SCHEMA_1,)
"""Script n makes schema n out of schema n - 1; a new gallery runs all of them."""


def newest() -> int:
    """Return the number of the schema that this version writes."""
    return len(MIGRATIONS)


def migrate(db: sqlite3.Connection, number: int) -> None:
    """Turn schema ``number - 1`` into ``number``; the caller holds the write transaction."""
    # executescript() would commit first.
    for statement in statements(MIGRATIONS[number - 1]):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {number}")


def statements(script: str) -> list[str]:
    """Return the single statements of a script; triggers stay whole."""
    found, begun = [], ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            found.append(begun.strip())
            begun = ""
    return found


def shape(db: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Return the type, name and text of everything that a database's schema declares."""
    rows = db.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {(kind, name, sql) for kind, name, sql in rows if name != "sqlite_sequence"}


def expected_shape() -> set[tuple[str, str, str]]:
    """Return the shape of a gallery of the newest schema."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for number in range(1, newest() + 1):
            migrate(db, number)
        return shape(db)
    finally:
        db.close()
