"""Guided enrolments: begin, send frames one by one or through a WebSocket, save, cancel."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, WebSocket
from pydantic import Field
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from facegate.errors import FacegateError
from facegate.server.access.caller import Caller, admit
from facegate.server.envelope import envelope
from facegate.server.guard.door import refuse_socket
from facegate.server.parts import upload
from facegate.server.reasons import Refusal, refusal_of
from facegate.server.routes import replies_server as replies
from facegate.server.routes.documented import FACE, PHOTO, answers, photo_body
from facegate.server.routes.people import Enroller
from facegate.server.routes.questions import Services_
from facegate.server.routes.replies import Enrolled
from facegate.server.routes.shapes import Asked, enrolment_shape
from facegate.server.services import Services, services_of
from facegate.server.session import Session

router = APIRouter(tags=["sessions"])

BAD_FRAMES = 20
"""Unreadable frames in a row after which a WebSocket is closed."""

Nonce = Annotated[str, Header(alias="X-Facegate-Nonce", max_length=64)]
SessionId = Annotated[str, Path(max_length=64)]
_FRAME = {
    "frame": 12,
    "state": "going",
    "instruction": "left",
    "text": "Turn your head a little to your left",
    "wanted": "left",
    "covered": ["straight"],
    "progress": 0.2,
    "face": FACE,
    "faces": 1,
    "pose": {"yaw": 2.1, "pitch": -0.4, "roll": 1.0},
    "quality": {"sharpness": 0.61, "brightness": 0.44, "size_px": 61.0, "overall": 0.9},
    "refused": None,
    "kept": [3, 9],
    "wanted_frames": 8,
    "left_out": {"near_duplicate": 6},
    "conflicts": [],
    "seconds_left": 71.5,
    "presentation": "not checked",
}
_SAVED = {
    "identity": {"id": 1, "name": "Ada Lovelace"},
    "samples": 8,
    "kept": 8,
    "left_out": [],
    "conflicts": [],
    "model": "facegate-1-0123456789ab",
    "presentation": "not checked",
}


class NewSession(Asked):
    """Who is about to be enrolled, and which consent text they accepted."""

    name: str = Field(max_length=2048, examples=["Ada Lovelace"])
    consent_version: int | None = Field(
        default=None, ge=1, le=2**31, description="The version of the text that was accepted."
    )


class Save(Asked):
    """How to finish."""

    allow_duplicate: bool = Field(
        default=False, description="Save also if somebody enrolled looks alike."
    )


def needs_consent(services: Services) -> bool:
    """Return whether the consent text must be accepted: where keys exist, or when turned on."""
    return services.preferences.get("consent") == "on" or services.keys.exist()


@router.post(
    "/collections/{collection}/sessions",
    summary="Begin a guided enrolment",
    response_model=replies.SessionBegun,
    status_code=201,
    responses=answers(
        {"id": "0f9c…", "nonce": "8a6b3c1d2e4f5061", "limit_s": 90, "frames": 8},
        *("not_found", "invalid_name", "consent_needed", "busy"),
        status=201,
    ),
)
async def begin(
    collection: str, body: NewSession, services: Services_, caller: Enroller
) -> dict[str, Any]:
    """Begin. Five looks are asked for in an order that nobody knows before; 90 s are given."""
    wait = services.enrolments.take(caller.client)
    if wait:
        raise Refusal("rate_limited", "too many enrolments", "wait", retry_after=wait)
    consent = services.preferences.consent() if needs_consent(services) else None
    if consent is not None and body.consent_version != consent.version:
        raise Refusal(
            "consent_needed",
            f"version {consent.version} of the consent text was not accepted",
            "show the text of /api/v1/settings, then send its version",
        )
    entry = await services.desk(services.collections.get, collection)
    session = services.sessions.begin(
        entry,
        body.name,
        owner=caller.client,
        actor=caller.actor,
        consent=consent.version if consent else None,
    )
    return {
        "id": session.id,
        "nonce": session.nonce,
        "limit_s": services.settings.limits.session_s,
        "frames": session.coach.best,
    }


async def _frame_sender(connection: HTTPConnection) -> Caller:
    services = services_of(connection)
    return admit(connection, services, "enroll", buckets=services.frames)


@router.post(
    "/sessions/{session_id}/frames",
    summary="Send one frame",
    response_model=replies.FrameSeen,
    responses=answers(_FRAME, *PHOTO, "not_found", "session_over"),
    openapi_extra=photo_body(1),
)
async def frame(
    request: Request,
    session_id: SessionId,
    services: Services_,
    caller: Annotated[Caller, Depends(_frame_sender)],
    nonce: Nonce,
    number: Annotated[int, Query(ge=1, le=100_000, description="Rises with each frame.")],
) -> dict[str, Any]:
    """Send the next frame and get one instruction; for where a WebSocket is blocked."""
    session = services.sessions.get(session_id, caller.client, nonce)
    (picture,) = (await upload(request, most=1, parts=2)).photographs
    async with session.lock:
        return await _look(services, session, caller, picture, number)


@router.post(
    "/sessions/{session_id}/save",
    summary="Save a guided enrolment",
    response_model=Enrolled,
    status_code=201,
    responses=answers(
        _SAVED,
        *("not_found", "not_ready", "conflict", "session_over", "busy", "deadline", "disk_full"),
        status=201,
    ),
)
async def save(
    session_id: SessionId, body: Save, services: Services_, caller: Enroller, nonce: Nonce
) -> dict[str, Any]:
    """Write the best frames as templates, in one transaction. Repeated, it answers again."""
    session = services.sessions.get(session_id, caller.client, nonce)
    async with session.lock:
        return await _save(services, session, caller, body.allow_duplicate)


@router.delete(
    "/sessions/{session_id}",
    summary="Cancel a guided enrolment",
    status_code=204,
    responses=answers(None, "not_found", "session_over", status=204),
)
async def cancel(
    session_id: SessionId, services: Services_, caller: Enroller, nonce: Nonce
) -> Response:
    """End it; nothing of it is kept."""
    session = services.sessions.get(session_id, caller.client, nonce)
    if session.saved is not None:
        raise Refusal("session_over", "this enrolment was saved", "remove the person, or undo it")
    services.sessions.end(session)
    return Response(status_code=204)


@router.websocket("/sessions/{session_id}/stream")
async def stream(socket: WebSocket, session_id: str, nonce: str = "") -> None:
    """Take frames as binary messages and answer each; as text take what to do at the end."""
    services = services_of(socket)
    try:
        caller = admit(socket, services, "enroll")
        session = services.sessions.get(session_id, caller.client, nonce)
    except Refusal as refusal:
        await refuse_socket(refusal, socket.scope, socket.receive, socket.send)
        return
    await socket.accept()
    try:
        await _converse(socket, services, session, caller)
    except WebSocketDisconnect:
        pass  # a closed tab: what follows forgets the session
    finally:
        services.sessions.end(session)


async def _converse(
    socket: WebSocket, services: Services, session: Session, caller: Caller
) -> None:
    number = n_bad = 0
    while True:
        try:
            message = await asyncio.wait_for(socket.receive(), session.time_left() + 0.01)
        except TimeoutError:
            await socket.close(1008, "session_over")
            return
        if message["type"] == "websocket.disconnect":
            return
        try:
            if message.get("bytes") is not None:
                number += 1
                seen = await _look(services, session, caller, message["bytes"], number)
                await socket.send_json(seen)
                n_bad = 0
            elif await _obey(socket, services, session, caller, message.get("text") or ""):
                return
        except (FacegateError, Refusal) as error:
            refusal = error if isinstance(error, Refusal) else refusal_of(error)
            n_bad += 1
            request_id = socket.scope["facegate.request_id"]
            await socket.send_json(
                envelope(refusal.code, refusal.message, refusal.hint, request_id)
            )
            if refusal.code == "session_over" or n_bad >= BAD_FRAMES:
                await socket.close(1008, refusal.code)
                return


async def _obey(
    socket: WebSocket, services: Services, session: Session, caller: Caller, text: str
) -> bool:
    """Do what a text message says; return whether that was the last."""
    try:
        order = json.loads(text) if len(text) < 1000 else None
    except (ValueError, RecursionError):
        order = None
    what = order.get("do") if isinstance(order, dict) else None
    if what == "cancel":
        await socket.close(1000)
        return True
    if what != "save":
        raise Refusal("invalid_request", "the message is not known", 'send {"do": "save"}')
    allowed = isinstance(order, dict) and order.get("allow_duplicate") is True
    saved = await _save(services, session, caller, allowed)
    await socket.send_json({"saved": saved})
    await socket.close(1000)
    return True


async def _look(
    services: Services, session: Session, caller: Caller, picture: bytes, number: int
) -> dict[str, Any]:
    if number <= session.last:
        raise Refusal(
            "invalid_request", f"frame {number} comes after frame {session.last}", "count up"
        )
    session.last = number
    found = await services.worker.run(lambda: session.see(picture, number), patient=True)
    if found["state"] == "failed":
        session.is_over = True
    if not caller.sees_scores:
        found["conflicts"] = [{**near, "score": None} for near in found["conflicts"]]
    return found


async def _save(
    services: Services, session: Session, caller: Caller, is_duplicate_fine: bool
) -> dict[str, Any]:
    answer = await services.worker.run(
        lambda: services.sessions.save(session, is_duplicate_fine=is_duplicate_fine), patient=True
    )
    services.sessions.end(session)
    return {**enrolment_shape(answer, caller), "presentation": session.opinion()}
