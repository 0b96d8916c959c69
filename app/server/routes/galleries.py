"""Collections as a whole: list, make, history, undo, export, histograms."""

import logging
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from facegate.errors import FacegateError
from facegate.gallery import Gallery
from facegate.server.access.caller import Caller, need
from facegate.server.histograms import histograms
from facegate.server.routes import replies
from facegate.server.routes.documented import OPERATION, answers
from facegate.server.routes.people import Admin, Repeat
from facegate.server.routes.questions import Services_
from facegate.server.routes.shapes import Asked, operation_shape

logger = logging.getLogger("facegate.server")

router = APIRouter(prefix="/collections", tags=["collections"])

_COLLECTION = {
    "name": "default",
    "model": "facegate-1-0123456789ab",
    "identities": 12,
    "templates": 60,
}
Anyone = Annotated[Caller, Depends(need())]


class NewCollection(Asked):
    """A name for a new collection."""

    name: str = Field(max_length=40, examples=["staff"])


class Undo(Asked):
    """Which operation to take back."""

    number: int | None = Field(
        default=None, ge=1, le=2**62, description="The newest where it is left out."
    )


@router.get(
    "",
    summary="List the collections",
    response_model=replies.CollectionList,
    responses=answers({"collections": [_COLLECTION]}),
)
async def list_collections(services: Services_, caller: Anyone) -> dict[str, Any]:
    """Return the collections that the key may use; of one that cannot be read, its name alone."""

    def work() -> dict[str, Any]:
        own = caller.key.collection if caller.key else None
        names = [name for name in services.collections.names() if own in (None, name)]
        return {"collections": [_shape_if_well(services, name) for name in names]}

    return await services.desk(work)


@router.post(
    "",
    summary="Make a collection",
    response_model=replies.CollectionState,
    status_code=201,
    responses=answers(_COLLECTION, "conflict", "disk_full", status=201),
)
async def create_collection(
    body: NewCollection, services: Services_, caller: Admin
) -> dict[str, Any]:
    """Make an empty collection: a gallery of its own."""
    caller.check_collection(body.name)

    def work() -> dict[str, Any]:
        services.collections.create(body.name)
        return _shape(services, body.name)

    return await services.desk(work)


@router.get(
    "/{collection}",
    summary="Read a collection",
    response_model=replies.CollectionState,
    responses=answers(_COLLECTION, "not_found", "gallery"),
)
async def read_collection(collection: str, services: Services_, caller: Anyone) -> dict[str, Any]:
    """Return its model and how many people and templates it holds."""
    return await services.desk(_shape, services, collection)


@router.get(
    "/{collection}/operations",
    summary="List what was changed",
    response_model=replies.Operations,
    responses=answers({"operations": [OPERATION]}, "not_found"),
)
async def operations(
    collection: str,
    services: Services_,
    caller: Admin,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Return the latest changes, newest first: what, when, and by which key."""

    def work() -> dict[str, Any]:
        gallery = services.collections.get(collection).gallery
        return {"operations": [operation_shape(line) for line in gallery.history(limit)]}

    return await services.desk(work)


@router.post(
    "/{collection}/undo",
    summary="Undo a change",
    response_model=replies.Operation,
    responses=answers(OPERATION, "not_found", "conflict", "disk_full"),
)
async def undo(
    collection: str, body: Undo, services: Services_, caller: Admin, repeat: Repeat = None
) -> dict[str, Any]:
    """Take a change back, so that the state before it is back. An erase cannot be undone."""

    def work() -> dict[str, Any]:
        gallery = services.collections.get(collection).gallery
        return operation_shape(gallery.undo(body.number, op_uid=repeat, actor=caller.actor))

    return await services.desk(work)


@router.get(
    "/{collection}/export",
    summary="Export everybody",
    response_class=Response,
    responses={
        **answers(None, "not_found", "disk_full"),
        200: {"description": "A portable file", "content": {"application/octet-stream": {}}},
    },
)
async def export(collection: str, services: Services_, caller: Admin) -> Response:
    """Return the file that `facegate gallery import` reads. It holds templates: guard it."""

    def work() -> bytes:
        return _exported(services.collections.get(collection).gallery)

    return Response(
        await services.desk(work),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{collection}.facegate"'},
    )


@router.get(
    "/{collection}/histograms",
    summary="How alike are the people of a collection?",
    response_model=replies.Histograms,
    responses=answers(
        {"low": -0.4, "high": 1.0, "impostor": [0, 3, 9], "genuine": [0, 1, 4]}, "not_found"
    ),
)
async def score_histograms(collection: str, services: Services_, caller: Admin) -> dict[str, Any]:
    """Return counts of scores between strangers and within people, of up to 1,000 templates."""

    def work() -> dict[str, Any]:
        _, owners, rows = services.collections.get(collection).gallery.all_templates()
        return histograms(owners, rows)

    return await services.desk(work)


def _exported(gallery: Gallery) -> bytes:
    # Beside the gallery: a file of templates does not belong into a folder that others read.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=gallery.path.parent) as folder:
        path = Path(folder) / "people.facegate"
        gallery.export(path)
        return path.read_bytes()


def _shape(services: Services_, name: str) -> dict[str, Any]:
    entry = services.collections.get(name)
    identities, templates = entry.gallery.count()
    return {
        "name": name,
        "model": entry.gallery.model_id,
        "identities": identities,
        "templates": templates,
    }


def _shape_if_well(services: Services_, name: str) -> dict[str, Any]:
    """Return a collection; one that is damaged or whose model is gone must not hide the others."""
    try:
        return _shape(services, name)
    except FacegateError as error:
        logger.warning("collection %s cannot be used: %s", name, error)
        return {"name": name, "model": None, "identities": None, "templates": None}
