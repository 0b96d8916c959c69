"""The server itself: models, settings, health, metrics."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import PlainTextResponse

from facegate import __version__
from facegate.decision import FMR, FPIR
from facegate.models.zoo import cards, installed
from facegate.server.access.caller import Caller, need
from facegate.server.routes import replies_server as replies
from facegate.server.routes.account import check_unbound
from facegate.server.routes.documented import answers
from facegate.server.routes.people import Admin
from facegate.server.routes.questions import Services_
from facegate.server.routes.shapes import Asked
from facegate.server.routes.sitting import needs_consent
from facegate.server.services import MOST_DAYS, Services

router = APIRouter(tags=["server"])
open_router = APIRouter(tags=["server"])

_SETTINGS = {
    "fmr": 0.001,
    "fpir": 0.01,
    "consent": {"needed": False, "asked": False, "version": 1, "text": "facegate will …"},
    "version": __version__,
    "model": "facegate-1-0123456789ab",
    "thresholds": [{"fmr": 0.001, "score": 0.42, "impostors": 100000, "genuine": 6000}],
    "max_photo_bytes": 10_000_000,
    "keep_days": 1095,
    "presentation_check": None,
}


class Change(Asked):
    """What to set; what is left out stays."""

    fmr: float | None = Field(default=None, gt=0, lt=1, examples=[0.001])
    fpir: float | None = Field(default=None, gt=0, lt=1, examples=[0.01])
    consent_text: str | None = Field(default=None, min_length=1, max_length=5000)
    ask_consent: bool | None = None
    keep_days: int | None = Field(
        default=None,
        ge=1,
        le=MOST_DAYS,
        examples=[365],
        description="Days after their last sample at which people are erased from collections "
        "other than `default`.",
    )


@router.get(
    "/models",
    summary="List the models",
    response_model=replies.Models,
    responses=answers(
        {
            "models": [
                {
                    "name": "facegate-1",
                    "title": "…",
                    "licence": "MIT",
                    "training_data": "…",
                    "installed": True,
                }
            ]
        }
    ),
)
async def models(services: Services_, caller: Annotated[Caller, Depends(need())]) -> dict[str, Any]:
    """Return every model that is known, and whether its weights are here."""

    def work() -> list[dict[str, Any]]:
        return [
            {
                "name": card.name,
                "title": card.title,
                "licence": card.licence,
                "training_data": card.training_data,
                "installed": installed(card),
            }
            for card in cards().values()
        ]

    return {"models": await services.desk(work)}


@router.get(
    "/settings",
    summary="Read the settings",
    response_model=replies.SettingsState,
    responses=answers(_SETTINGS),
)
async def read_settings(
    services: Services_, caller: Annotated[Caller, Depends(need())]
) -> dict[str, Any]:
    """Return error rates, the consent text and the model of new collections."""
    return await services.desk(_shape, services)


@router.patch(
    "/settings",
    summary="Change the settings",
    response_model=replies.SettingsState,
    responses=answers(_SETTINGS, "disk_full"),
)
async def change_settings(body: Change, services: Services_, caller: Admin) -> dict[str, Any]:
    """Set error rates or the consent text; a changed text gets the next version."""
    check_unbound(caller)

    def work() -> dict[str, Any]:
        preferences, collections = services.preferences, services.collections
        fmr, fpir = body.fmr or collections.fmr, body.fpir or collections.fpir
        for name, rate in (("fmr", body.fmr), ("fpir", body.fpir)):
            if rate is not None:
                preferences.set(name, repr(rate))
        collections.set_rates(fmr, fpir)
        if body.consent_text is not None:
            preferences.set_consent(body.consent_text)
        if body.keep_days is not None:
            preferences.set("keep_days", str(body.keep_days))
        if body.ask_consent is not None:
            preferences.set("consent", "on" if body.ask_consent else "off")
        return _shape(services)

    return await services.desk(work)


@open_router.get(
    "/healthz",
    summary="Is the server well?",
    response_model=replies.Health,
    responses=answers({"status": "ok"}),
)
async def health() -> dict[str, str]:
    """Answer, so that whoever watches knows that the server does."""
    return {"status": "ok"}


@open_router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": "facegate_queue 0\n"}}}},
)
async def metrics(services: Services_) -> PlainTextResponse:
    """Return counts of requests and seconds; no name, no id."""
    return PlainTextResponse(
        services.metrics.text(services.worker), media_type="text/plain; version=0.0.4"
    )


def _shape(services: Services) -> dict[str, Any]:
    consent = services.preferences.consent()
    recognizer = services.collections.recognizer()
    return {
        "fmr": services.collections.fmr or FMR,
        "fpir": services.collections.fpir or FPIR,
        "consent": {
            "needed": needs_consent(services),
            "asked": services.preferences.get("consent") == "on",
            "version": consent.version,
            "text": consent.text,
        },
        "version": __version__,
        "model": recognizer.model_id,
        "thresholds": [
            {"fmr": r.fmr, "score": r.score, "impostors": r.impostors, "genuine": r.genuine}
            for r in recognizer.card.thresholds
        ],
        "max_photo_bytes": services.settings.limits.body,
        "keep_days": services.keep_days,
        "presentation_check": services.settings.pad or None,
    }
