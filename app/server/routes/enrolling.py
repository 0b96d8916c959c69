"""Enrol from photographs: somebody new, or more samples of somebody known."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from facegate.enrolment import conflicts_of
from facegate.errors import FacegateError, ImageError, NoAnswerError
from facegate.gallery.names import clean_name
from facegate.results import EmbeddedFace, Enrolment, LeftOut
from facegate.server.access.caller import Caller
from facegate.server.collections import Collection
from facegate.server.parts import upload
from facegate.server.reasons import REASONS, Refusal
from facegate.server.routes import replies
from facegate.server.routes.documented import PHOTO, answers, photo_body
from facegate.server.routes.people import GONE, Enroller, Id, Repeat
from facegate.server.routes.questions import Services_, read
from facegate.server.routes.shapes import enrolment_shape
from facegate.server.services import Services

router = APIRouter(prefix="/collections/{collection}", tags=["identities"])

MOST_PHOTOGRAPHS = 6
_ENROLMENT = {
    "identity": {"id": 1, "name": "Ada Lovelace"},
    "samples": 2,
    "kept": 2,
    "left_out": [],
    "conflicts": [],
    "model": "facegate-1-0123456789ab",
    "presentation": "not checked",
}

FaceOfMany = Annotated[str, Query(pattern="^(only|largest)$")]


@router.post(
    "/identities",
    summary="Enrol a person from photographs",
    response_model=replies.Enrolled,
    status_code=201,
    responses=answers(_ENROLMENT, *PHOTO, *GONE, "invalid_name", "disagrees", "known", status=201),
    openapi_extra=photo_body(MOST_PHOTOGRAPHS, name="The person's name."),
)
async def enroll(
    request: Request,
    collection: str,
    services: Services_,
    caller: Enroller,
    name: Annotated[str, Query(max_length=2048, description="Or a field of the form.")] = "",
    face: FaceOfMany = "only",
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
    responses=answers(_ENROLMENT, *PHOTO, *GONE, "disagrees", "known", status=201),
    openapi_extra=photo_body(MOST_PHOTOGRAPHS),
)
async def add_samples(
    request: Request,
    collection: str,
    identity: Id,
    services: Services_,
    caller: Enroller,
    face: FaceOfMany = "only",
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


def _count_enrolment(services: Services, caller: Caller) -> None:
    wait = services.enrolments.take(caller.client)
    if wait:
        raise Refusal("rate_limited", "too many enrolments", "wait", retry_after=wait)


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
