"""The error envelope ``{"error": {"code", "message", "hint", "request_id"}}``, for every error."""

import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from facegate.errors import FacegateError
from facegate.server.reasons import REASONS, Refusal, refusal_of

logger = logging.getLogger("facegate.server")


def envelope(code: str, message: str, hint: str, request_id: str) -> dict[str, Any]:
    """Return the body of an error."""
    return {
        "error": {"code": code, "message": message, "hint": hint, "request_id": request_id},
    }


def response(refusal: Refusal, scope: Scope) -> JSONResponse:
    """Return an error as a response; the layers before the routes use it too."""
    request_id = scope.get("facegate.request_id", "")
    return JSONResponse(
        envelope(refusal.code, refusal.message, refusal.hint, request_id),
        refusal.status_code,
        headers=dict(refusal.headers or {}),
    )


def add_handlers(app: FastAPI) -> None:
    """Give every error of the app, the framework's own too, the one form."""
    app.add_exception_handler(FacegateError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _bug)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, FacegateError)
    return response(refusal_of(error), request.scope)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refusal):
        return response(error, request.scope)
    path = request.url.path
    words = {
        404: ("not_found", f"there is nothing at {path:.80}", "see /api/v1/openapi.json"),
        405: (
            "method_not_allowed",
            f"{request.method:.10} is not possible on {path:.80}",
            "see the header Allow",
        ),
    }
    code, message, hint = words.get(error.status_code, ("invalid_request", str(error.detail), ""))
    refusal = Refusal(code, message, hint)
    refusal.headers = {**(refusal.headers or {}), **(error.headers or {})}
    if error.status_code == 405:
        refusal.headers["Allow"] = ", ".join(_methods(request))
    return response(refusal, request.scope)


def _methods(request: Request) -> list[str]:
    """Return what is possible on a path; the framework names the first operation's alone."""
    path = request.url.path.removeprefix("/api/v1")
    found: set[str] = set()
    for pattern, methods in request.app.state.methods:
        if pattern.fullmatch(path):
            found |= methods
    return sorted(found or {"GET"})


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = " ".join(str(part) for part in first["loc"]) or "request"
    message = f"{where}: {first['msg']}"
    hint = "see /api/v1/openapi.json"
    return response(Refusal("invalid_request", message[:300], hint), request.scope)


async def _bug(request: Request, error: Exception) -> Response:
    request_id = request.scope.get("facegate.request_id", "")
    logger.error("request %s failed", request_id, exc_info=error)
    hint = "report it with the log line of this request id"
    return response(Refusal("bug", f"bug in facegate: {type(error).__name__}", hint), request.scope)


def example(code: str) -> dict[str, Any]:
    """Return an example of an error for the documentation."""
    return envelope(code, REASONS[code].example, "what to do about it", "5f0c6f2f9c0d4f6b")
