"""Questions about photographs: where are faces, is it the same person, who is it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from facegate.choice import FaceChoice
from facegate.data.images import Photo, read_photo
from facegate.server.access.caller import Caller, need
from facegate.server.parts import upload
from facegate.server.presentation import worst
from facegate.server.reasons import Refusal
from facegate.server.routes import replies
from facegate.server.routes.documented import FACE, PHOTO, VERIFICATION, answers, photo_body
from facegate.server.routes.shapes import identification_shape, verification_shape
from facegate.server.services import Services, services_of

router = APIRouter(tags=["questions"])

Face = Annotated[FaceChoice, Query(description="Which face where there are several.")]
Services_ = Annotated[Services, Depends(services_of)]


async def photographs(request: Request, services: Services, most: int) -> list[bytes]:
    """Return the photographs that a request holds."""
    limits = services.settings.limits
    return (await upload(request, most=most, parts=limits.parts)).photographs


def read(services: Services, body: bytes, name: str = "the photograph") -> Photo:
    """Decode one photograph that was sent."""
    return read_photo(body, name=name, max_bytes=services.settings.limits.body)


@router.post(
    "/detect",
    summary="Find the faces in a photograph",
    response_model=replies.Detected,
    responses=answers({"width": 512, "height": 512, "faces": [FACE], "left_out": 0}, *PHOTO),
    openapi_extra=photo_body(1),
)
async def detect(
    request: Request, services: Services_, caller: Annotated[Caller, Depends(need("detect"))]
) -> dict[str, Any]:
    """Return box, landmarks and quality of every face, the largest first."""
    (body,) = await photographs(request, services, 1)

    def work() -> dict[str, Any]:
        reader = services.collections.recognizer().reader
        photo, found = reader.find(read(services, body))
        embedded, _ = reader.embed(photo, found, range(len(found.faces)))
        return {
            "width": photo.width,
            "height": photo.height,
            "faces": [face.as_json() for face in embedded],
            "left_out": found.n_left_out + len(found.faces) - len(embedded),
        }

    return await services.worker.run(work, request=request)


@router.post(
    "/verify",
    summary="Do two photographs show the same person?",
    response_model=replies.Verified,
    responses=answers(VERIFICATION, *PHOTO, "no_threshold"),
    openapi_extra=photo_body(2),
)
async def verify(
    request: Request,
    services: Services_,
    caller: Annotated[Caller, Depends(need("verify"))],
    face: Face = "only",
) -> dict[str, Any]:
    """Compare two photographs, sent as two parts of a form."""
    bodies = await photographs(request, services, 2)
    if len(bodies) != 2:
        raise Refusal("invalid_request", "verify takes two photographs", "send a form of two parts")

    def work() -> dict[str, Any]:
        first = read(services, bodies[0], "the first photograph")
        second = read(services, bodies[1], "the second photograph")
        answer = services.collections.recognizer().verify(first, second, face=face)
        first_face, second_face = (face.face for face in answer.faces)
        words = services.presentation.of(first, [first_face])
        words += services.presentation.of(second, [second_face])
        return verification_shape(answer, caller, worst(words))

    return await services.worker.run(work, request=request)


@router.post(
    "/collections/{collection}/verify",
    summary="Does a photograph show the person it is said to show?",
    response_model=replies.Verified,
    responses=answers(VERIFICATION, *PHOTO, "unknown_identity", "not_found", "no_threshold"),
    openapi_extra=photo_body(1),
)
async def claim(
    request: Request,
    collection: str,
    services: Services_,
    caller: Annotated[Caller, Depends(need("verify"))],
    identity: Annotated[int | None, Query(ge=1, le=2**62, description="An identity's id.")] = None,
    name: Annotated[str | None, Query(max_length=512, description="Or its name.")] = None,
    face: Face = "only",
) -> dict[str, Any]:
    """Compare a photograph with an enrolled person; the best of their templates decides."""
    (body,) = await photographs(request, services, 1)
    if (identity is None) == (name is None):
        raise Refusal("invalid_request", "a claim names one identity", "give identity or name")

    def work() -> dict[str, Any]:
        entry = services.collections.get(collection)
        gallery = entry.gallery
        person = (
            gallery.identity_by_id(identity)
            if identity is not None
            else gallery.identity(str(name))
        )
        uid = gallery.uid or ""
        services.attempts.check(uid, person.uid)
        photo = read(services, body)
        answer = entry.recognizer.verify_name(person.name, photo, face=face)
        if answer.decision in ("match", "no match"):
            is_match = answer.decision == "match"
            services.attempts.note(uid, person.uid, is_match=is_match)
        words = services.presentation.of(photo, [face.face for face in answer.faces])
        return verification_shape(answer, caller, worst(words))

    return await services.worker.run(work, request=request)


@router.post(
    "/collections/{collection}/identify",
    summary="Who, if anyone enrolled, is in a photograph?",
    response_model=replies.Identified,
    responses=answers(
        {
            "faces": [
                {
                    **FACE,
                    "decision": "match",
                    "identity": {"id": 1, "name": "Ada Lovelace"},
                    "threshold": 0.48,
                    "fpir": 0.01,
                    "fpir_at_score": None,
                    "fpir_ci95": None,
                    "runner_up": {"identity": {"id": 2, "name": "Grace Hopper"}, "score": 0.11},
                    "detection_score": 0.9998,
                    "reason": None,
                    "note": None,
                    "presentation": "not checked",
                }
            ],
            "left_out": 0,
            "model": "facegate-1-0123456789ab",
            "seconds": {"total": 0.09},
            "problem": None,
        },
        *PHOTO,
        "not_found",
    ),
    openapi_extra=photo_body(1),
)
async def identify(
    request: Request,
    collection: str,
    services: Services_,
    caller: Annotated[Caller, Depends(need("identify"))],
    face: Face = "all",
) -> dict[str, Any]:
    """Name every face, or say unknown; a photograph without a face has no faces."""
    (body,) = await photographs(request, services, 1)

    def work() -> dict[str, Any]:
        entry = services.collections.get(collection)
        photo = read(services, body)
        answer = entry.recognizer.identify(photo, face=face)
        words = services.presentation.of(photo, [face.face for face in answer.faces])
        return identification_shape(answer, caller, words)

    return await services.worker.run(work, request=request)
