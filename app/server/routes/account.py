"""Signing in and out, and the keys."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field

from facegate.server.access.caller import Caller, need
from facegate.server.access.keys import SCOPES, Key
from facegate.server.access.login import COOKIE, COOKIE_S
from facegate.server.reasons import Refusal
from facegate.server.routes import replies_server as replies
from facegate.server.routes.documented import answers
from facegate.server.routes.people import Admin
from facegate.server.routes.questions import Services_
from facegate.server.routes.shapes import Asked

router = APIRouter(tags=["access"])

_KEY = {
    "id": "3f9a1c02",
    "name": "front door",
    "scopes": ["identify"],
    "collection": "default",
    "created": "2026-05-01T09:30:00+00:00",
    "expires": None,
    "used": None,
}
_ME = {"who": "page", "scopes": list(SCOPES), "collection": None}


class SignIn(Asked):
    """The secret of the login link, or an API key."""

    secret: str = Field(max_length=200, examples=["the part of the link after #login="])


class NewKey(Asked):
    """What a new key may do."""

    name: str = Field(max_length=60, examples=["front door"])
    scopes: list[str] = Field(min_length=1, max_length=5, examples=[["identify"]])
    collection: str | None = Field(default=None, max_length=40, examples=["default"])
    days: int | None = Field(default=None, ge=1, le=3650, examples=[365])


@router.post(
    "/login",
    summary="Swap the login link's secret, or a key, for a cookie",
    response_model=replies.Me,
    responses=answers(_ME),
)
async def login(
    body: SignIn, request: Request, response: Response, services: Services_
) -> dict[str, Any]:
    """Sign in at the page. A link works once, and for ten minutes."""
    address = request.scope["facegate.client"]
    wait = services.failed.empty(address)
    if wait:
        raise Refusal(
            "rate_limited", "too many wrong keys from this address", "wait", retry_after=wait
        )
    cookie = services.logins.use_link(body.secret)
    key: Key | None = None
    if cookie is None:
        key = services.keys.check(body.secret.strip())
        if key is None:
            services.failed.take(address)
            raise Refusal(
                "unauthorized",
                "the link was used, is too old or is not whole",
                "start 'facegate serve' again for a new one, or use an API key",
            )
        cookie = services.logins.issue(key.id)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(COOKIE_S),
        httponly=True,
        samesite="strict",
        secure=services.settings.scheme == "https",
    )
    return _me(key)


@router.post("/logout", summary="Sign out", status_code=204, responses=answers(None, status=204))
async def logout(request: Request, services: Services_) -> Response:
    """Forget the cookie."""
    services.logins.end(request.cookies.get(COOKIE, ""))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


@router.get("/me", summary="Who am I?", response_model=replies.Me, responses=answers(_ME))
async def me(caller: Annotated[Caller, Depends(need())]) -> dict[str, Any]:
    """Return what the caller may do."""
    return _me(caller.key)


@router.get(
    "/keys",
    summary="List the keys",
    response_model=replies.KeyList,
    responses=answers({"keys": [_KEY]}),
)
async def list_keys(services: Services_, caller: Admin) -> dict[str, Any]:
    """Return every key but for the secret, which is not kept."""
    check_unbound(caller)
    return {"keys": [key.as_json() for key in services.keys.all()]}


@router.post(
    "/keys",
    summary="Make a key",
    response_model=replies.KeyMade,
    status_code=201,
    responses=answers({**_KEY, "key": "fg_3f9a1c02_…"}, "disk_full", status=201),
)
async def create_key(body: NewKey, services: Services_, caller: Admin) -> dict[str, Any]:
    """Make a key. The answer is the only time it is shown."""
    check_unbound(caller)
    text, key = services.keys.create(
        body.name, body.scopes, collection=body.collection, days=body.days
    )
    return {**key.as_json(), "key": text}


@router.delete(
    "/keys/{key_id}",
    summary="Revoke a key",
    status_code=204,
    responses=answers(None, "not_found", status=204),
)
async def revoke_key(
    key_id: Annotated[str, Path(max_length=40)], services: Services_, caller: Admin
) -> Response:
    """Delete a key; it opens nothing from now on."""
    check_unbound(caller)
    services.keys.revoke(key_id)
    return Response(status_code=204)


def check_unbound(caller: Caller) -> None:
    """Refuse a key of one collection: it could make itself one for all."""
    if caller.key is not None and caller.key.collection is not None:
        raise Refusal("forbidden", "this key is for one collection", "use a key for all of them")


def _me(key: Key | None) -> dict[str, Any]:
    if key is None:
        return dict(_ME)
    return {"who": key.name, "scopes": list(key.scopes), "collection": key.collection}
