"""A gallery as one file for another machine: a zip of JSON and one array, and no more.

``manifest.json``     format number, model, counts, and SHA-256 and size of the next two
``identities.jsonl``  one line a person: uid, name, created, and the samples, each with the row of
                      its template and the SHA-256 of its crop
``templates.npy``     float32 (N, D)
``crops/N.png``       the crop of row N, where it was kept

Retired rows, the history and former names stay at home. Members are named by numbers: a name is
never a path.
"""

import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facegate.errors import DamagedGalleryError
from facegate.gallery import people
from facegate.gallery.faults import REPAIR
from facegate.gallery.moves.backup import place_for
from facegate.gallery.store import Store, setting
from facegate.gallery.values import microseconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 1
KIND = "facegate gallery"
MANIFEST, IDENTITIES, TEMPLATES = "manifest.json", "identities.jsonl", "templates.npy"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def crop_member(row: int) -> str:
    """Return the name of the crop of a template's row."""
    return f"crops/{row}.png"


def export(store: Store, target: Path, model_id: str) -> tuple[int, int]:
    """Write everybody who is enrolled to a new file; return the counts of people and samples.

    Raises:
        ConflictError: the target exists.
        DamagedGalleryError: a template is damaged; without it a person would lose a sample.
    """
    with place_for(target) as temporary, store.reading(model_id=model_id) as db:
        ids, _, matrix = people.templates(db)
        n_people, n_samples = people.count(db)
        if len(ids) != n_samples:
            raise DamagedGalleryError(
                f"{n_samples - len(ids)} templates of gallery {store.path} are damaged, "
                "nothing was exported",
                hint=REPAIR,
            )
        with zipfile.ZipFile(temporary, "w") as archive:
            lines = "".join(_lines(db, ids, archive)).encode()
            array = _npy(matrix)
            _write(archive, IDENTITIES, lines, packed=True)
            _write(archive, TEMPLATES, array)
            manifest = {
                "kind": KIND,
                "format": FORMAT,
                "model": {"id": setting(db, "model"), "dim": people.dim(db)},
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "counts": {"identities": n_people, "samples": n_samples},
                "parts": {IDENTITIES: _seal(lines), TEMPLATES: _seal(array)},
            }
            _write(archive, MANIFEST, json.dumps(manifest, indent=1).encode(), packed=True)
        return n_people, n_samples


def _lines(
    db: sqlite3.Connection, ids: "NDArray[np.int64]", archive: zipfile.ZipFile
) -> Iterator[str]:
    row_of = {template: row for row, template in enumerate(ids.tolist())}
    for identity in people.page(db, 0, None, ""):
        crops = dict(people.crops(db, identity.id))
        samples = []
        for sample in people.samples(db, identity.id):
            (template,) = db.execute(
                "SELECT id FROM template WHERE sample_id = ? AND retired_op IS NULL", (sample.id,)
            ).fetchone()
            row, crop = row_of[template], crops.get(sample.id)
            if crop is not None:
                _write(archive, crop_member(row), crop)
            entry: dict[str, Any] = {
                "template": row,
                "source_hash": sample.source_hash,
                "face_no": sample.face_no,
                "kind": sample.kind,
                "quality": sample.quality,
                "created": microseconds(sample.created),
                "crop_sha256": hashlib.sha256(crop).hexdigest() if crop is not None else None,
            }
            samples.append(entry)
        person = {
            "uid": identity.uid,
            "name": identity.name,
            "created": microseconds(identity.created),
            "samples": samples,
        }
        yield json.dumps(person, ensure_ascii=False) + "\n"


def _npy(matrix: Any) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, matrix.astype("<f4"), allow_pickle=False)
    return buffer.getvalue()


def _seal(contents: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(contents).hexdigest(), "bytes": len(contents)}


def _write(archive: zipfile.ZipFile, name: str, contents: bytes, *, packed: bool = False) -> None:
    # Vectors and PNGs do not shrink.
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    member.external_attr = 0o600 << 16
    archive.writestr(member, contents)
