"""Identities and their samples: list, read, rename, merge, remove, erase."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import Field

from facegate.gallery import Operation
from facegate.server.access.caller import Caller, need
from facegate.server.collections import Collection
from facegate.server.routes import replies
from facegate.server.routes.documented import IDENTITY, OPERATION, answers
from facegate.server.routes.questions import Services_
from facegate.server.routes.shapes import (
    Asked,
    identity_shape,
    operation_shape,
    sample_shape,
)
from facegate.server.services import Services

router = APIRouter(prefix="/collections/{collection}", tags=["identities"])

Id = Annotated[int, Path(ge=1, le=2**62)]
GONE = ("not_found", "unknown_identity", "conflict", "disk_full")
Enroller = Annotated[Caller, Depends(need("enroll"))]
Admin = Annotated[Caller, Depends(need("admin"))]
Repeat = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern="^[!-~]{1,64}$",
        description="Your own id of this change: repeated, it answers again and changes nothing.",
    ),
]


class NewName(Asked):
    """Another name for somebody."""

    name: str = Field(max_length=2048, examples=["Ada Lovelace"])


class Target(Asked):
    """Who gets the samples."""

    into: int = Field(ge=1, le=2**62, description="An identity's id.", examples=[2])


@router.get(
    "/identities",
    summary="List who is enrolled",
    response_model=replies.People,
    responses=answers({"total": 1, "identities": [IDENTITY]}, "not_found"),
)
async def list_identities(
    collection: str,
    services: Services_,
    caller: Enroller,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    search: Annotated[str, Query(max_length=128)] = "",
) -> dict[str, Any]:
    """Return a page of people in the order of their names."""

    def work() -> dict[str, Any]:
        gallery = services.collections.get(collection).gallery
        page = gallery.identities(offset, limit, search)
        return {
            "total": gallery.count()[0],
            "identities": [identity_shape(identity) for identity in page],
        }

    return await services.desk(work)


@router.get(
    "/identities/{identity}",
    summary="Read a person and their samples",
    response_model=replies.PersonWithSamples,
    responses=answers(
        {
            **IDENTITY,
            "failed_claims": 0,
            "sample_list": [
                {
                    "id": 3,
                    "quality": 0.83,
                    "kind": "photo",
                    "created": "2026-05-01T09:30:00+00:00",
                    "has_crop": False,
                }
            ],
        },
        *GONE,
    ),
)
async def read_identity(
    collection: str, identity: Id, services: Services_, caller: Enroller
) -> dict[str, Any]:
    """Return a person and every sample; photographs are not kept and cannot be returned."""

    def work() -> dict[str, Any]:
        gallery = services.collections.get(collection).gallery
        person = gallery.identity_by_id(identity)
        return {
            **identity_shape(person),
            "failed_claims": services.attempts.failures(gallery.uid or "", person.uid),
            "sample_list": [sample_shape(sample) for sample in gallery.samples(person.name)],
        }

    return await services.desk(work)


@router.patch(
    "/identities/{identity}",
    summary="Rename a person",
    response_model=replies.Operation,
    responses=answers(OPERATION, *GONE, "name_taken", "invalid_name"),
)
async def rename(
    collection: str,
    identity: Id,
    body: NewName,
    services: Services_,
    caller: Admin,
    repeat: Repeat = None,
) -> dict[str, Any]:
    """Give a person another name."""

    def change(entry: Collection, name: str) -> Operation:
        return entry.gallery.rename(name, body.name, op_uid=repeat, actor=caller.actor)

    return await _change(services, collection, identity, change)


@router.delete(
    "/identities/{identity}",
    summary="Remove or erase a person",
    response_model=replies.Operation,
    responses=answers(OPERATION, *GONE),
)
async def remove(
    collection: str,
    identity: Id,
    services: Services_,
    caller: Admin,
    erase: Annotated[bool, Query(description="For good: it cannot be undone.")] = False,
    repeat: Repeat = None,
) -> dict[str, Any]:
    """Take a person out. It can be undone for 30 days, unless they are erased."""

    def change(entry: Collection, name: str) -> Operation:
        act = entry.gallery.erase if erase else entry.gallery.remove
        return act(name, op_uid=repeat, actor=caller.actor)

    return await _change(services, collection, identity, change)


@router.post(
    "/identities/{identity}/merge",
    summary="Merge a person into another",
    response_model=replies.Operation,
    responses=answers(OPERATION, *GONE),
)
async def merge(
    collection: str,
    identity: Id,
    body: Target,
    services: Services_,
    caller: Admin,
    repeat: Repeat = None,
) -> dict[str, Any]:
    """Give all samples of one person to another, for two that are one."""

    def change(entry: Collection, name: str) -> Operation:
        target = entry.gallery.identity_by_id(body.into).name
        return entry.gallery.merge(name, target, op_uid=repeat, actor=caller.actor)

    return await _change(services, collection, identity, change)


@router.post(
    "/identities/{identity}/allow-claims",
    summary="Allow claims of a person again",
    status_code=204,
    responses=answers(None, *GONE, status=204),
)
async def allow_claims(
    collection: str, identity: Id, services: Services_, caller: Admin
) -> Response:
    """Forget the failed verifications that paused or stopped claims of this person."""

    def work() -> None:
        gallery = services.collections.get(collection).gallery
        person = gallery.identity_by_id(identity)
        services.attempts.note(gallery.uid or "", person.uid, is_match=True)

    await services.desk(work)
    return Response(status_code=204)


@router.delete(
    "/samples/{sample}",
    summary="Remove a sample",
    response_model=replies.Operation,
    responses=answers(OPERATION, *GONE),
)
async def remove_sample(
    collection: str, sample: Id, services: Services_, caller: Admin, repeat: Repeat = None
) -> dict[str, Any]:
    """Take one sample out of a person who has others. It can be undone for 30 days."""

    def work() -> dict[str, Any]:
        gallery = services.collections.get(collection).gallery
        return operation_shape(gallery.remove_sample(sample, op_uid=repeat, actor=caller.actor))

    return await services.desk(work)


async def _change(
    services: Services, collection: str, identity: int, change: Any
) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        entry = services.collections.get(collection)
        name = entry.gallery.identity_by_id(identity).name
        return operation_shape(change(entry, name))

    return await services.desk(work)
