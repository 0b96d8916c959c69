"""Make a gallery of schema 1 without any code of the application: what users have on disk.

Keep it as it is for ever; the tests of later schemas bring it up to date.
"""

import json
import sqlite3
import struct
import zlib
from pathlib import Path

STATEMENTS = """
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
MODEL = "old-net-0123456789ab"
DAY = 24 * 3600 * 1_000_000


def make(path: Path, now: int) -> None:
    """Write Ada (2 samples, one of them once Bob's) and Cleo, who was removed yesterday."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA page_size = 16384")
    db.execute("PRAGMA application_id = 1179074900")
    db.executescript(STATEMENTS)
    db.execute("PRAGMA user_version = 1")
    db.executemany(
        "INSERT INTO setting VALUES (?, ?)",
        [("uid", "ab" * 16), ("model", MODEL), ("made_by", "0.1.0")],
    )
    db.execute("INSERT INTO model VALUES (?, 4, ?)", (MODEL, now))
    ops = [
        (1, "enroll", 1, None, {"added": 1, "known": 0, "created": True}, 1),
        (2, "enroll", 2, None, {"added": 1, "known": 0, "created": True}, 1),
        (3, "enroll", 3, None, {"added": 1, "known": 0, "created": True}, 1),
        (4, "merge", 1, 2, {"moved": 1}, 0),
        (5, "remove", 3, None, {"removed": 1}, 0),
    ]
    for seq, kind, identity, other, note, n_samples in ops:
        db.execute(
            "INSERT INTO op (seq, uid, kind, actor, at, identity_id, other_id, detail, n_samples) "
            "VALUES (?, ?, ?, 'local', ?, ?, ?, ?, ?)",
            (seq, f"op{seq}", kind, now - DAY, identity, other, json.dumps(note), n_samples),
        )
    people = [(1, "Ada", None), (2, "Bob", 4), (3, "Cleo", 5)]
    for number, name, retired in people:
        db.execute(
            "INSERT INTO identity VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, f"{number:032x}", name, name.lower(), now - DAY, number, retired),
        )
    for number, identity, retired in ((1, 1, None), (2, 1, None), (3, 3, 5)):
        db.execute(
            "INSERT INTO sample VALUES (?, ?, ?, 0, 'photo', 0.5, ?, ?, ?)",
            (number, identity, f"{number:064x}", now - DAY, number, retired),
        )
        vec = struct.pack("<4f", *(1.0 if n == number else 0.0 for n in range(4)))
        crc = zlib.crc32(vec, zlib.crc32(f"{MODEL}\0{number}\0".encode()))
        db.execute(
            "INSERT INTO template VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (number, number, MODEL, vec, crc, number),
        )
    db.execute("INSERT INTO op_move VALUES (4, 2, 2)")
    db.close()
