"""Identities and their samples: enrol, read, rename, merge, remove, erase, undo."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import Field

from facegate.enrolment import conflicts_of
from facegate.errors import FacegateError, ImageError, NoAnswerError
from facegate.gallery import Operation
from facegate.gallery.names import clean_name
from facegate.results import EmbeddedFace, Enrolment, LeftOut
from facegate.server.access.caller import Caller, need
from facegate.server.collections import Collection
from facegate.server.parts import upload
from facegate.server.reasons import REASONS, Refusal
from facegate.server.routes import replies
from facegate.server.routes.documented import IDENTITY, OPERATION, PHOTO, answers, photo_body
from facegate.server.routes.questions import Services_, read
from facegate.server.routes.shapes import (
    Asked,
    enrolment_shape,
    identity_shape,
    operation_shape,
    sample_shape,
)
from facegate.server.services import Services

router = APIRouter(prefix="/collections/{collection}", tags=["identities"])

MOST_PHOTOGRAPHS = 6
Id = Annotated[int, Path(ge=1, le=2**62)]
_GONE = ("not_found", "unknown_identity", "conflict", "disk_full")
_ENROLMENT = {
    "identity": {"id": 1, "name": "Ada Lovelace"},
    "samples": 2,
    "kept": 2,
    "left_out": [],
    "conflicts": [],
    "model": "facegate-1-0123456789ab",
    "presentation": "not checked",
}

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


@router.post(
    "/identities",
    summary="Enrol a person from photographs",
    response_model=replies.Enrolled,
    status_code=201,
    responses=answers(_ENROLMENT, *PHOTO, *_GONE, "invalid_name", "disagrees", "known", status=201),
    openapi_extra=photo_body(MOST_PHOTOGRAPHS, name="The person's name."),
)
async def enroll(
    request: Request,
    collection: str,
    services: Services_,
    caller: Enroller,
    name: Annotated[str, Query(max_length=2048, description="Or a field of the form.")] = "",
    face: Annotated[str, Query(pattern="^(only|largest)$")] = "only",
    allow_duplicate: Annotated[bool, Query(description="Also if somebody looks alike.")] = False,
    repeat: Repeat = None,
) -> dict[str, Any]:
    """Give a name to a face. Somebody who has the name already gets more samples.

    A new person who looks like somebody enrolled is refused with `conflict` unless
    `allow_duplicate` is set. All samples are saved in one transaction, or none.
    """
    _count_enrolment(services, caller)
    found = await upload(request, most=MOST_PHOTOGRAPHS, parts=services.settings.limits.parts)
    wanted = clean_name(name or found.fields.get("name", ""))

    def work() -> dict[str, Any]:
        entry = services.collections.get(collection)
        answer = _enroll(
            services,
            entry,
            wanted,
            found.photographs,
            face=face,
            is_duplicate_fine=allow_duplicate,
            op_uid=repeat,
            actor=caller.actor,
        )
        return enrolment_shape(answer, caller)

    return await services.worker.run(work, request=request)


@router.post(
    "/identities/{identity}/samples",
    summary="Add samples to a person",
    response_model=replies.Enrolled,
    status_code=201,
    responses=answers(_ENROLMENT, *PHOTO, *_GONE, "disagrees", "known", status=201),
    openapi_extra=photo_body(MOST_PHOTOGRAPHS),
)
async def add_samples(
    request: Request,
    collection: str,
    identity: Id,
    services: Services_,
    caller: Enroller,
    face: Annotated[str, Query(pattern="^(only|largest)$")] = "only",
    repeat: Repeat = None,
) -> dict[str, Any]:
    """Add photographs of somebody who is enrolled; those that disagree are left out."""
    _count_enrolment(services, caller)
    found = await upload(request, most=MOST_PHOTOGRAPHS, parts=services.settings.limits.parts)

    def work() -> dict[str, Any]:
        entry = services.collections.get(collection)
        answer = _enroll(
            services,
            entry,
            entry.gallery.identity_by_id(identity).name,
            found.photographs,
            face=face,
            is_duplicate_fine=True,
            op_uid=repeat,
            actor=caller.actor,
        )
        return enrolment_shape(answer, caller)

    return await services.worker.run(work, request=request)


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
        *_GONE,
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
    responses=answers(OPERATION, *_GONE, "name_taken", "invalid_name"),
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
    responses=answers(OPERATION, *_GONE),
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
    responses=answers(OPERATION, *_GONE),
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
    responses=answers(None, *_GONE, status=204),
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
    responses=answers(OPERATION, *_GONE),
)
async def remove_sample(
    collection: str, sample: Id, services: Services_, caller: Admin, repeat: Repeat = None
) -> dict[str, Any]:
    """Take one sample out of a person who has others. It can be undone for 30 days."""

    def work() -> dict[str, Any]:
        gallery = services.collections.get(collection).gallery
        return operation_shape(gallery.remove_sample(sample, op_uid=repeat, actor=caller.actor))

    return await services.desk(work)


def _count_enrolment(services: Services, caller: Caller) -> None:
    wait = services.enrolments.take(caller.client)
    if wait:
        raise Refusal("rate_limited", "too many enrolments", "wait", retry_after=wait)


async def _change(
    services: Services, collection: str, identity: int, change: Any
) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        entry = services.collections.get(collection)
        name = entry.gallery.identity_by_id(identity).name
        return operation_shape(change(entry, name))

    return await services.desk(work)


def _enroll(
    services: Services,
    entry: Collection,
    name: str,
    photographs: list[bytes],
    *,
    face: str,
    is_duplicate_fine: bool,
    op_uid: str | None,
    actor: str,
) -> Enrolment:
    """Enrol through the recognizer, after looking whether somebody enrolled looks alike."""
    looked: list[EmbeddedFace] = []
    left_out: list[LeftOut] = []
    failed: FacegateError | None = None
    for number, body in enumerate(photographs, 1):
        called = "the photograph" if len(photographs) == 1 else f"photograph {number}"
        try:
            photo = read(services, body, called)
            choice = "largest" if face == "largest" else "only"
            looked += entry.recognizer.faces(photo, face=choice)  # type: ignore[arg-type]
        except (ImageError, NoAnswerError) as error:
            failed = failed or error
            left_out.append(LeftOut(called, error.code, str(error)))
    if not looked and failed is not None:
        raise failed
    is_repeated = op_uid is not None and entry.gallery.find_operation(op_uid) is not None
    if not is_duplicate_fine and not is_repeated and entry.gallery.find(name) is None:
        near = conflicts_of(entry.recognizer, looked)
        if near:
            raise Refusal(
                "conflict",
                f"this face looks like {near[0].identity.name}, who is enrolled",
                "add the photograph to that person, or send allow_duplicate=true",
            )
    entry.recognizer.actor = actor
    answer = entry.recognizer.enroll_faces(
        name, looked, left_out=left_out, kind="photo", op_uid=op_uid
    )
    if not answer.kept and not is_repeated:
        first = answer.left_out[0]
        code = first.code if first.code in REASONS else "invalid_request"
        raise Refusal(code, first.message, "use other photographs")
    return answer
