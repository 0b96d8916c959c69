"""Put the parts together: routes, the page, errors, and the door before all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from facegate import __version__
from facegate.server.envelope import add_handlers
from facegate.server.guard.door import Door
from facegate.server.routes import (
    about,
    account,
    enrolling,
    galleries,
    people,
    questions,
    sitting,
)
from facegate.server.services import Services
from facegate.server.settings import Settings
from facegate.server.worker import ClientGone

DAY_S = 86_400

_ABOUT = """\
Give names to faces, check claims, find out who is in a photograph.

Send a key with every request: `Authorization: Bearer fg_…` (`facegate keys create`). Every error
has one form, `{"error": {"code", "message", "hint", "request_id"}}`, and a code that stays.
A matching score is not presence: a photograph of a photograph matches too.
"""


def create_app(settings: Settings, services: Services | None = None) -> Door:
    """Return the server as an ASGI application.

    Args:
        settings: what the operator decided.
        services: shared parts that exist already; they are closed when the app ends.
    """
    shared = services or Services(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        daily = asyncio.create_task(_daily(shared))
        yield
        daily.cancel()
        shared.sessions.close()
        await shared.desk(shared.worker.close)
        shared.close()

    app = FastAPI(
        title="facegate",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json" if settings.is_loopback else None,
        lifespan=lifespan,
    )
    app.state.services = shared
    routers = [m.router for m in (questions, galleries, people, enrolling, sitting, account, about)]
    for router in routers:
        app.include_router(router, prefix="/api/v1")
    app.state.methods = [
        (route.path_regex, frozenset(route.methods or ()))
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
    ]
    app.include_router(about.open_router)
    _add_page(app)
    add_handlers(app)
    app.add_exception_handler(ClientGone, _nobody)
    # Outside of the framework, whose own last answer to a bug must have our headers too.
    return Door(app, settings, shared.metrics.observe)


def _add_page(app: FastAPI) -> None:
    folder = files("facegate.server") / "pages"
    app.mount("/assets", StaticFiles(directory=str(folder)), name="assets")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        """Return the page; its views are told apart by the fragment."""
        return FileResponse(str(folder / "index.html"))

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> FileResponse:
        """Return the icon that browsers ask for unasked."""
        return FileResponse(str(folder / "icon.svg"), media_type="image/svg+xml")


async def _daily(shared: Services) -> None:
    while True:
        await shared.desk(shared.expire)
        await asyncio.sleep(DAY_S)


async def _nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; the metrics count it
